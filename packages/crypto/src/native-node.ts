import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { Bytes } from './bytes.ts'
import type { Native } from './native.ts'

const tagBytes = 16
const nonceBytes = 12
/** DER prefixes of RFC 8410 for raw Ed25519 keys. */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Making a KeyObject costs about as much as a verification: keep the recent ones, oldest out first. */
const boundedCache = (limit: number, make: (raw: Uint8Array) => KeyObject) => {
  const kept = new Map<string, KeyObject>()
  return (raw: Uint8Array): KeyObject => {
    const name = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('latin1')
    const found = kept.get(name)
    if (found) return found
    const made = make(raw)
    if (kept.size >= limit) kept.delete(kept.keys().next().value!)
    kept.set(name, made)
    return made
  }
}

const publicKeyOf = boundedCache(4096, (raw) =>
  createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' }),
)
const privateKeyOf = boundedCache(16, (raw) =>
  createPrivateKey({ key: Buffer.concat([privatePrefix, raw]), format: 'der', type: 'pkcs8' }),
)

/** Copies out of Buffer so that callers always hold plain arrays of exactly their own bytes. */
const plain = (buffer: Uint8Array): Bytes => {
  const out = new Uint8Array(buffer.length)
  out.set(buffer)
  return out
}

/** The same memory as a plain array; it is this result's alone. */
const view = (buffer: Buffer): Bytes =>
  new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.length)

/** As text, one character a byte: a Buffer of its own for every hash costs twice what the hashing does. */
const sha256 = (data: Uint8Array): Bytes => {
  const text = hash('sha256', data, 'latin1')
  const out = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i)
  return out
}

export const native: Native = {
  sha256,
  createSha256: () => {
    const stream = createHash('sha256')
    return { update: (data) => void stream.update(data), digest: () => plain(stream.digest()) }
  },
  hmacSha256: (key, data) => plain(createHmac('sha256', key).update(data).digest()),

  sealAesGcm(key, nonce, plaintext, aad) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    cipher.setAAD(aad)
    const out = view(Buffer.allocUnsafeSlow(nonceBytes + plaintext.length + tagBytes))
    out.set(nonce)
    out.set(cipher.update(plaintext), nonceBytes)
    cipher.final()
    out.set(cipher.getAuthTag(), nonceBytes + plaintext.length)
    return out
  },

  sealAesGcmPieces(key, nonce, plaintext, aad) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    cipher.setAAD(aad)
    const ciphertext = cipher.update(plaintext)
    cipher.final()
    return [plain(nonce), view(ciphertext), view(cipher.getAuthTag())]
  },

  openAesGcm(key, sealed, aad) {
    if (sealed.length < nonceBytes + tagBytes) return undefined
    const end = sealed.length - tagBytes
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(aad)
    decipher.setAuthTag(sealed.subarray(end))
    const opened = decipher.update(sealed.subarray(nonceBytes, end))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return new Uint8Array(opened.buffer, opened.byteOffset, opened.length)
  },

  signEd25519: (seed, message) => plain(sign(null, message, privateKeyOf(seed))),

  verifyEd25519(publicKey, signature, message) {
    try {
      return verify(null, message, publicKeyOf(publicKey), signature)
    } catch {
      return false
    }
  },
}
