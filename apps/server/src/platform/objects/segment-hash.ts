import { createHash, type Hash } from 'node:crypto'
import { sealedSegmentBytes } from '@hearthold/crypto'

/**
 * SHA-256 of the bytes so far that can go back to the last whole segment, because that is where an upload goes on
 * after its connection dropped. A copy of the state costs microseconds, reading the bytes again would not.
 */
export class SegmentHash {
  #running: Hash
  #position: number
  #boundary: { readonly offset: number; readonly hash: Hash }

  /** @param hash the state after `offset` bytes, `offset` being whole segments */
  constructor(offset = 0, hash: Hash = createHash('sha256')) {
    this.#running = hash.copy()
    this.#position = offset
    this.#boundary = { offset, hash }
  }

  /** Bytes up to the last whole segment. */
  get wholeBytes(): number {
    return this.#boundary.offset
  }

  /** A state to go on from after `wholeBytes`. */
  wholeHash(): Hash {
    return this.#boundary.hash.copy()
  }

  update(parts: readonly Uint8Array[]): void {
    let bytes = 0
    for (const part of parts) bytes += part.length
    const boundary = wholeSegments(this.#position + bytes)
    for (const part of parts) this.#updateOne(part, boundary)
  }

  #updateOne(part: Uint8Array, boundary: number): void {
    const before = boundary - this.#position
    if (boundary > this.#boundary.offset && before <= part.length) {
      this.#running.update(part.subarray(0, before))
      this.#boundary = { offset: boundary, hash: this.#running.copy() }
      this.#running.update(part.subarray(before))
    } else this.#running.update(part)
    this.#position += part.length
  }

  /** Hash of everything, 64 hex digits; nothing can follow. */
  digest(): string {
    return this.#running.digest('hex')
  }
}

/** The part of `bytes` that is whole segments. */
export const wholeSegments = (bytes: number): number => bytes - (bytes % sealedSegmentBytes)
