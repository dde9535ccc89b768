import { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { DirectWriter } from './direct-writer.ts'
import type { DiskPace } from './disk-pace.ts'
import { type FileSystem, writeFully, writeFullySync } from './file-system.ts'
import { releaseBuffer } from './release-buffer.ts'

/** One writev for this many bytes, unless told otherwise: eight of Node's 64 KiB reads. */
const standardBatchBytes = 512 * 1024
/** A sender of tiny packets must not make us hold half a million of them. */
const batchParts = 256
/** What comes over TLS comes in pieces of 16 KiB: a copy costs less than a call of the hash and one of the disk for each. */
const joinedBytes = 128 * 1024
/** Only used between two calls that leave nothing behind, so that one serves all bodies. */
let joinedBuffer: Buffer | undefined

/** A stream whose chunks are nobody else's once they are handed on, as those of a request are. */
export class ReceivedBytes extends Readable {}

export type ReceiveOptions = {
  fs: FileSystem
  file: number
  body: Readable
  position: number
  limitBytes: number
  /** What is thrown when more come. */
  tooLong: () => Error
  /** Bytes of one write, asked for each: who has many bodies to receive at once may make them smaller. */
  batchBytes?: () => number
  /** Where it is given, batches are written on the spot while the disk takes them at once. */
  pace?: DiskPace
  /** Where it is given, it writes, from `position` on. */
  direct?: DirectWriter | undefined
  /** Called with the length of each chunk as it comes; what it throws ends the body. */
  onChunk?: (count: number) => void
  /** Called with each batch in order, once; its bytes are on their way to the disk, not there. */
  onBatch: (parts: readonly Uint8Array[]) => void
  /** Called after each batch when it is written. */
  onWritten: () => void
}

/**
 * Writes what `body` sends into `file`. Driven by `data` events, because any stream in between costs more CPU than the
 * rest of the upload; one batch is written while the next is received and `onBatch` (hashing) runs beside the write.
 * @returns true if the body came to its end, false if it was cut off; everything received is written by then
 * @throws `tooLong` if more than `limitBytes` come; the disk's errors. The body is left paused, and
 * nothing is being written any more.
 */
export const receiveBody = (options: ReceiveOptions): Promise<boolean> =>
  new Promise((resolve, reject) => new BodyReceiver(options, resolve, reject).start())

class BodyReceiver {
  readonly #options: ReceiveOptions
  readonly #resolve: (complete: boolean) => void
  readonly #reject: (error: unknown) => void
  #position: number
  #leftBytes: number
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #writing = false
  #ended = false
  #complete = false
  #failed = false
  #failure: unknown

  constructor(
    options: ReceiveOptions,
    resolve: (complete: boolean) => void,
    reject: (error: unknown) => void,
  ) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#position = options.position
    this.#leftBytes = options.limitBytes
  }

  start(): void {
    const { body } = this.#options
    // A connection that drops shows as an error and a close; what came before it counts.
    body.on('error', () => undefined)
    body.on('end', this.#onComplete).on('close', this.#onEnd).on('data', this.#onData)
    if (body instanceof IncomingMessage) this.#takeAtOnce(body)
    if (body.readableEnded) this.#onComplete()
    else if (body.destroyed) this.#onEnd()
  }

  /**
   * Takes what the parser pushes before the stream does, which would make a turn of its own for each chunk only to ask for
   * more. What the stream would not hand on at once, and the end, go their usual way.
   */
  #takeAtOnce(body: IncomingMessage): void {
    const { push } = body
    body.push = (chunk: unknown, encoding) => {
      const isFlowing = body.readableFlowing === true && body.readableLength === 0
      if (!isFlowing || !(chunk instanceof Uint8Array) || body.listenerCount('data') !== 1)
        return push.call(body, chunk, encoding)
      this.#onData(chunk)
      return true
    }
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (chunk.length > this.#leftBytes) {
      this.#fail(this.#options.tooLong())
      return
    }
    this.#leftBytes -= chunk.length
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    try {
      this.#options.onChunk?.(chunk.length)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#flush()
    if (this.#isFull() && !this.#failed) this.#options.body.pause()
  }

  /** False where the disk makes its writers wait. */
  #writesNow(): boolean {
    const { pace, direct } = this.#options
    if (direct) return this.#writeDirect(direct)
    if (pace === undefined || !pace.isQuick()) return false
    const parts = this.#joined(this.#takeBatch())
    try {
      this.#options.onBatch(parts)
      pace.run(() => this.#writeParts(parts))
      this.#options.onWritten()
    } catch (error) {
      this.#fail(error)
    }
    return true
  }

  #writeDirect(direct: DirectWriter): true {
    const parts = this.#takeBatch()
    try {
      this.#options.onBatch(direct.take(parts))
      for (const part of parts) this.#release(part)
      this.#options.onWritten()
      if (direct.isBehind() && !this.#ended) void this.#waitForRoom(direct)
    } catch (error) {
      this.#fail(error)
    }
    return true
  }

  async #waitForRoom(direct: DirectWriter): Promise<void> {
    const { body } = this.#options
    body.pause()
    try {
      await direct.room()
      if (!this.#ended && !this.#failed) body.resume()
    } catch (error) {
      this.#fail(error)
    }
  }

  async #endDirect(direct: DirectWriter): Promise<void> {
    try {
      await direct.end()
      this.#resolve(this.#complete)
    } catch (error) {
      this.#reject(error)
    }
  }

  /** Small parts as one, in a buffer that the next batch uses again; their own memory is given back. */
  #joined(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    const total = parts.reduce((sum, { length }) => sum + length, 0)
    if (parts.length === 1 || total > joinedBytes) return parts
    joinedBuffer ??= Buffer.allocUnsafeSlow(joinedBytes)
    let at = 0
    for (const part of parts) {
      joinedBuffer.set(part, at)
      at += part.length
      this.#release(part)
    }
    return [joinedBuffer.subarray(0, total)]
  }

  #writeParts(parts: readonly Uint8Array[]): void {
    const { fs, file } = this.#options
    for (const part of parts) {
      const { length } = part
      writeFullySync(fs, file, part, this.#position)
      this.#position += length
      if (part.buffer !== joinedBuffer?.buffer) this.#release(part)
    }
  }

  /** What came off a connection is ours alone; another source may keep its chunks. */
  #release(part: Uint8Array): void {
    const { body } = this.#options
    if (body instanceof IncomingMessage || body instanceof ReceivedBytes) releaseBuffer(part)
  }

  #takeBatch(): readonly Uint8Array[] {
    const parts = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    return parts
  }

  readonly #onComplete = (): void => {
    this.#complete = true
    this.#onEnd()
  }

  readonly #onEnd = (): void => {
    if (this.#ended || this.#failed) return
    this.#ended = true
    this.#stopListening()
    this.#flush()
  }

  #isFull(): boolean {
    const batchBytes = this.#options.batchBytes?.() ?? standardBatchBytes
    return this.#pendingBytes >= batchBytes || this.#pending.length >= batchParts
  }

  #flush(): void {
    if (this.#writing || this.#failed) return
    if (this.#pendingBytes > 0 && (this.#isFull() || this.#ended) && !this.#writesNow())
      return void this.#writeBatch()
    if (this.#pendingBytes > 0 || !this.#ended || this.#failed) return
    if (this.#options.direct) void this.#endDirect(this.#options.direct)
    else this.#resolve(this.#complete)
  }

  async #writeBatch(): Promise<void> {
    const { fs, file, body, onBatch, onWritten } = this.#options
    const bytes = this.#pendingBytes
    const parts = this.#takeBatch()
    this.#writing = true
    const written = writeFully(fs, file, parts, this.#position)
    try {
      onBatch(parts)
      await written
      for (const part of parts) this.#release(part)
      this.#position += bytes
      onWritten()
    } catch (error) {
      this.#fail(error)
      await written.catch(() => undefined)
    }
    this.#writing = false
    if (this.#failed) return this.#reject(this.#failure)
    if (!this.#ended && body.isPaused()) body.resume()
    this.#flush()
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#failure = error
    this.#stopListening()
    this.#options.body.pause()
    // A write under way still has the file: closed now, its number could be another file's when the write begins.
    if (!this.#writing) this.#reject(error)
  }

  #stopListening(): void {
    const { body } = this.#options
    body.off('data', this.#onData).off('end', this.#onComplete).off('close', this.#onEnd)
    if (body instanceof IncomingMessage) Reflect.deleteProperty(body, 'push')
  }
}
