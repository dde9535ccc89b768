import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalFile, LocalItem } from '@hearthold/member'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rootsOf, walkDisk } from './walk.ts'

let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hearthold-walk-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

const walk = async (path: string, dereference = false) => {
  const items: LocalItem[] = []
  const notKept: string[] = []
  const options = { dereference, notKept: (item: { path: string }) => void notKept.push(item.path) }
  for await (const item of walkDisk(rootsOf([path]), options)) items.push(item)
  return { items, notKept }
}
const fileAt = async (path: string): Promise<LocalFile> => {
  const { items } = await walk(path)
  const file = items.find((item) => item.kind === 'file')
  if (!file) throw new Error('no file')
  return file
}
const read = async (file: LocalFile, offset = 0): Promise<Buffer> => {
  const parts: Buffer[] = []
  for await (const chunk of file.open(offset)) parts.push(Buffer.from(chunk))
  return Buffer.concat(parts)
}

describe('walking a disk', () => {
  it('gives folders before what they hold, with time and rights but nothing that hands out rights', async () => {
    mkdirSync(at('a', 'b'), { recursive: true })
    writeFileSync(at('a', 'b', 'c'), 'abc')
    chmodSync(at('a', 'b', 'c'), 0o6750)
    utimesSync(at('a', 'b', 'c'), 1, 12.345)
    symlinkSync('b/c', at('a', 'z'))
    const { items } = await walk(at('a'))
    const byPath = new Map(items.map((item) => [item.path, item]))
    expect(items[0]?.path).toBe('a')
    expect(byPath.get('a/b/c')).toMatchObject({
      kind: 'file',
      size: 3,
      mode: 0o750,
      modifiedAt: 12_345,
    })
    expect(byPath.get('a/z')).toMatchObject({ kind: 'link', target: 'b/c' })
    expect(items.findIndex(({ path }) => path === 'a/b')).toBeLessThan(
      items.findIndex(({ path }) => path === 'a/b/c'),
    )
  })

  it('follows a link that is named with a slash at its end, and no other', async () => {
    mkdirSync(at('real'))
    writeFileSync(at('real', 'x'), '')
    symlinkSync('real', at('link'))
    expect((await walk(at('link'))).items).toMatchObject([{ kind: 'link', path: 'link' }])
    expect((await walk(`${at('link')}/`)).items.map(({ path }) => path)).toEqual(['link', 'link/x'])
  })

  it('needs no memory for a large folder, and ends when nobody asks any more', async () => {
    mkdirSync(at('large'))
    for (let i = 0; i < 1500; i++) writeFileSync(at('large', `${i}`), '')
    expect((await walk(at('large'))).items).toHaveLength(1501)
    for await (const item of walkDisk(rootsOf([at('large')]), {
      dereference: false,
      notKept: () => undefined,
    })) {
      if (item.kind === 'file') break
    }
  })

  it('tells two spellings of one name apart from two names', async () => {
    mkdirSync(at('names'))
    const spellings = ['\u212b', 'A\u030a', 'e\u0301', 'K']
    for (const name of spellings) writeFileSync(at('names', name), '')
    const { items } = await walk(at('names'))
    const refused = items.filter(({ kind }) => kind === 'unreadable')
    expect(refused).toHaveLength(1)
    expect(items.filter(({ kind }) => kind === 'file')).toHaveLength(3)
  })

  it('lists a file that vanished before its turn', async () => {
    mkdirSync(at('gone'))
    writeFileSync(at('gone', 'x'), 'x')
    const file = await fileAt(at('gone'))
    rmSync(at('gone', 'x'))
    await expect(read(file)).rejects.toThrow('It was gone when its turn came.')
  })
})

describe('reading a file', () => {
  const sizes = [0, 1, 262_144, 1_048_576, 1_048_577, 3_145_728]
  it.each(sizes)('gives all %i bytes, from anywhere', async (size) => {
    const content = Buffer.alloc(size, 'hearthold ')
    writeFileSync(at('file'), content)
    const file = await fileAt(at('file'))
    expect((await read(file)).equals(content)).toBe(true)
    const offset = Math.min(size, 262_144)
    const rest = size > offset ? await read(file, offset) : Buffer.alloc(0)
    expect(rest.equals(content.subarray(offset))).toBe(true)
  })

  const changes: [string, () => void][] = [
    ['longer', () => appendFileSync(at('file'), 'x')],
    [
      'another',
      () => (
        writeFileSync(at('other'), Buffer.alloc(2_000_000)),
        renameSync(at('other'), at('file'))
      ),
    ],
    ['of another time', () => utimesSync(at('file'), 1, 1)],
  ]
  for (const [how, change] of changes) {
    it(`notices a file that has become ${how}, before and during the reading`, async () => {
      writeFileSync(at('file'), Buffer.alloc(2_000_000, 'x'))
      const before = await fileAt(at('file'))
      change()
      await expect(read(before)).rejects.toThrow('It changed while it was being read.')
      writeFileSync(at('file'), Buffer.alloc(3_000_000, 'y'))
      const during = await fileAt(at('file'))
      const chunks = during.open(0)[Symbol.asyncIterator]()
      await chunks.next()
      change()
      const rest = async () => {
        while (!(await chunks.next()).done);
      }
      await expect(rest()).rejects.toThrow('It changed while it was being read.')
    })
  }

  it('never follows a link that took its place', async () => {
    writeFileSync(at('secret'), 'x')
    writeFileSync(at('file'), 'x')
    const file = await fileAt(at('file'))
    rmSync(at('file'))
    symlinkSync('secret', at('file'))
    await expect(read(file)).rejects.toThrow('It is, or leads through, a symbolic link.')
  })
})

describe('roots', () => {
  it('must be there, and have names of their own', () => {
    mkdirSync(at('x', 'same'), { recursive: true })
    mkdirSync(at('same'))
    expect(() => rootsOf([at('nowhere')])).toThrow(`There is no ${at('nowhere')}.`)
    expect(() => rootsOf([at('same'), at('x', 'same')])).toThrow('Two of the paths end in same.')
    expect(() => rootsOf(['/'])).toThrow('The root of the disk has no name.')
    expect(rootsOf([`${at('x')}/.`])).toMatchObject([{ name: 'x', follow: true }])
  })
})
