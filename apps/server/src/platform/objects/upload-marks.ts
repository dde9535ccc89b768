import { createHash, type Hash } from 'node:crypto'
import { sealedSegmentBytes } from '@hearthold/crypto'
import { type FileSystem, readFullySync, writeFullySync } from '../disk/file-system.ts'

/**
 * Marks tell, after a crash, how much of a half-sent object can be trusted. A power cut may leave a file with its full
 * length and holes in it, and hashing that again would give the hash of the damage. So a file beside it lists
 * what the bytes hashed to at some offsets; what does not lead to a listed hash is cut off and sent again. Neither
 * file needs an fsync for this: a lost or torn mark only costs what came after the one before it.
 *
 * Format: 40 bytes each, offset u64be (whole segments) and SHA-256 of all bytes before it.
 */
const markBytes = 40

/** About 32 MiB: what a crash can cost a sender. */
export const markIntervalBytes = 128 * sealedSegmentBytes

type Mark = { readonly offset: number; readonly sha256: string }

export type TrustedPrefix = {
  readonly offset: number
  readonly hash: Hash
  /** How many marks lead there; the next one is written after them. */
  readonly marks: number
}

/** Writes mark number `index`. */
export const writeMark = (
  fs: FileSystem,
  path: string,
  index: number,
  offset: number,
  hash: Hash,
): void => {
  const bytes = Buffer.alloc(markBytes)
  bytes.writeBigUInt64BE(BigInt(offset))
  hash.copy().digest().copy(bytes, 8)
  const file = fs.openSync(path, index === 0 ? 'w' : 'r+')
  try {
    writeFullySync(fs, file, bytes, index * markBytes)
  } finally {
    fs.closeSync(file)
  }
}

/** The marks of an upload up to `sizeBytes`, ascending; empty if there is no such file. */
export const readMarks = (fs: FileSystem, path: string, sizeBytes: number): Mark[] => {
  const stat = fs.statSync(path)
  if (!stat) return []
  const bytes = Buffer.alloc(stat.sizeBytes - (stat.sizeBytes % markBytes))
  const file = fs.openSync(path, 'r')
  try {
    readFullySync(fs, file, bytes, 0)
  } finally {
    fs.closeSync(file)
  }
  const marks: Mark[] = []
  let last = 0
  for (let at = 0; at < bytes.length; at += markBytes) {
    const offset = Number(bytes.readBigUInt64BE(at))
    if (offset <= last || offset > sizeBytes || offset % sealedSegmentBytes !== 0) break
    marks.push({ offset, sha256: bytes.toString('hex', at + 8, at + markBytes) })
    last = offset
  }
  return marks
}

/** Reads the open file `part` from its beginning, as far as its marks agree. */
export const trustedPrefix = async (
  fs: FileSystem,
  part: number,
  marks: readonly Mark[],
): Promise<TrustedPrefix> => {
  let trusted: TrustedPrefix = { offset: 0, hash: createHash('sha256'), marks: 0 }
  for (const { offset, sha256 } of marks) {
    const hash = trusted.hash.copy()
    await hashRange(fs, part, hash, trusted.offset, offset)
    if (hash.copy().digest('hex') !== sha256) break
    trusted = { offset, hash, marks: trusted.marks + 1 }
  }
  return trusted
}

/** Adds the bytes from `start` to `end` (or the file's end) to `hash`, a MiB at a time. */
export const hashRange = async (
  fs: FileSystem,
  file: number,
  hash: Hash,
  start: number,
  end: number,
): Promise<void> => {
  const bytes = Buffer.allocUnsafe(1024 * 1024)
  for (let at = start; at < end;) {
    const count = await fs.read(file, bytes.subarray(0, Math.min(bytes.length, end - at)), at)
    if (count === 0) break
    hash.update(bytes.subarray(0, count))
    at += count
  }
}
