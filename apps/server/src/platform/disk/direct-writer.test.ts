import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DirectWriter, DirectWriters } from './direct-writer.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'

const mebibyte = 1024 * 1024
const segment = 256 * 1024 + 28

let folder: string
let path: string
let file: number
const opened: number[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-direct-'))
  path = join(folder, 'file')
  writeFileSync(path, '')
  file = openSync(path, 'r+')
})
afterEach(() => {
  nodeFileSystem.closeSync(file)
  rmSync(folder, { recursive: true, force: true })
})

const bytesOf = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 11)) & 255)

/** Any disk takes what would be written past its page cache; what is not right for that fails as it does there. */
const strict = (overrides: Partial<FileSystem> = {}): FileSystem => ({
  ...nodeFileSystem,
  openDirectSync: (at) => {
    const direct = openSync(at, 'r+')
    opened.push(direct)
    return direct
  },
  writev: (to, parts, position) => {
    const isAligned = parts.length === 1 && parts[0]!.length % 4096 === 0 && position % 4096 === 0
    if (opened.includes(to) && !isAligned)
      return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    return nodeFileSystem.writev(to, parts, position)
  },
  ...overrides,
})

const open = (fs: FileSystem, position: number, sizeBytes: number): DirectWriter | undefined =>
  new DirectWriters(fs).open(path, file, position, sizeBytes)

const write = async (writer: DirectWriter, bytes: Uint8Array, length: number): Promise<void> => {
  for (let at = 0; at < bytes.length; at += length) {
    const part = bytes.slice(at, at + length)
    const taken = writer.take([part.subarray(0, 10), part.subarray(10)])
    expect(Buffer.concat(taken).equals(part)).toBe(true)
    if (writer.isBehind()) await writer.room()
  }
  await writer.end()
}

describe('writing past the page cache', () => {
  test.each([
    [0, 8 * mebibyte, 65_536],
    [0, 9 * mebibyte + 1, 16_384],
    [segment, 8 * mebibyte + 77, 65_536],
    [3 * segment, 10 * mebibyte + 4095, 3 * mebibyte + 1],
    [4096, 9 * mebibyte, 1000],
  ])('from %i on, %i bytes in parts of %i are what was given', async (from, length, partBytes) => {
    const before = bytesOf(from)
    nodeFileSystem.writeSync(file, before, 0)
    const bytes = bytesOf(length)
    const writer = open(strict(), from, from + length)!
    await write(writer, bytes, partBytes)
    await writer.close()
    const all = readFileSync(path)
    expect(all.length).toBe(from + length)
    expect(all.subarray(0, from).equals(before)).toBe(true)
    expect(all.subarray(from).equals(bytes)).toBe(true)
  })

  test('by the disk under this test, where it can', async () => {
    const bytes = bytesOf(12 * mebibyte + 3)
    const writer = open(nodeFileSystem, 0, bytes.length) ?? open(strict(), 0, bytes.length)!
    await write(writer, bytes, 65_536)
    await writer.close()
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  test('what refuses such writes gets them the usual way', async () => {
    const fs = strict({
      writev: (to, parts, position) =>
        opened.includes(to)
          ? Promise.reject(Object.assign(new Error('EINVAL'), { code: 'EINVAL' }))
          : nodeFileSystem.writev(to, parts, position),
    })
    const bytes = bytesOf(9 * mebibyte + 9)
    const writer = open(fs, 0, bytes.length)!
    await write(writer, bytes, 65_536)
    await writer.close()
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  test('a disk that fails is told of, by what comes next and at the end', async () => {
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    const writer = open(strict({ writev: () => Promise.reject(full) }), 0, 9 * mebibyte)!
    writer.take([bytesOf(2 * mebibyte)])
    await expect(writer.room()).rejects.toBe(full)
    expect(() => writer.take([bytesOf(1)])).toThrow(full)
    await expect(writer.end()).rejects.toBe(full)
    await writer.close()
  })

  test('is for large files only, and for six at a time', async () => {
    const fs = strict()
    expect(open(fs, 0, 8 * mebibyte - 1)).toBeUndefined()
    expect(open(fs, mebibyte, 8 * mebibyte)).toBeUndefined()
    expect(open({ ...fs, openDirectSync: () => undefined }, 0, 9 * mebibyte)).toBeUndefined()
    const all = new DirectWriters(fs)
    const next = (): DirectWriter | undefined => all.open(path, file, 0, 9 * mebibyte)
    const writers = Array.from({ length: 6 }, () => next()!)
    expect(next()).toBeUndefined()
    await writers[0]!.close()
    const another = next()
    expect(another).toBeDefined()
    for (const writer of [...writers.slice(1), another!]) await writer.close()
  })
})
