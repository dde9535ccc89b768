import { tryEach } from './try-each.ts'
import { type FileSystem, writeFully, writeFullySync } from './file-system.ts'

/** Smaller ones stay in the page cache: somebody may want to read them soon. */
const directFromBytes = 8 * 1024 * 1024
/** Where direct writes begin and end, in memory and in the file. */
const pageBytes = 4096
const blockBytes = 1024 * 1024
/** Of each file; together with `mostWriters` this leaves some of libuv's 16 threads free for readers. */
const mostUnderWay = 2
const mostWriters = 6
/** Memory that is used again costs the system a fraction of new one. */
const mostKept = mostWriters * (mostUnderWay + 1)

const kept: Uint8Array[] = []
let writers = 0

/** Memory that begins where a page does: only that of buffers which may change their length is so. */
const pageAligned = (): Uint8Array =>
  kept.pop() ??
  new Uint8Array(new ArrayBuffer(blockBytes, { maxByteLength: blockBytes }), 0, blockBytes)

const keep = (block: Uint8Array): void => {
  if (kept.length < mostKept) kept.push(block)
}

const refusesDirect = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EINVAL'

/**
 * Writes a large file past the page cache. Of bytes that are written once and synced before anybody is told, the pages cost
 * the system more than all that it takes to receive and hash them.
 */
export class DirectWriter {
  readonly #fs: FileSystem
  readonly #file: number
  readonly #direct: number
  #position: number
  #block = pageAligned()
  #filled = 0
  readonly #underWay = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  private constructor(fs: FileSystem, file: number, direct: number, position: number) {
    this.#fs = fs
    this.#file = file
    this.#direct = direct
    this.#position = position
  }

  /**
   * Begins to write from `position` on. The length of the file is set ahead to `sizeBytes`, without which no two writes are
   * under way at once: what is not written in the end must be cut off.
   * @param file of `path`, open for writing
   * @returns undefined where little is to come, this disk is none for it, or others write so already
   */
  static open(
    fs: FileSystem,
    path: string,
    file: number,
    position: number,
    sizeBytes: number,
  ): DirectWriter | undefined {
    if (sizeBytes - position < directFromBytes || writers >= mostWriters) return undefined
    const direct = fs.openDirectSync?.(path, file)
    if (direct === undefined) return undefined
    try {
      fs.truncateSync(file, sizeBytes)
    } catch (error) {
      fs.closeSync(direct)
      throw error
    }
    writers++
    return new DirectWriter(fs, file, direct, position)
  }

  /** True where `room` is to be waited for before more is taken. */
  isBehind(): boolean {
    return this.#underWay.size >= mostUnderWay
  }

  /** Resolves when more may be taken. @throws the disk's errors */
  async room(): Promise<void> {
    while (this.isBehind()) await Promise.race(this.#underWay)
    if (this.#failure) throw this.#failure.error
  }

  /**
   * Copies what comes next.
   * @returns the same bytes where they lie now, until the next call
   * @throws the disk's errors
   */
  take(parts: readonly Uint8Array[]): Uint8Array[] {
    if (this.#failure) throw this.#failure.error
    const taken: Uint8Array[] = []
    for (const part of parts) {
      const lead = this.#filled === 0 ? this.#writeLead(part) : 0
      if (lead > 0) taken.push(part.slice(0, lead))
      for (let at = lead; at < part.length;) {
        const some = part.subarray(at, at + blockBytes - this.#filled)
        this.#block.set(some, this.#filled)
        taken.push(this.#block.subarray(this.#filled, this.#filled + some.length))
        this.#filled += some.length
        at += some.length
        if (this.#filled === blockBytes) this.#begin(blockBytes)
      }
    }
    return taken
  }

  /** Writes what is left and waits for all. @throws the first of the disk's errors */
  async end(): Promise<void> {
    const whole = this.#filled - (this.#filled % pageBytes)
    const rest = this.#block.slice(whole, this.#filled)
    if (whole > 0 && !this.#failure) this.#begin(whole)
    await Promise.all(this.#underWay)
    if (this.#failure) throw this.#failure.error
    writeFullySync(this.#fs, this.#file, rest, this.#position)
  }

  /** Waits for what is under way and gives all back; the file itself stays open. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay)
    writers--
    keep(this.#block)
    tryEach(() => this.#fs.closeSync(this.#direct))
  }

  /** Bytes before the next page go the usual way. @returns how many of `part` they were */
  #writeLead(part: Uint8Array): number {
    const missing = (pageBytes - (this.#position % pageBytes)) % pageBytes
    const lead = part.subarray(0, missing)
    writeFullySync(this.#fs, this.#file, lead, this.#position)
    this.#position += lead.length
    return lead.length
  }

  #begin(length: number): void {
    const block = this.#block
    const writing: Promise<void> = this.#write(block.subarray(0, length), this.#position)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => {
        this.#underWay.delete(writing)
        keep(block)
      })
    this.#underWay.add(writing)
    this.#position += length
    this.#block = pageAligned()
    this.#filled = 0
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await writeFully(this.#fs, this.#direct, [bytes], position)
    } catch (error) {
      // A disk with larger sectors, say.
      if (!refusesDirect(error)) throw error
      await writeFully(this.#fs, this.#file, [bytes], position)
    }
  }
}
