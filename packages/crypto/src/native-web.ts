import { ed25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { type Bytes, equalBytes } from './bytes.ts'
import { verifyEd25519InScript } from './edwards.ts'
import type { Native } from './native.ts'

const tagBytes = 16
const nonceBytes = 12

const plain = (bytes: Uint8Array): Bytes => bytes as Bytes

type ImportedKey = {
  readonly bytes: Bytes
  readonly importing: Promise<CryptoKey>
  imported: CryptoKey | undefined
}

/**
 * Same key, many segments: importing it once per call would double the cost of small bodies. The bytes are
 * compared, so that a buffer that is filled with another key, or wiped, never stands for the old one.
 */
const importedKeys = new WeakMap<Uint8Array, ImportedKey>()
const aesKey = (key: Uint8Array): ImportedKey => {
  const found = importedKeys.get(key)
  if (found && equalBytes(found.bytes, key)) return found
  const bytes = key.slice()
  const importing = crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const made: ImportedKey = { bytes, importing, imported: undefined }
  importing.then(
    (imported) => (made.imported = imported),
    () => undefined,
  )
  importedKeys.set(key, made)
  return made
}

/**
 * Runs `work` with the key and the bytes as they are at this call: WebCrypto copies what it is given before it returns,
 * but the first call with a key has to wait for it. Callers may fill their buffers anew at once, as in Node.
 */
const withKey = async <T>(
  key: Uint8Array,
  bytes: Uint8Array,
  work: (imported: CryptoKey, bytes: Bytes) => Promise<T>,
): Promise<T> => {
  const { imported, importing } = aesKey(key)
  if (imported) return work(imported, plain(bytes))
  const copy = bytes.slice()
  return work(await importing, plain(copy))
}

let nativeEd25519: Promise<boolean> | undefined
const hasEd25519 = (): Promise<boolean> => {
  nativeEd25519 ??= crypto.subtle
    .importKey('raw', new Uint8Array(ed25519.getPublicKey(new Uint8Array(32))), 'Ed25519', false, [
      'verify',
    ])
    .then(
      () => true,
      () => false,
    )
  return nativeEd25519
}

/** Ciphertext and tag. */
const encrypt = async (
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Promise<Bytes> => {
  const sealed = await withKey(key, plaintext, (imported, bytes) =>
    crypto.subtle.encrypt(
      { name: 'AES-GCM', iv: plain(nonce), additionalData: plain(aad), tagLength: 128 },
      imported,
      bytes,
    ),
  )
  return new Uint8Array(sealed)
}

export const native: Native = {
  sha256: (data) => plain(sha256(data)),
  createSha256: () => {
    const hash = sha256.create()
    return { update: (data) => void hash.update(data), digest: () => plain(hash.digest()) }
  },
  hmacSha256: (key, data) => plain(hmac(sha256, key, data)),

  async sealAesGcm(key, nonce, plaintext, aad) {
    const sealed = await encrypt(key, nonce, plaintext, aad)
    const out = new Uint8Array(nonceBytes + sealed.length)
    out.set(nonce)
    out.set(sealed, nonceBytes)
    return out
  },

  sealAesGcmPieces: async (key, nonce, plaintext, aad) => [
    plain(nonce.slice()),
    await encrypt(key, nonce, plaintext, aad),
  ],

  async openAesGcm(key, sealed, aad) {
    if (sealed.length < nonceBytes + tagBytes) return undefined
    try {
      const opened = await withKey(key, sealed, (imported, bytes) =>
        crypto.subtle.decrypt(
          {
            name: 'AES-GCM',
            iv: bytes.subarray(0, nonceBytes),
            additionalData: plain(aad),
            tagLength: 128,
          },
          imported,
          bytes.subarray(nonceBytes),
        ),
      )
      return new Uint8Array(opened)
    } catch (error) {
      // WebCrypto reports a wrong tag as OperationError; anything else is a mistake of ours and must be seen.
      if (error instanceof DOMException && error.name === 'OperationError') return undefined
      throw error
    }
  },

  signEd25519: (seed, message) => plain(ed25519.sign(message, seed)),

  async verifyEd25519(publicKey, signature, message) {
    if (!(await hasEd25519())) return verifyEd25519InScript(publicKey, signature, message)
    try {
      const key = await crypto.subtle.importKey('raw', plain(publicKey), 'Ed25519', false, [
        'verify',
      ])
      return await crypto.subtle.verify('Ed25519', key, plain(signature), plain(message))
    } catch {
      return false
    }
  },
}
