import { open, readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/**
 * Looks for known plaintext on a disk that should hold none: names, paths, and 32-byte windows of contents.
 * Used by the demo and by the custody tests. A Rabin-Karp hash over every window of the disk finds candidates, which are
 * then compared byte by byte, so a find is a find.
 */
export type Needle = { readonly bytes: Buffer; readonly what: string }
export type Find = { readonly file: string; readonly offset: number; readonly what: string }

/** Shorter names would be found by chance and in schemas. */
export const shortestNameBytes = 8
export const windowBytes = 32
/** Windows taken at most from one tree: beyond that they lie further apart. */
const windowLimit = 2_000_000
const chunkBytes = 8 * 1024 * 1024

/** Too even to mean anything: padding, tables of zeros, repeated bytes. */
const isTelling = (window: Buffer): boolean => new Set(window).size >= 10

/** Paths and names below a folder, and windows of its files' contents. Links count by name only. */
export const needlesOf = async (folder: string): Promise<Needle[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const needles: Needle[] = []
  const names = new Set<string>()
  const files: string[] = []
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    names.add(relative(folder, path).split(sep).join('/')).add(entry.name)
    if (entry.isFile()) files.push(path)
  }
  for (const name of names) {
    const bytes = Buffer.from(name)
    if (bytes.length >= shortestNameBytes) needles.push({ bytes, what: `name ${name}` })
  }
  for (const file of files) needles.push(...windowsOf(await readFile(file), relative(folder, file)))
  return thinned(needles)
}

/** Windows of one content, side by side. */
export const windowsOf = (content: Buffer, name: string): Needle[] => {
  const windows: Needle[] = []
  for (let at = 0; at + windowBytes <= content.length; at += windowBytes) {
    const bytes = content.subarray(at, at + windowBytes)
    if (isTelling(bytes)) windows.push({ bytes, what: `contents of ${name} at ${at}` })
  }
  return windows
}

const thinned = (needles: readonly Needle[]): Needle[] => {
  const step = Math.ceil(needles.length / windowLimit)
  return needles.filter((needle, i) => needle.bytes.length !== windowBytes || i % step === 0)
}

const base = 0x01000193
const marks = 1 << 18
/** Where a hash is marked: a look at one byte tells most windows of a disk from all needles. */
const markOf = (hash: number): number => (hash ^ (hash >>> 14)) & (marks - 1)

/** Needles of one prefix length, by the rolling hash of that prefix. */
class PrefixIndex {
  readonly length: number
  readonly #byHash = new Map<number, Needle[]>()
  readonly #marked = new Uint8Array(marks)
  readonly #leading: number

  constructor(length: number) {
    this.length = length
    let leading = 1
    for (let i = 1; i < length; i++) leading = Math.imul(leading, base)
    this.#leading = leading
  }

  get size(): number {
    return this.#byHash.size
  }

  add(needle: Needle): void {
    let hash = 0
    for (let i = 0; i < this.length; i++) hash = (Math.imul(hash, base) + needle.bytes[i]!) | 0
    this.#marked[markOf(hash)] = 1
    const same = this.#byHash.get(hash)
    if (same) same.push(needle)
    else this.#byHash.set(hash, [needle])
  }

  /** Every place of `chunk` below `until` at which a needle stands whole. */
  find(chunk: Buffer, until: number, found: (offset: number, needle: Needle) => void): void {
    const { length } = this
    const [marked, leading] = [this.#marked, this.#leading]
    if (chunk.length < length) return
    let hash = 0
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, base) + chunk[i]!) | 0
    const last = Math.min(until, chunk.length - length + 1)
    for (let at = 0; at < last; at++) {
      if (marked[markOf(hash)] === 1) {
        for (const needle of this.#byHash.get(hash) ?? []) {
          if (chunk.subarray(at, at + needle.bytes.length).equals(needle.bytes)) found(at, needle)
        }
      }
      if (at + length < chunk.length) {
        hash = (Math.imul(hash - Math.imul(chunk[at]!, leading), base) + chunk[at + length]!) | 0
      }
    }
  }
}

export class PlaintextScanner {
  readonly #names = new PrefixIndex(shortestNameBytes)
  readonly #windows = new PrefixIndex(windowBytes)
  #longest = windowBytes

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) {
      if (needle.bytes.length < shortestNameBytes)
        throw new RangeError('needle too short to mean anything')
      const index = needle.bytes.length >= windowBytes ? this.#windows : this.#names
      index.add(needle)
      this.#longest = Math.max(this.#longest, needle.bytes.length)
    }
  }

  /** Finds in bytes held in memory. */
  scanBytes(
    bytes: Buffer,
    file: string,
    finds: Find[] = [],
    offset = 0,
    until = bytes.length,
  ): Find[] {
    const found = (at: number, needle: Needle): void => {
      finds.push({ file, offset: offset + at, what: needle.what })
    }
    if (this.#names.size > 0) this.#names.find(bytes, until, found)
    if (this.#windows.size > 0) this.#windows.find(bytes, until, found)
    return finds
  }

  /** Scans one file in overlapping chunks: memory does not grow with it. */
  async scanFile(path: string, name: string, finds: Find[] = []): Promise<Find[]> {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      const step = Math.min(chunkBytes, size + 1)
      const buffer = Buffer.alloc(step + this.#longest)
      for (let offset = 0; ; offset += step) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset)
        this.scanBytes(buffer.subarray(0, bytesRead), name, finds, offset, step)
        if (bytesRead < buffer.length) return finds
      }
    } finally {
      await handle.close()
    }
  }

  /** Scans every file below a folder, and the names of files and folders there. */
  async scanFolder(folder: string): Promise<{ finds: Find[]; files: number; bytes: number }> {
    const finds: Find[] = []
    let files = 0
    let bytes = 0
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      const name = relative(folder, path)
      this.scanBytes(Buffer.from(name), `${name} (its name)`, finds)
      if (!entry.isFile()) continue
      const before = finds.length
      await this.scanFile(path, name, finds).catch((error: NodeJS.ErrnoException) => {
        // The running server removes temporary files while we look.
        if (error.code !== 'ENOENT') throw error
        finds.length = before
      })
      files++
      bytes += await sizeOf(path)
    }
    return { finds, files, bytes }
  }
}

const sizeOf = async (path: string): Promise<number> => {
  const handle = await open(path, 'r').catch(() => undefined)
  if (!handle) return 0
  try {
    return (await handle.stat()).size
  } finally {
    await handle.close()
  }
}
