/** Reads a zip by itself, without the code that wrote it: per entry its size and SHA-256. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import type { TreeDigest } from './compare.ts'

const endMark = 0x06054b50
const end64Mark = 0x06064b50
const entryMark = 0x02014b50
const localMark = 0x04034b50
const endBytes = 22
const commentLimit = 65_535

const readAt = async (handle: FileHandle, at: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at)
  if (bytesRead < length) throw new Error('The zip ends too early.')
  return buffer
}

type Directory = { readonly at: number; readonly bytes: number }

const findDirectory = async (handle: FileHandle): Promise<Directory> => {
  const { size } = await handle.stat()
  const tailAt = Math.max(0, size - endBytes - commentLimit)
  const tail = await readAt(handle, tailAt, size - tailAt)
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (end < 0 || tail.readUInt32LE(end) !== endMark) throw new Error('This is no zip.')
  const directory = { bytes: tail.readUInt32LE(end + 12), at: tail.readUInt32LE(end + 16) }
  const isLarge = directory.at === 0xffffffff || tail.readUInt16LE(end + 10) === 0xffff
  if (!isLarge) return directory
  const locator = await readAt(handle, tailAt + end - 20, 20)
  const large = await readAt(handle, Number(locator.readBigUInt64LE(8)), 56)
  if (large.readUInt32LE(0) !== end64Mark) throw new Error('The zip64 end is missing.')
  return { bytes: Number(large.readBigUInt64LE(40)), at: Number(large.readBigUInt64LE(48)) }
}

type Entry = {
  readonly name: string
  readonly method: number
  readonly stored: number
  readonly size: number
  readonly at: number
}

/** Sizes that do not fit stand in the extra field, in this order. */
const largeValues = (extra: Buffer): bigint[] => {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    const count = Math.floor(extra.readUInt16LE(at + 2) / 8)
    return Array.from({ length: count }, (_, i) => extra.readBigUInt64LE(at + 4 + i * 8))
  }
  return []
}

function* entriesOf(directory: Buffer): Generator<Entry> {
  for (let at = 0; at < directory.length;) {
    if (directory.readUInt32LE(at) !== entryMark) throw new Error('The zip is damaged.')
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28)
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
    const large = largeValues(directory.subarray(nameEnd, extraEnd))
    const value = (offset: number): number => {
      const short = directory.readUInt32LE(at + offset)
      return short === 0xffffffff ? Number(large.shift()) : short
    }
    const size = value(24)
    const stored = value(20)
    const name = directory.subarray(at + 46, nameEnd).toString('utf8')
    yield { name, method: directory.readUInt16LE(at + 10), stored, size, at: value(42) }
    at = extraEnd + directory.readUInt16LE(at + 32)
  }
}

const sha256Of = async (path: string, handle: FileHandle, entry: Entry): Promise<string> => {
  const local = await readAt(handle, entry.at, 30)
  if (local.readUInt32LE(0) !== localMark)
    throw new Error(`${entry.name} is not where it should be.`)
  const start = entry.at + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
  const hash = createHash('sha256')
  if (entry.stored === 0) return hash.digest('hex')
  const source = createReadStream(path, { start, end: start + entry.stored - 1 })
  if (entry.method === 0) await pipeline(source, hash)
  else if (entry.method === 8) await pipeline(source, createInflateRaw(), hash)
  else throw new Error(`${entry.name} is compressed in an unknown way.`)
  return hash.digest('hex')
}

/** What a zip holds, told as `digestTree` tells a folder. Throws where it is no whole zip. */
export const digestZip = async (path: string): Promise<TreeDigest> => {
  const handle = await open(path, 'r')
  try {
    const { at, bytes } = await findDirectory(handle)
    const tree = new Map<string, string>()
    for (const entry of entriesOf(await readAt(handle, at, bytes))) {
      const name = entry.name.replace(/\/$/, '').normalize('NFC')
      if (entry.name.endsWith('/')) tree.set(name, 'folder')
      else tree.set(name, `file of ${entry.size} bytes, ${await sha256Of(path, handle, entry)}`)
    }
    return tree
  } finally {
    await handle.close()
  }
}
