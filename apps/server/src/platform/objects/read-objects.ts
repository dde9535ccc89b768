import { createHash } from 'node:crypto'
import { asDiskProblems, diskProblem } from './disk-errors.ts'
import { type FileSystem, readFullySync } from '../disk/file-system.ts'
import type { ObjectNames } from './object-names.ts'
import { PieceReader, type Range, shortRead } from '../disk/file-pieces.ts'
import { hashRange } from './upload-marks.ts'

/** A part of an object, ready to be answered: at once, or in pieces (see `BytesAnswer` of platform/http). */
export type ObjectBytes =
  | { readonly bytes: Uint8Array }
  | {
      readonly pieces: AsyncIterable<Uint8Array>
      readonly sizeBytes: number
      /** When nothing is read any more, in any case. */
      readonly close: () => void
    }

export type OpenObject = {
  readonly sizeBytes: number
  /** Bytes [start, end), once; what is opened is closed with them. @throws ProblemError `unavailable` */
  read(range: Range): ObjectBytes
  /** Only for an object that is not read. */
  close(): void
}

/** Up to here one read and one write, which is faster than any stream. */
const smallBytes = 64 * 1024
/** Between so many small reads others get their turn: the disk may be cold. */
const readsPerTurn = 32

/** The reading half of the store. Unknown objects are undefined, the disk's errors problems. */
export class ObjectReader {
  readonly #fs: FileSystem
  readonly #names: ObjectNames
  readonly #pieces: PieceReader

  constructor(fs: FileSystem, names: ObjectNames) {
    this.#fs = fs
    this.#names = names
    this.#pieces = new PieceReader(fs)
  }

  open(object: string): OpenObject | undefined {
    try {
      const file = this.#openFile(object)
      return file === undefined ? undefined : this.#opened(file)
    } catch (error) {
      throw diskProblem(error)
    }
  }

  /** Whole small objects in the order asked. */
  readMany(objects: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return asDiskProblems(async () => {
      const all: (Uint8Array | undefined)[] = []
      for (const object of objects) {
        all.push(this.#readWhole(object))
        if (all.length % readsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      return all
    })
  }

  /** SHA-256 of the bytes on the disk, 64 hex digits: for scrubbing. */
  hash(object: string): Promise<string | undefined> {
    return asDiskProblems(async () => {
      const file = this.#openFile(object)
      if (file === undefined) return undefined
      try {
        const hash = createHash('sha256')
        await hashRange(this.#fs, file, hash, 0, this.#fs.fstatSync(file).sizeBytes)
        return hash.digest('hex')
      } finally {
        this.#fs.closeSync(file)
      }
    })
  }

  #openFile(object: string): number | undefined {
    const path = this.#names.object(object)
    return this.#fs.statSync(path) && this.#fs.openSync(path, 'r')
  }

  #opened(file: number): OpenObject {
    let closed = false
    const close = (): void => {
      if (!closed) this.#fs.closeSync(file)
      closed = true
    }
    return {
      sizeBytes: this.#fs.fstatSync(file).sizeBytes,
      close,
      read: ({ start, end }) => {
        if (end - start <= smallBytes)
          return { bytes: this.#readSmall(file, { start, end }, close) }
        const { pieces, release } = this.#pieces.read(file, { start, end })
        return {
          pieces,
          sizeBytes: end - start,
          close: () => {
            close()
            release()
          },
        }
      },
    }
  }

  #readSmall(file: number, { start, end }: Range, close: () => void): Uint8Array {
    try {
      const bytes = Buffer.allocUnsafe(end - start)
      if (readFullySync(this.#fs, file, bytes, start) < bytes.length) throw shortRead()
      return bytes
    } catch (error) {
      throw diskProblem(error)
    } finally {
      close()
    }
  }

  #readWhole(object: string): Uint8Array | undefined {
    const file = this.#openFile(object)
    if (file === undefined) return undefined
    try {
      const bytes = Buffer.allocUnsafe(this.#fs.fstatSync(file).sizeBytes)
      if (readFullySync(this.#fs, file, bytes, 0) < bytes.length) throw shortRead()
      return bytes
    } finally {
      this.#fs.closeSync(file)
    }
  }
}
