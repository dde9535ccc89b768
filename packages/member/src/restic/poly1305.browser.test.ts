import { poly1305 as noble } from '@noble/ciphers/_poly1305.js'
import { describe, expect, it } from 'vitest'
import { poly1305 } from './poly1305.ts'
import { hexOf } from './values.ts'

const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (two) => Number.parseInt(two, 16))
const tag = (key: Uint8Array, message: Uint8Array) =>
  hexOf(poly1305(key.subarray(0, 16), key.subarray(16), message))
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

describe('Poly1305', () => {
  it('gives the tag of RFC 8439, 2.5.2', () => {
    const key = bytesOf('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b')
    const message = new TextEncoder().encode('Cryptographic Forum Research Group')
    expect(tag(key, message)).toBe('a8061dc1305136c6c22b8baf0c0127a9')
  })

  // RFC 8439, A.3, vectors 7 to 11: sums next to 2^130 - 5.
  it.each([
    ['01', 'ff'.repeat(16) + 'f0' + 'ff'.repeat(15) + '11' + '00'.repeat(15), '05'],
    ['01', 'ff'.repeat(16) + 'fb' + 'fe'.repeat(15) + '01'.repeat(16), '00'],
    ['02', 'fd' + 'ff'.repeat(15), 'faffffffffffffffffffffffffffffff'],
  ])('carries right at the edge, factor %s', (factor, message, expected) => {
    const key = bytesOf(factor.padEnd(64, '0'))
    expect(tag(key, bytesOf(message))).toBe(expected.padEnd(32, '0'))
  })

  it('agrees with another implementation at every length and with all bits set', () => {
    for (let length = 0; length < 300; length++) {
      for (const make of [random, (count: number) => new Uint8Array(count).fill(255)]) {
        const [key, message] = [make(32), make(length)]
        expect(tag(key, message)).toBe(hexOf(noble(message, key)))
      }
    }
  })

  it('agrees across the pieces that it takes a long message in', () => {
    const message = new Uint8Array(800_003)
    for (let at = 0; at < message.length; at += 65_536)
      crypto.getRandomValues(message.subarray(at, at + 65_536))
    for (const length of [262_143, 262_144, 262_145, 262_160, 524_288, 800_003]) {
      const key = random(32)
      const part = message.subarray(0, length)
      expect(tag(key, part)).toBe(hexOf(noble(part, key)))
    }
  })
})
