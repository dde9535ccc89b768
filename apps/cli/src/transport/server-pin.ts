import { createHash, type KeyObject } from 'node:crypto'

/** SHA-256 of a certificate's public key (SPKI, DER), as 64 lowercase hex digits. */
export type ServerPin = string & { readonly brand: 'ServerPin' }

/**
 * Reads a pin as `serve` prints it or as people copy it: 64 hex digits with or without colons, or base64 in either alphabet,
 * each with or without `sha256:` before it. Undefined when it is none of these.
 */
export const parseServerPin = (text: string): ServerPin | undefined => {
  const bare = text.trim().replace(/^sha256[:/]+/i, '')
  const hex = bare.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(hex)) return hex as ServerPin
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(bare)) return undefined
  const bytes = Buffer.from(bare.replaceAll('+', '-').replaceAll('/', '_'), 'base64url')
  return bytes.length === 32 ? (bytes.toString('hex') as ServerPin) : undefined
}

/** The pin of a public key. */
export const pinOf = (publicKey: KeyObject): ServerPin =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex') as ServerPin
