/**
 * Sealing of what lies in the browser's store: AES-GCM under a key that IndexedDB keeps and scripts cannot read
 * (`extractable: false`). A copy of the disk's files tells nothing; whoever can run our origin's code can use the key,
 * and that is said in the threat model.
 */
const nonceBytes = 12

export type Sealing = {
  /** `place` names where the value lies: a sealed value that was moved does not open. */
  seal(place: string, plain: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  /** Undefined for what was sealed under another key, at another place, or changed. */
  open(place: string, sealed: unknown): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** True for a key that seals, and that nobody can read out. */
export const isSealingKey = (key: unknown): key is CryptoKey =>
  key instanceof CryptoKey &&
  key.algorithm.name === 'AES-GCM' &&
  (key.algorithm as AesKeyAlgorithm).length === 256 &&
  !key.extractable &&
  key.usages.includes('encrypt') &&
  key.usages.includes('decrypt')

/** A new random key that stays in the browser. */
export const makeSealingKey = (): Promise<CryptoKey> =>
  crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])

const aad = (place: string) => new TextEncoder().encode(`hearthold/v1/browser-store/${place}`)

/** Throws TypeError for anything but a key of `makeSealingKey`: an absent key must never become an empty one. */
export const createSealing = (key: unknown): Sealing => {
  if (!isSealingKey(key)) throw new TypeError('There is no key to seal the store with.')
  return {
    async seal(place, plain) {
      const iv = crypto.getRandomValues(new Uint8Array(nonceBytes))
      const sealed = await crypto.subtle.encrypt(
        { name: 'AES-GCM', iv, additionalData: aad(place) },
        key,
        plain as Uint8Array<ArrayBuffer>,
      )
      const out = new Uint8Array(nonceBytes + sealed.byteLength)
      out.set(iv)
      out.set(new Uint8Array(sealed), nonceBytes)
      return out
    },
    async open(place, sealed) {
      if (!(sealed instanceof Uint8Array) || sealed.length < nonceBytes + 16) return undefined
      const bytes = sealed as Uint8Array<ArrayBuffer>
      try {
        const plain = await crypto.subtle.decrypt(
          { name: 'AES-GCM', iv: bytes.subarray(0, nonceBytes), additionalData: aad(place) },
          key,
          bytes.subarray(nonceBytes),
        )
        return new Uint8Array(plain)
      } catch (error) {
        if (error instanceof DOMException && error.name === 'OperationError') return undefined
        throw error
      }
    },
  }
}
