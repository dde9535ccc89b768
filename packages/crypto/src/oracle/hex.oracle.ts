/**
 * The second implementation of every format, slow and readable: bytes are texts of hexadecimal digits, and
 * formats are written down as they stand in docs/formats. It shares no code with what it checks, and stands
 * on other primitives: AES-GCM of noble where the product uses the platform's, hashes of WebCrypto where the
 * product uses node:crypto or noble.
 */
import { gcm } from '@noble/ciphers/aes.js'

/** Bytes as lowercase hexadecimal digits. */
export type Hex = string

export const bytesOf = (hex: Hex): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16))

export const hexOf = (bytes: Uint8Array): Hex =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** UTF-8 of a text. */
export const text = (value: string): Hex => hexOf(new TextEncoder().encode(value))

/** A big-endian integer of so many bytes. */
export const integer = (value: number | bigint, bytes: number): Hex =>
  value.toString(16).padStart(2 * bytes, '0')

/** Field of lp that is an integer: u64be. */
export const u64 = (value: number | bigint): Hex => integer(value, 8)

/** lp(...): per field its length as u16be, then its bytes. */
export const frame = (...fields: readonly Hex[]): Hex =>
  fields.map((field) => integer(field.length / 2, 2) + field).join('')

/** `count` bytes from `start` on, or to the end. */
export const slice = (hex: Hex, start: number, count?: number): Hex =>
  hex.slice(2 * start, count === undefined ? undefined : 2 * (start + count))

const digest = async (name: string, hex: Hex): Promise<Hex> =>
  hexOf(new Uint8Array(await crypto.subtle.digest(name, bytesOf(hex))))

export const sha256 = (hex: Hex): Promise<Hex> => digest('SHA-256', hex)
export const sha512 = (hex: Hex): Promise<Hex> => digest('SHA-512', hex)

export const hmac = async (key: Hex, data: Hex): Promise<Hex> => {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await crypto.subtle.importKey('raw', bytesOf(key), algorithm, false, ['sign'])
  return hexOf(new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytesOf(data))))
}

/** HKDF-SHA256; an empty salt is the RFC's default. */
export const hkdf = async (ikm: Hex, salt: Hex, info: Hex, bytes = 32): Promise<Hex> => {
  const key = await crypto.subtle.importKey('raw', bytesOf(ikm), 'HKDF', false, ['deriveBits'])
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: bytesOf(salt), info: bytesOf(info) }
  return hexOf(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 8 * bytes)))
}

/** AES-256-GCM: ciphertext | tag. */
export const encrypt = (key: Hex, nonce: Hex, plaintext: Hex, aad: Hex): Hex =>
  hexOf(gcm(bytesOf(key), bytesOf(nonce), bytesOf(aad)).encrypt(bytesOf(plaintext)))

/** Seal(k, pt, aad) under a chosen nonce: nonce | ciphertext | tag. */
export const seal = (key: Hex, nonce: Hex, plaintext: Hex, aad: Hex): Hex =>
  nonce + encrypt(key, nonce, plaintext, aad)

/** Deterministic bytes for vectors: the counter repeated, so that a reader recognises them. */
export const filler = (start: number, bytes: number): Hex =>
  Array.from({ length: bytes }, (_, i) => integer((start + i) % 256, 1)).join('')
