import { fromUtf8, type Bytes } from './bytes.ts'
import { ByteReader } from './byte-io.ts'
import { type IntegrityCode, IntegrityError } from './integrity-error.ts'

/**
 * Reads what `lp` framed, field by field, and refuses every other spelling: a wrong length, a wrong label or
 * bytes left over is IntegrityError with the format's own code.
 */
export class LpReader {
  readonly #reader: ByteReader
  readonly #code: IntegrityCode

  constructor(bytes: Uint8Array, code: IntegrityCode) {
    this.#reader = new ByteReader(bytes)
    this.#code = code
  }

  get left(): number {
    return this.#reader.left
  }

  refuse(message: string): never {
    throw new IntegrityError(this.#code, message)
  }

  #field(): Bytes {
    if (this.#reader.left < 2) this.refuse('Fields end too early.')
    const length = this.#reader.u16()
    if (length > this.#reader.left) this.refuse('A field ends too early.')
    return this.#reader.bytes(length)
  }

  /** The next field, which must have exactly `length` bytes; a copy. */
  bytes(length: number): Bytes {
    const field = this.#field()
    if (field.length !== length) this.refuse('A field has a wrong length.')
    return field.slice()
  }

  /** The next field as an integer of 8 bytes, at most 2^53 - 1. */
  integer(): number {
    const value = new DataView(this.bytes(8).buffer).getBigUint64(0)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.refuse('An integer is too large.')
    return Number(value)
  }

  /** The next field, which must be this text. */
  label(text: string): void {
    if (fromUtf8(this.#field()) !== text) this.refuse('The label is of another format.')
  }

  end(): void {
    if (this.#reader.left !== 0) this.refuse('Bytes are left over.')
  }
}
