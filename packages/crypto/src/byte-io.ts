import type { Bytes } from './bytes.ts'
import { IntegrityError } from './integrity-error.ts'

/** DataView would keep the low bits of a larger number: a length that lies. */
const checkInteger = (value: number, largest: number): void => {
  if (!Number.isInteger(value) || value < 0 || value > largest) {
    throw new RangeError('integer does not fit its field')
  }
}

/** Appends big-endian integers and byte strings to a growing buffer. */
export class ByteWriter {
  #bytes: Bytes
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Call it before touching `#view`, which it replaces when the buffer grows. */
  #reserve(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }

  u8(value: number): this {
    checkInteger(value, 0xff)
    const at = this.#reserve(1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(value: number): this {
    checkInteger(value, 0xffff)
    const at = this.#reserve(2)
    this.#view.setUint16(at, value)
    return this
  }

  u32(value: number): this {
    checkInteger(value, 0xffff_ffff)
    const at = this.#reserve(4)
    this.#view.setUint32(at, value)
    return this
  }

  u64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError('not a non-negative safe integer')
    const at = this.#reserve(8)
    this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000))
    this.#view.setUint32(at + 4, value % 0x1_0000_0000)
    return this
  }

  bytes(value: Uint8Array): this {
    const at = this.#reserve(value.length)
    this.#bytes.set(value, at)
    return this
  }

  /** u32 length, then the bytes. */
  sized(value: Uint8Array): this {
    return this.u32(value.length).bytes(value)
  }

  /** The written bytes, an array of exactly their length. Nothing is to be written afterwards. */
  finish(): Bytes {
    if (this.#length === this.#bytes.length) return this.#bytes
    return this.#bytes.slice(0, this.#length)
  }
}

/** Reads what ByteWriter wrote. Every overrun, and bytes left over at `end()`, is IntegrityError('malformed'). */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get offset(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at)
      throw new IntegrityError('malformed', 'Bytes end too early.')
    this.#at += count
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** Refuses values above 2^53 - 1. */
  u64(): number {
    const at = this.#take(8)
    const value = this.#view.getUint32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value))
      throw new IntegrityError('malformed', 'Integer above 2^53 - 1.')
    return value
  }

  /** A view on the next `count` bytes, not a copy. */
  bytes(count: number): Bytes {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count) as Bytes
  }

  /** u32 length, then the bytes (a view); refuses more than `limitBytes`. */
  sized(limitBytes: number): Bytes {
    const length = this.u32()
    if (length > limitBytes) throw new IntegrityError('malformed', 'Length above the limit.')
    return this.bytes(length)
  }

  end(): void {
    if (this.left !== 0) throw new IntegrityError('malformed', 'Bytes left over.')
  }
}
