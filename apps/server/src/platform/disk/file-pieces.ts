import type { DiskPace } from './disk-pace.ts'
import type { FileSystem } from './file-system.ts'

const standardPieceBytes = 1024 * 1024
/** Kept for the next readers. */
const pooledBytes = 8 * 1024 * 1024

export type Range = { readonly start: number; readonly end: number }

export type PieceOptions = {
  /** Bytes of a piece; 1 MiB unless told otherwise. */
  readonly pieceBytes?: number
  /** Where it is given, pieces are read on the spot while the disk has them in memory. */
  readonly pace?: DiskPace
}

export type Pieces = {
  /** Once. A piece's bytes stay as they are until the piece after the next is asked for. */
  readonly pieces: AsyncIterable<Uint8Array>
  /** When nothing is sent from them any more; wanted even if the pieces were not all read. */
  readonly release: () => void
}

/**
 * Reads files in pieces through two buffers in turn: one is read into while the other is on its way out. The
 * buffers are kept and used again, because making and clearing them costs as much as the reading.
 */
export class PieceReader {
  readonly #fs: FileSystem
  readonly #pieceBytes: number
  readonly #pace: DiskPace | undefined
  readonly #pool: Buffer[] = []

  constructor(fs: FileSystem, { pieceBytes = standardPieceBytes, pace }: PieceOptions = {}) {
    this.#fs = fs
    this.#pieceBytes = pieceBytes
    this.#pace = pace
  }

  /** Bytes [start, end) of an open file; fails with EIO where the file is shorter. */
  read(file: number, range: Range): Pieces {
    const buffers = [this.#takeBuffer(), this.#takeBuffer()] as const
    let released = false
    return {
      pieces: this.#pieces(file, range, buffers),
      release: () => {
        if (released) return
        released = true
        for (const buffer of buffers)
          if (this.#pool.length * this.#pieceBytes < pooledBytes) this.#pool.push(buffer)
      },
    }
  }

  async *#pieces(
    file: number,
    { start, end }: Range,
    buffers: readonly [Buffer, Buffer],
  ): AsyncGenerator<Uint8Array> {
    for (let at = start, turn: 0 | 1 = 0; at < end; turn = turn === 0 ? 1 : 0) {
      const wanted = buffers[turn].subarray(0, Math.min(this.#pieceBytes, end - at))
      const count = this.#readNow(file, wanted, at) ?? (await this.#fs.read(file, wanted, at))
      if (count === 0) throw shortRead()
      yield wanted.subarray(0, count)
      at += count
    }
  }

  #readNow(file: number, bytes: Uint8Array, position: number): number | undefined {
    const pace = this.#pace
    if (pace === undefined || !pace.isQuick()) return undefined
    return pace.run(() => this.#fs.readSync(file, bytes, position))
  }

  #takeBuffer(): Buffer {
    return this.#pool.pop() ?? Buffer.allocUnsafeSlow(this.#pieceBytes)
  }
}

/** The file ends before the size it was opened with: the disk has lost something. */
export const shortRead = (): Error =>
  Object.assign(new Error('An object is shorter than its size'), { code: 'EIO' })
