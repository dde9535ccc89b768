import { IntegrityError } from './integrity-error.ts'

/** Any 16-byte id, and 32-byte hashes and keys, travel as plain byte arrays here and as hex outside. */
export type Bytes = Uint8Array<ArrayBuffer>

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of a text. Throws TypeError on lone surrogates, which would not survive the round trip. */
export const utf8 = (text: string): Bytes => {
  if (!text.isWellFormed()) throw new TypeError('text is not well-formed Unicode')
  return encoder.encode(text)
}

/** Text of UTF-8 bytes; throws IntegrityError('malformed') on invalid UTF-8. */
export const fromUtf8 = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new IntegrityError('malformed', 'Text is not valid UTF-8.', { cause })
  }
}

export const concat = (...parts: readonly Uint8Array[]): Bytes => {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Equality without early exit. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

const hexOf = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

export const toHex = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += hexOf[byte]
  return text
}

/** Bytes of lowercase hex; throws IntegrityError('malformed') otherwise. */
export const fromHex = (hex: string): Bytes => {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) {
    throw new IntegrityError('malformed', 'Not lowercase hexadecimal.')
  }
  const out = new Uint8Array(hex.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return out
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const digitOf = new Map([...alphabet].map((character, value) => [character, value]))

/** base64url without padding. */
export const toB64 = (bytes: Uint8Array): string => {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += alphabet[(group >> 18) & 63]! + alphabet[(group >> 12) & 63]!
    if (left > 1) text += alphabet[(group >> 6) & 63]!
    if (left > 2) text += alphabet[group & 63]!
  }
  return text
}

/** Bytes of base64url without padding; throws IntegrityError('malformed') on anything else, stray bits included. */
export const fromB64 = (text: string): Bytes => {
  if (text.length % 4 === 1) throw new IntegrityError('malformed', 'Not base64url.')
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let buffer = 0
  let bits = 0
  let at = 0
  for (const character of text) {
    const digit = digitOf.get(character)
    if (digit === undefined) throw new IntegrityError('malformed', 'Not base64url.')
    buffer = ((buffer << 6) | digit) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (buffer >> bits) & 0xff
    }
  }
  if ((buffer & ((1 << bits) - 1)) !== 0) throw new IntegrityError('malformed', 'Not base64url.')
  return out
}

/** u64be of a non-negative safe integer or bigint below 2^64. */
export const u64 = (value: number | bigint): Bytes => {
  const out = new Uint8Array(8)
  if (typeof value === 'number' && (!Number.isSafeInteger(value) || value < 0)) {
    throw new RangeError('not a non-negative safe integer')
  }
  const view = new DataView(out.buffer)
  if (typeof value === 'number') {
    view.setUint32(0, Math.floor(value / 0x1_0000_0000))
    view.setUint32(4, value % 0x1_0000_0000)
  } else view.setBigUint64(0, value)
  return out
}

export type LpField = string | number | bigint | Uint8Array

const labelPattern = /^hearthold\/v1\/[a-z/-]+$/
/** Bytes of labels, which are few and constants of this program: encoding one takes as long as hashing it. */
const labels = new Map<string, Bytes>()
const labelsKept = 64

const textBytes = (text: string): Bytes => {
  const known = labels.get(text)
  if (known) return known
  const bytes = utf8(text)
  if (labels.size < labelsKept && labelPattern.test(text)) labels.set(text, bytes)
  return bytes
}

/**
 * The one framing under hashes, signatures, AADs and HKDF infos (cryptography.md 8): for each field
 * u16be length and bytes; texts as UTF-8, integers as u64be. Throws RangeError above 65,535 bytes.
 */
export const lp = (...fields: readonly LpField[]): Bytes => {
  const parts: Uint8Array[] = []
  let length = 0
  for (const field of fields) {
    const bytes =
      typeof field === 'string'
        ? textBytes(field)
        : field instanceof Uint8Array
          ? field
          : u64(field)
    if (bytes.length > 0xffff) throw new RangeError('lp field longer than 65,535 bytes')
    parts.push(bytes)
    length += 2 + bytes.length
  }
  const out = new Uint8Array(length)
  let at = 0
  for (const bytes of parts) {
    out[at] = bytes.length >> 8
    out[at + 1] = bytes.length & 0xff
    out.set(bytes, at + 2)
    at += 2 + bytes.length
  }
  return out
}

/** n bytes from the system's generator. */
export const randomBytes = (length: number): Bytes => {
  const out = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(out.subarray(at, Math.min(at + 65_536, length)))
  }
  return out
}

/** 16 random bytes: accounts, objects, nodes, methods. */
export const randomId = (): Bytes => randomBytes(16)
