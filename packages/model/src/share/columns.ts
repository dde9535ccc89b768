/**
 * Columns of a checkpoint as bytes: like stands beside like, which compresses better than rows and is read at a
 * fraction of the time. Integers are big-endian. Readers throw IntegrityError('malformed').
 */
import { type Bytes, type ByteReader, fromUtf8, IntegrityError, utf8 } from '@hearthold/crypto'

const idBytes = 16
const unset = 0xffff_ffff
const none = new Uint8Array(0)

const digits = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
const digitOf = new Int8Array(128).fill(-1)
digits.forEach((code, value) => (digitOf[code] = value))

const malformed = (message: string): never => {
  throw new IntegrityError('malformed', message)
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Ids of 32 hex digits as 16 bytes each. */
export const idColumn = (ids: readonly string[]): Bytes => {
  const bytes = new Uint8Array(ids.length * idBytes)
  let at = 0
  for (const id of ids) {
    if (id.length !== 2 * idBytes) malformed('An id has 32 hex digits.')
    for (let i = 0; i < 2 * idBytes; i += 2) {
      const value = (digitOf[id.charCodeAt(i)]! << 4) | digitOf[id.charCodeAt(i + 1)]!
      if (!(value >= 0)) malformed('An id has 32 hex digits.')
      bytes[at++] = value
    }
  }
  return bytes
}

/** One text is made for all and cut: a hundred thousand small ones take five times as long. */
export const readIds = (reader: ByteReader, count: number): string[] => {
  const bytes = reader.bytes(count * idBytes)
  const codes = new Uint8Array(bytes.length * 2)
  for (let i = 0; i < bytes.length; i++) {
    codes[2 * i] = digits[bytes[i]! >> 4]!
    codes[2 * i + 1] = digits[bytes[i]! & 15]!
  }
  const text = fromUtf8(codes)
  return Array.from({ length: count }, (_, i) => text.slice(i * 32, i * 32 + 32))
}

export const u8Column = (values: readonly number[]): Bytes => Uint8Array.from(values)

export const u16Column = (values: readonly number[]): Bytes => {
  const bytes = new Uint8Array(values.length * 2)
  const view = viewOf(bytes)
  values.forEach((value, i) => view.setUint16(i * 2, value))
  return bytes
}

export const readU16s = (reader: ByteReader, count: number): number[] => {
  const view = viewOf(reader.bytes(count * 2))
  return Array.from({ length: count }, (_, i) => view.getUint16(i * 2))
}

export const u32Column = (values: readonly number[]): Bytes => {
  const bytes = new Uint8Array(values.length * 4)
  const view = viewOf(bytes)
  values.forEach((value, i) => view.setUint32(i * 4, value))
  return bytes
}

export const readU32s = (reader: ByteReader, count: number): number[] => {
  const view = viewOf(reader.bytes(count * 4))
  return Array.from({ length: count }, (_, i) => view.getUint32(i * 4))
}

/** Throws RangeError for what is no non-negative safe integer. */
export const u64Column = (values: readonly number[]): Bytes => {
  const bytes = new Uint8Array(values.length * 8)
  const view = viewOf(bytes)
  values.forEach((value, i) => {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not a safe integer')
    view.setUint32(i * 8, Math.floor(value / 0x1_0000_0000))
    view.setUint32(i * 8 + 4, value >>> 0)
  })
  return bytes
}

export const readU64s = (reader: ByteReader, count: number): number[] => {
  const view = viewOf(reader.bytes(count * 8))
  return Array.from({ length: count }, (_, i) => {
    const high = view.getUint32(i * 8)
    if (high > 0x1f_ffff) malformed('Integer above 2^53 - 1.')
    return high * 0x1_0000_0000 + view.getUint32(i * 8 + 4)
  })
}

type Optional = number | undefined

/** Optional numbers travel plus one, 0 meaning none. */
export const optionalColumn = (values: readonly Optional[]): Bytes =>
  u64Column(values.map((value) => (value === undefined ? 0 : value + 1)))

export const readOptionals = (reader: ByteReader, count: number): Optional[] =>
  readU64s(reader, count).map((value) => (value === 0 ? undefined : value - 1))

/** All lengths in bytes (0xffffffff for none), then all texts in UTF-8. */
export const textColumn = (texts: readonly (string | undefined)[]): readonly Bytes[] => {
  const joined = texts.join('')
  const bytes = utf8(joined)
  // Where every character is one byte, lengths need no encoding of each text.
  const lengthOf =
    bytes.length === joined.length
      ? (text: string): number => text.length
      : (text: string): number => utf8(text).length
  const lengths = texts.map((text) => (text === undefined ? unset : lengthOf(text)))
  return [u32Column(lengths), bytes]
}

export const readTexts = (
  reader: ByteReader,
  count: number,
  limitBytes: number,
): (string | undefined)[] => {
  const lengths = readU32s(reader, count)
  let total = 0
  for (const length of lengths) {
    if (length === unset) continue
    if (length > limitBytes) malformed('Text above the limit.')
    total += length
  }
  const bytes = total === 0 ? none : reader.bytes(total)
  const joined = fromUtf8(bytes)
  const plain = joined.length === bytes.length
  let at = 0
  return lengths.map((length) => {
    if (length === unset) return undefined
    const from = at
    at += length
    return plain ? joined.slice(from, at) : fromUtf8(bytes.subarray(from, at))
  })
}

/** Pieces of one length for each: views on what was read, not copies. */
export const readPieces = (reader: ByteReader, count: number, length: number): Bytes[] => {
  const bytes = reader.bytes(count * length)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length))
}
