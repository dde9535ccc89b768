import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DiskSink } from './tree-sink.ts'

const fault = vi.hoisted(() => ({ code: '', noLinks: false }))
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs')>()
  const failing = () => Object.assign(new Error('fault'), { code: fault.code })
  return {
    ...real,
    writeSync: (...args: Parameters<typeof real.writeSync>) => {
      if (fault.code !== '') throw failing()
      return real.writeSync(...args)
    },
    write: (
      file: number,
      bytes: Uint8Array,
      offset: number,
      length: number,
      position: number,
      done: (error: Error | null, count?: number) => void,
    ) => {
      if (fault.code !== '') return done(failing())
      // A disk may take less than it was given.
      const short = Math.ceil(length / 2)
      real.write(file, bytes, offset, short, position, (error, count) => done(error, count))
    },
    linkSync: (from: string, to: string) => {
      if (fault.noLinks) throw Object.assign(new Error('x'), { code: 'EPERM' })
      real.linkSync(from, to)
    },
  }
})

let folder = ''
let sink: DiskSink
const open = (force = false) => (sink = new DiskSink(folder, force))
const at = (...names: string[]) => join(folder, ...names)
const none = { modifiedAt: undefined, mode: undefined }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-sink-'))
  fault.code = ''
})
afterEach(() => {
  sink.end()
  Object.assign(fault, { code: '', noLinks: false })
  rmSync(folder, { recursive: true, force: true })
})

const writeLarge = async (path: string, parts: readonly Uint8Array[]) => {
  const writer = await sink.file(path, { ...none, mode: 0o640, modifiedAt: 5000 })
  for (const part of parts) await writer.write(part)
  return writer
}

describe('writing a tree', () => {
  it('gives a file its name only when it is whole, whatever the disk takes at once', async () => {
    open()
    const parts = [1, 2, 3, 4, 5].map((byte) => new Uint8Array(1_000_003).fill(byte))
    // What was written is the writer's own, and gone by the end.
    const expected = Buffer.concat(parts)
    const writer = await writeLarge('large', parts)
    expect(existsSync(at('large'))).toBe(false)
    await writer.close()
    expect(readFileSync(at('large')).equals(expected)).toBe(true)
    const { mode, mtimeMs } = statSync(at('large'))
    expect([mode & 0o777, mtimeMs, readdirSync(folder)]).toEqual([0o640, 5000, ['large']])
  })

  it('leaves nothing of a file that was given up, nor of a run that ends early', async () => {
    open()
    await (await writeLarge('given up', [new Uint8Array(9)])).abort()
    expect(readdirSync(folder)).toEqual([])
    await writeLarge('early', [new Uint8Array(9)])
    expect(readdirSync(folder)).toHaveLength(1)
    sink.end()
    expect(readdirSync(folder)).toEqual([])
  })

  it.each(['ENOSPC', 'EDQUOT', 'EIO'])(
    'ends at %s with a clear error and no remains',
    async (code) => {
      open()
      fault.code = code
      await expect(sink.wholeFile('small', new Uint8Array(5), none)).rejects.toThrow(
        /^(The disk|This user)/,
      )
      expect(sink.failed.reason).toMatchObject({
        name: 'CliError',
        exitCode: 1,
        message: expect.stringMatching(/ Not everything was written\.$/) as string,
      })
      const writer = await writeLarge('large', [new Uint8Array(5)])
      await expect(writer.close()).rejects.toThrow()
      await writer.abort()
      expect(readdirSync(folder)).toEqual([])
    },
  )

  it('keeps nothing of a large file that the disk filled up under, nor takes more of it', async () => {
    open()
    const part = () => new Uint8Array(3_000_000)
    const writer = await writeLarge('large', [part(), part(), part()])
    fault.code = 'ENOSPC'
    const writeOn = async () => {
      for (let count = 0; count < 8; count++) await writer.write(part())
    }
    await expect(writeOn()).rejects.toThrow('The disk is full.')
    await expect(writer.write(part())).rejects.toThrow('The disk is full.')
    await expect(writer.close()).rejects.toThrow('The disk is full.')
    await writer.abort()
    expect(readdirSync(folder)).toEqual([])
    // What failed leaves nothing in the memory that the next file uses.
    fault.code = ''
    const next = await writeLarge('next', [new Uint8Array(5_000_000).fill(7)])
    await next.close()
    expect(readFileSync(at('next')).equals(Buffer.alloc(5_000_000, 7))).toBe(true)
  })

  it('goes on after what concerns one file alone', async () => {
    open()
    fault.code = 'EFBIG'
    await expect(sink.wholeFile('x', new Uint8Array(5), none)).rejects.toThrow(
      'larger than this disk',
    )
    expect(sink.failed.aborted).toBe(false)
  })

  it('replaces nothing without force, also on disks without hard links', async () => {
    open()
    writeFileSync(at('mine'), 'mine')
    for (const noLinks of [false, true]) {
      fault.noLinks = noLinks
      await expect(sink.wholeFile('mine', new Uint8Array(1), none)).rejects.toThrow('--force')
      await expect(sink.link('mine', 'x', none)).rejects.toThrow('--force')
      await expect(sink.file('mine', { ...none })).rejects.toThrow('--force')
    }
    expect([readFileSync(at('mine'), 'utf8'), sink.taken, readdirSync(folder)]).toEqual([
      'mine',
      6,
      ['mine'],
    ])
    for (const noLinks of [false, true]) {
      fault.noLinks = noLinks
      await sink.wholeFile(`new ${noLinks}`, Buffer.from('new'), none)
      expect(statSync(at(`new ${noLinks}`)).nlink).toBe(1)
    }
  })

  it('with force replaces files and links, but no folders and nothing of its own', async () => {
    open(true)
    mkdirSync(at('folder'))
    writeFileSync(at('file'), 'old')
    symlinkSync('folder', at('link'))
    symlinkSync('nowhere', at('other link'))
    await sink.wholeFile('file', Buffer.from('new'), none)
    await sink.wholeFile('link', Buffer.from('new'), none)
    await expect(sink.wholeFile('folder', Buffer.from('new'), none)).rejects.toThrow(
      'A folder stands',
    )
    expect([readFileSync(at('file'), 'utf8'), readdirSync(at('folder'))]).toEqual(['new', []])
    // What a disk does that takes two names for one.
    linkSync(at('file'), at('FILE'))
    await expect(sink.wholeFile('FILE', Buffer.from('x'), none)).rejects.toThrow(
      'the same name on this disk',
    )
    await sink.link('other link', 'elsewhere', none)
    expect(readlinkSync(at('other link'))).toBe('elsewhere')
    expect(readFileSync(at('file'), 'utf8')).toBe('new')
  })

  it('writes into no folder that is a link, or became one', async () => {
    open(true)
    const outside = mkdtempSync(join(tmpdir(), 'hearthold-outside-'))
    symlinkSync(outside, at('trap'))
    await expect(sink.folder('trap')).rejects.toThrow('A link stands in its place.')
    await expect(sink.wholeFile('trap/x', new Uint8Array(1), none)).rejects.toThrow(
      'Its folder could not be made.',
    )
    await sink.link('made', outside, none)
    await expect(sink.folder('made')).rejects.toThrow('A link stands in its place.')
    await sink.folder('real')
    renameSync(at('real'), at('moved'))
    symlinkSync(outside, at('real'))
    await expect(sink.wholeFile('real/x', new Uint8Array(1), none)).rejects.toThrow(
      'A link stands in its place.',
    )
    expect(readdirSync(outside)).toEqual([])
    rmSync(outside, { recursive: true })
  })

  it('sets rights and times of folders that it made, last, and leaves others alone', async () => {
    mkdirSync(at('there'), { mode: 0o750 })
    open()
    for (const path of ['there', 'new']) await sink.folder(path)
    await sink.wholeFile('new/x', new Uint8Array(1), none)
    for (const path of ['there', 'new'])
      await sink.folderDone(path, { mode: 0o500, modifiedAt: 9000 })
    expect(statSync(at('there')).mode & 0o777).toBe(0o750)
    expect([statSync(at('new')).mode & 0o777, statSync(at('new')).mtimeMs]).toEqual([0o500, 9000])
  })
})
