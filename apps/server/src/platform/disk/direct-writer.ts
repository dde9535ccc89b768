import { tryEach } from './try-each.ts'
import { type FileSystem, writeFully, writeFullySync } from './file-system.ts'

/** What is smaller stays in the page cache: somebody may want to read it soon. */
const standardDirectFromBytes = 8 * 1024 * 1024
/** Where direct writes begin and end, in memory and in the file. */
const pageBytes = 4096
const blockBytes = 1024 * 1024
/** Of each file; together with `mostWriters` this leaves some of libuv's 16 threads free for readers. */
const mostUnderWay = 2
const mostWriters = 6
/** Memory that is used again costs the system a fraction of new one. */
const mostKept = mostWriters * (mostUnderWay + 1)

const refusesDirect = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EINVAL'

/** Memory that is used again and again, and what there may be of it. */
class Blocks {
  readonly #kept: Uint8Array[] = []

  /** Memory that begins where a page does: only that of buffers which may change their length is so. */
  get(): Uint8Array {
    return (
      this.#kept.pop() ??
      new Uint8Array(new ArrayBuffer(blockBytes, { maxByteLength: blockBytes }), 0, blockBytes)
    )
  }

  keep(block: Uint8Array): void {
    if (this.#kept.length < mostKept) this.#kept.push(block)
  }
}

/**
 * Large files that are written past the page cache, a few at a time. Of bytes that are written once and synced before
 * anybody is told, the pages cost the system more than all that it takes to receive and hash them.
 */
export class DirectWriters {
  readonly #fs: FileSystem
  readonly #fromBytes: number
  readonly #blocks = new Blocks()
  #open = 0

  /** @param fromBytes with less to come a file is not written so */
  constructor(fs: FileSystem, fromBytes = standardDirectFromBytes) {
    this.#fs = fs
    this.#fromBytes = fromBytes
  }

  /**
   * Begins to write from `position` on. The length of the file is set ahead to `sizeBytes`, without which no two writes are
   * under way at once: what is not written in the end must be cut off.
   * @param file of `path`, open for writing
   * @returns undefined where little is to come, this disk is none for it, or others write so already
   */
  open(path: string, file: number, position: number, sizeBytes: number): DirectWriter | undefined {
    const fs = this.#fs
    if (sizeBytes - position < this.#fromBytes || this.#open >= mostWriters) return undefined
    const direct = fs.openDirectSync?.(path, file)
    if (direct === undefined) return undefined
    try {
      fs.truncateSync(file, sizeBytes)
    } catch (error) {
      fs.closeSync(direct)
      throw error
    }
    this.#open++
    const onClosed = (): void => void this.#open--
    return new DirectWriter({ fs, file, direct, blocks: this.#blocks, onClosed }, position)
  }
}

type Parts = {
  readonly fs: FileSystem
  readonly file: number
  /** The same file once more, for writes past the page cache. */
  readonly direct: number
  readonly blocks: Blocks
  readonly onClosed: () => void
}

/** One of those files; `close` ends it, whatever came of it. */
export class DirectWriter {
  readonly #parts: Parts
  #position: number
  #block: Uint8Array
  #filled = 0
  readonly #underWay = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(parts: Parts, position: number) {
    this.#parts = parts
    this.#position = position
    this.#block = parts.blocks.get()
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
    writeFullySync(this.#parts.fs, this.#parts.file, rest, this.#position)
  }

  /** Waits for what is under way and gives all back; the file itself stays open. */
  async close(): Promise<void> {
    const { fs, direct, blocks, onClosed } = this.#parts
    await Promise.all(this.#underWay)
    onClosed()
    blocks.keep(this.#block)
    tryEach(() => fs.closeSync(direct))
  }

  /** Bytes before the next page go the usual way. @returns how many of `part` they were */
  #writeLead(part: Uint8Array): number {
    const missing = (pageBytes - (this.#position % pageBytes)) % pageBytes
    const lead = part.subarray(0, missing)
    writeFullySync(this.#parts.fs, this.#parts.file, lead, this.#position)
    this.#position += lead.length
    return lead.length
  }

  #begin(length: number): void {
    const block = this.#block
    const writing: Promise<void> = this.#write(block.subarray(0, length), this.#position)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => {
        this.#underWay.delete(writing)
        this.#parts.blocks.keep(block)
      })
    this.#underWay.add(writing)
    this.#position += length
    this.#block = this.#parts.blocks.get()
    this.#filled = 0
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    const { fs, file, direct } = this.#parts
    try {
      await writeFully(fs, direct, [bytes], position)
    } catch (error) {
      // A disk with larger sectors, say.
      if (!refusesDirect(error)) throw error
      await writeFully(fs, file, [bytes], position)
    }
  }
}
