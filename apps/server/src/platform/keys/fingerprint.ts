import { hmacSha256, toHex, utf8 } from '@hearthold/crypto'

/**
 * First 8 bytes of HMAC-SHA256(secret, "hearthold/v1/key-fingerprint/" name) in hex: tells two keys apart
 * and says nothing of either. Every secret here has at least 128 random bits, so it cannot be guessed from it.
 */
export const fingerprintOf = (name: string, secret: Uint8Array): string =>
  toHex(hmacSha256(secret, utf8(`hearthold/v1/key-fingerprint/${name}`))).slice(0, 16)
