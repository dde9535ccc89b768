import { native } from '#native'
import { type Bytes, concat } from './bytes.ts'
import type { StreamingHash } from './native.ts'

/** SHA-256 over the parts one after the other (no framing: use `lp` where parts vary in length). */
export const sha256 = (...parts: readonly Uint8Array[]): Bytes =>
  native.sha256(parts.length === 1 ? parts[0]! : concat(...parts))

export const createSha256 = (): StreamingHash => native.createSha256()

export const hmacSha256 = (key: Uint8Array, data: Uint8Array): Bytes => native.hmacSha256(key, data)

const hashBytes = 32

/**
 * HKDF-SHA256 (RFC 5869), synchronous. An empty `salt` is the RFC's default salt.
 * Throws RangeError for key material under 16 bytes: a missing secret (an absent PRF result, say)
 * must fail and never become a key that anyone can compute.
 */
export const hkdf = (
  ikm: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length = hashBytes,
): Bytes => {
  if (ikm.length < 16) throw new RangeError('key material shorter than 16 bytes')
  if (length < 1 || length > 255 * hashBytes) throw new RangeError('length out of range')
  const pseudoRandomKey = native.hmacSha256(
    salt.length === 0 ? new Uint8Array(hashBytes) : salt,
    ikm,
  )
  const out = new Uint8Array(length)
  let block: Uint8Array = new Uint8Array(0)
  for (let at = 0, counter = 1; at < length; at += hashBytes, counter++) {
    block = native.hmacSha256(pseudoRandomKey, concat(block, info, new Uint8Array([counter])))
    out.set(block.subarray(0, Math.min(hashBytes, length - at)), at)
  }
  return out
}
