/** Snapshots that nobody's disk could have given: what they must never do to the disk that they are restored to. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findNode, openResticRepository } from '@hearthold/member'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  file,
  folder,
  memorySource,
  testPassword,
  TestRepository,
} from '../../packages/member/src/restic/test-repository.oracle.ts'
import { restoreTree } from '../../apps/cli/src/restic/restore-tree.ts'

let base: string
let target: string
let outside: string
let repository: TestRepository
beforeEach(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'hearthold-restore-')))
  target = join(base, 'target')
  outside = join(base, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'precious'), 'precious')
  repository = await TestRepository.create()
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const text = (value: string) => new TextEncoder().encode(value)
const put = (value: string) => repository.putBlob('data', text(value))
const link = (name: string, linktarget: string) => ({
  ...{ name, type: 'symlink', mode: 2 ** 27 + 0o777, linktarget },
  mtime: '2024-01-02T03:04:05.5Z',
})

const restore = async (
  nodes: readonly unknown[],
  options: { overwrite?: boolean; onProgress?: (bytes: number, files: number) => void } = {},
) => {
  const tree = await repository.putTree(nodes)
  await repository.putIndex()
  const opened = await openResticRepository(memorySource(repository.files), testPassword)
  const root = await findNode(opened, tree, '')
  const { signal } = new AbortController()
  return restoreTree(opened, root, target, { overwrite: false, signal, ...options })
}

const untouched = () => {
  expect(readdirSync(outside)).toEqual(['precious'])
  expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious')
  expect(readdirSync(base).toSorted()).toEqual(['outside', 'target'])
}

describe.each([false, true])('with overwrite %s', (overwrite) => {
  it('never writes through a link that the snapshot itself made', async () => {
    const id = await put('evil')
    const inner = await repository.putTree([file('precious', [id], { size: 4 })])
    const { failed } = await restore(
      [
        link('a', outside),
        folder('a', inner),
        link('b', join(outside, 'precious')),
        file('b', [id], { size: 4 }),
        folder('c', inner),
        link('c', outside),
      ],
      { overwrite },
    )
    untouched()
    const paths = failed.map(({ path }) => path).toSorted()
    expect(paths).toEqual(['a', 'a/precious', 'b', 'c', 'c/precious'])
    // Links are made when the walk comes by, before the folders of the same names.
    for (const name of ['a', 'c']) expect(readlinkSync(join(target, name))).toBe(outside)
  })

  it('never writes through a link that stood there', async () => {
    const id = await put('evil')
    mkdirSync(target)
    symlinkSync(outside, join(target, 'a'))
    symlinkSync(join(outside, 'precious'), join(target, 'b'))
    const inner = await repository.putTree([file('precious', [id], { size: 4 })])
    const nodes = [folder('a', inner), file('b', [id], { size: 4 })]
    const { failed } = await restore(nodes, { overwrite })
    untouched()
    expect(failed.map(({ path }) => path).toSorted()).toEqual(
      overwrite ? ['a', 'a/precious'] : ['a', 'a/precious', 'b'],
    )
    expect(lstatSync(join(target, 'b')).isSymbolicLink()).toBe(!overwrite)
  })

  it('never follows names that lead out of the folder', async () => {
    const id = await put('evil')
    const names = ['..', '../outside/precious', '/etc/passwd', '..\\x2foutside', '.', '']
    const nodes = names.map((name) => file(name, [id], { size: 4 }))
    const { failed, files } = await restore([...nodes, file('ok', [id], { size: 4 })], {
      overwrite,
    })
    untouched()
    expect(files).toBe(1)
    expect(failed.map(({ code }) => code)).toEqual(names.map(() => 'name_refused'))
    expect(readdirSync(target)).toEqual(['ok'])
  })

  it('makes hard links among what it restored alone', async () => {
    const id = await put('mine')
    mkdirSync(target)
    writeFileSync(join(target, 'first'), 'was here')
    const same = { size: 4, inode: 7, device_id: 1, links: 2 }
    const nodes = [file('first', [id], same), file('second', [id], same)]
    const { failed } = await restore(nodes, { overwrite })
    expect(failed.map(({ path }) => path)).toEqual(overwrite ? [] : ['first', 'second'])
    expect(existsSync(join(target, 'second'))).toBe(overwrite)
    expect(readFileSync(join(target, 'first'), 'utf8')).toBe(overwrite ? 'mine' : 'was here')
  })
})

it('stops writing into a folder that was exchanged meanwhile', async () => {
  const first = await put('first')
  const later = await Promise.all(
    Array.from({ length: 40 }, (_, number) => put(`${number}`.padEnd(1_000_000, '.'))),
  )
  const inner = await repository.putTree([
    file('first', [first], { size: 5 }),
    ...later.map((id, number) => file(`later ${number}`, [id], { size: 1_000_000 })),
  ])
  let exchanged = false
  const { failed } = await restore([folder('inner', inner)], {
    onProgress: () => {
      if (exchanged) return
      exchanged = true
      renameSync(join(target, 'inner'), join(target, 'moved'))
      symlinkSync(outside, join(target, 'inner'))
    },
  })
  expect(readdirSync(outside)).toEqual(['precious'])
  expect(failed.length).toBe(later.length + 1)
  expect(failed[0]?.reason).toMatch(/link stands in its place/)
})

it('gives nothing a name that is not whole, and leaves nothing behind', async () => {
  const good = await put('good')
  const bad = 'dd'.repeat(32)
  await repository.putPack('data', [{ id: bad, plain: text('not of this name') }])
  const { failed, files } = await restore([
    file('half', [good, bad], { size: 20 }),
    file('short', [good], { size: 5 }),
    file('whole', [good, good], { size: 8 }),
    file('nothing', [], { size: 0 }),
    file('claims', [], { size: 9 }),
  ])
  const lines = failed.map(({ path, code }) => `${path} ${code}`).toSorted()
  expect(lines).toEqual(['claims damaged', 'half damaged', 'short damaged'])
  expect(files).toBe(2)
  expect(readdirSync(target).toSorted()).toEqual(['nothing', 'whole'])
  expect(readFileSync(join(target, 'whole'), 'utf8')).toBe('goodgood')
})

it('keeps files private until they are whole, and folders until all is in them', async () => {
  const id = await put('secret')
  const inner = await repository.putTree([file('open', [id], { size: 6, mode: 0o644 })])
  await restore([folder('inner', inner, { mode: 2 ** 31 + 0o755 })], {
    onProgress: () => expect(statSync(join(target, 'inner')).mode & 0o777).toBe(0o700),
  })
  expect(statSync(join(target, 'inner')).mode & 0o777).toBe(0o755)
  expect(statSync(join(target, 'inner/open')).mode & 0o777).toBe(0o644)
})
