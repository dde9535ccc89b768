import { createCipheriv, createSecretKey, hash } from 'node:crypto'
import type { QuickCrypto } from '@hearthold/member'

/** A copy in memory of its own: what comes out of the cipher may lie in a pool. */
const owned = (bytes: Buffer): Uint8Array<ArrayBuffer> => {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy
}

/** What Node does at once, for the small pieces of a repository. */
export const nodeCrypto: QuickCrypto = {
  hash: (bytes) => hash('sha256', bytes, 'hex'),
  aesCtr: (key) => {
    const name = `aes-${key.length * 8}-ctr`
    const secret = createSecretKey(key)
    return (counter, bytes) => owned(createCipheriv(name, secret, counter).update(bytes))
  },
}
