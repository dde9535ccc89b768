import { write } from 'node:fs'
import { releaseBuffer } from '../transport/release-buffer.ts'
import { DiskPace, pageAligned } from './direct-file.ts'
import { errorCode } from './disk-reasons.ts'

/**
 * Files are written in pieces of this size, from one buffer, at multiples of it: on Linux that took the system about
 * half of what the same bytes cost it as lists of pieces of 256 KiB, the copy into the buffer included.
 */
export const batchBytes = 4 * 1024 * 1024
/** Batches that are full and not yet written; then the giver waits. */
const waitingBatches = 2
/** Batches kept for the next file. */
const pooledBatches = 6
/** Direct writes at once: the disk has the next one when one is done. */
const directAtOnce = 2

/** Writes bytes at a position of a file; how many of them were written. */
export type WriteAt = (bytes: Uint8Array, position: number) => Promise<number>

const pool: Uint8Array[] = []
const giveBack = (batch: Uint8Array): void => {
  if (pool.length < pooledBatches) pool.push(batch)
}

/** Writes to an open file. */
export const writeTo =
  (file: number): WriteAt =>
  (bytes, position) =>
    new Promise((done, fail) => {
      write(file, bytes, 0, bytes.length, position, (error, count) =>
        error ? fail(error) : done(count),
      )
    })

/** The bytes of one file, gathered and written in batches: some are written while the next is filled. */
export class BatchedWrites {
  readonly #usual: WriteAt
  readonly #waiting: Promise<void>[] = []
  readonly #pace: DiskPace
  #direct: WriteAt | undefined
  #batch: Uint8Array | undefined
  #filled = 0
  #handed = 0
  #failure: { readonly error: unknown } | undefined

  /** `direct` writes past the page cache: only whole batches. Where it is refused (EINVAL) or slow, `usual` goes on. */
  constructor(usual: WriteAt, direct?: WriteAt, pace = new DiskPace()) {
    this.#usual = usual
    this.#direct = direct
    this.#pace = pace
  }

  /** So many bytes were handed on to be written. */
  get sizeBytes(): number {
    return this.#handed
  }

  /** Takes bytes, and gives their memory back. Throws what a write has thrown, also an earlier one. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#check()
      this.#batch ??= pool.pop() ?? pageAligned(batchBytes)
      const part = bytes.subarray(at, at + batchBytes - this.#filled)
      this.#batch.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled === batchBytes) await this.#hand(this.#batch)
    }
    releaseBuffer(bytes)
  }

  /** Resolves when all is written; throws as `add` does. */
  async flush(): Promise<void> {
    if (this.#batch) await this.#hand(this.#batch)
    await Promise.all(this.#waiting)
    this.#check()
  }

  /** Resolves when no write is under way, whatever became of them; then the file may be closed. */
  async settle(): Promise<void> {
    await Promise.all(this.#waiting)
    if (this.#batch) giveBack(this.#batch)
    this.#batch = undefined
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error
  }

  async #hand(batch: Uint8Array): Promise<void> {
    const bytes = batch.subarray(0, this.#filled)
    const position = this.#handed
    this.#handed += bytes.length
    this.#batch = undefined
    this.#filled = 0
    const atOnce = this.#direct && !this.#pace.isSlow ? directAtOnce : 1
    const earlier = this.#waiting.at(-atOnce)
    this.#waiting.push(this.#writeAfter(earlier, batch, bytes, position))
    if (this.#waiting.length <= waitingBatches) return
    await this.#waiting[0]
    void this.#waiting.shift()
  }

  async #writeAfter(
    earlier: Promise<void> | undefined,
    batch: Uint8Array,
    bytes: Uint8Array,
    position: number,
  ): Promise<void> {
    await earlier
    try {
      for (let at = 0; at < bytes.length && !this.#failure;)
        at += await this.#writeSome(bytes.subarray(at), position + at)
    } catch (error) {
      this.#failure = { error }
    }
    giveBack(batch)
  }

  async #writeSome(bytes: Uint8Array, position: number): Promise<number> {
    const direct = this.#pace.isSlow ? undefined : this.#direct
    if (!direct || bytes.length < batchBytes) return this.#usual(bytes, position)
    const begun = performance.now()
    try {
      const count = await direct(bytes, position)
      this.#pace.took(performance.now() - begun)
      return count
    } catch (error) {
      if (errorCode(error) !== 'EINVAL') throw error
      this.#direct = undefined
      return this.#usual(bytes, position)
    }
  }
}
