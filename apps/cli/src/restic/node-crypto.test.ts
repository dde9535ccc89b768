import { describe, expect, it } from 'vitest'
import { nodeCrypto } from './node-crypto.ts'

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + length) & 255)

describe('the ciphers of Node', () => {
  it.each([0, 1, 16, 17, 4096, 65_536])('are those of WebCrypto for %i bytes', async (length) => {
    const plain = bytesOf(length)
    // The second counter overflows all of its 128 bits.
    for (const counter of [bytesOf(16), new Uint8Array(16).fill(255)]) {
      for (const keyBytes of [16, 32]) {
        const key = bytesOf(keyBytes)
        const imported = await crypto.subtle.importKey('raw', key, 'AES-CTR', false, ['encrypt'])
        const by = { name: 'AES-CTR', counter, length: 128 }
        const expected = new Uint8Array(await crypto.subtle.encrypt(by, imported, plain))
        const encrypt = nodeCrypto.aesCtr(key)
        // Whoever hands over a key wipes it afterwards.
        key.fill(0)
        const answer = encrypt(counter, plain)
        expect(answer).toEqual(expected)
        // Pieces are handed on with their memory: it must hold nothing else.
        expect(answer.buffer.byteLength).toBe(length)
      }
    }
    const digest = await crypto.subtle.digest('SHA-256', plain)
    expect(nodeCrypto.hash(plain)).toBe(Buffer.from(digest).toString('hex'))
  })
})
