import { write } from 'node:fs'
import { releaseBuffer } from '../transport/release-buffer.ts'

/**
 * Files are written in pieces of this size, from one buffer, at multiples of it: on Linux that took the system about
 * half of what the same bytes cost it as lists of pieces of 256 KiB, the copy into the buffer included.
 */
const batchBytes = 4 * 1024 * 1024
/** Batches that are full and not yet written; then the giver waits. */
const waitingBatches = 2
/** Batches kept for the next file. */
const pooledBatches = 6

const V = process.env.HH_VARIANT ?? 'base'
const par = V.includes('par') ? 2 : 1
const pool: Buffer[] = []
const giveBack = (batch: Buffer): void => {
  if (pool.length < pooledBatches) pool.push(batch)
}

const writeOnce = (file: number, bytes: Uint8Array, pos: number): Promise<number> =>
  new Promise((done, fail) => {
    write(file, bytes, 0, bytes.length, pos, (error, count) => (error ? fail(error) : done(count)))
  })

const writeAll = async (file: number, bytes: Uint8Array, pos: number): Promise<void> => {
  for (let at = 0; at < bytes.length;) at += await writeOnce(file, bytes.subarray(at), pos + at)
}

/** The bytes of one file, gathered and written in batches: one is written while the next is filled. */
export class BatchedWrites {
  readonly #file: number
  readonly #waiting: Promise<void>[] = []
  #last: Promise<void> = Promise.resolve()
  #batch: Buffer | undefined
  #filled = 0
  #failure: { readonly error: unknown } | undefined

  /** `file` is open for writing, at its beginning. */
  #direct: number | undefined
  #pos = 0
  constructor(file: number, direct?: number) {
    this.#file = file
    this.#direct = direct
  }

  /** Takes bytes, and gives their memory back. Throws what a write has thrown, also an earlier one. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#check()
      this.#batch ??= pool.pop() ?? (V.includes('direct') ? Buffer.from(new WebAssembly.Memory({initial: 64, maximum: 64}).buffer) : Buffer.allocUnsafeSlow(batchBytes))
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
    await this.#last
    this.#check()
  }

  /** Resolves when no write is under way, whatever became of them; then the file may be closed. */
  async settle(): Promise<void> {
    await this.#last
    if (this.#batch) giveBack(this.#batch)
    this.#batch = undefined
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error
  }

  async #hand(batch: Buffer): Promise<void> {
    const bytes = batch.subarray(0, this.#filled)
    this.#batch = undefined
    this.#filled = 0
    const pos = this.#pos
    this.#pos += bytes.length
    const before = par === 2 ? (this.#waiting.at(-2) ?? Promise.resolve()) : this.#last
    const mine = this.#writeAfter(before, batch, bytes, pos)
    this.#last = Promise.all([this.#last, mine]).then(() => undefined)
    this.#waiting.push(this.#last)
    if (this.#waiting.length > waitingBatches) await this.#waiting.shift()
  }

  async #writeAfter(earlier: Promise<void>, batch: Buffer, bytes: Uint8Array, pos: number): Promise<void> {
    await earlier
    try {
      if (!this.#failure) await writeAll(bytes.length === batchBytes ? this.#direct ?? this.#file : this.#file, bytes, pos)
    } catch (error) {
      this.#failure = { error }
    }
    giveBack(batch)
  }
}
