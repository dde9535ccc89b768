import { shake128 } from '@noble/hashes/sha3.js'
import { ml_kem768_x25519 as xWing } from '@noble/post-quantum/hybrid.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { native } from '#native'
import { open, seal } from './aead.ts'
import { fromHex, randomBytes, toHex, utf8 } from './bytes.ts'
import { hkdf } from './hash.ts'
import { bytesOf, encrypt, hexOf, hkdf as slowHkdf } from './oracle/hex.oracle.ts'
import { expectEachRefused, refusalOf } from './oracle/tamper.oracle.ts'

/** RFC 5869, A.1 to A.3: key material, salt, info, output. */
const hkdfCases = [
  [
    '0b'.repeat(22),
    '000102030405060708090a0b0c',
    'f0f1f2f3f4f5f6f7f8f9',
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  ],
  [
    hexOf(Uint8Array.from({ length: 80 }, (_, i) => i)),
    hexOf(Uint8Array.from({ length: 80 }, (_, i) => 0x60 + i)),
    hexOf(Uint8Array.from({ length: 80 }, (_, i) => 0xb0 + i)),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
      'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  ],
  [
    '0b'.repeat(22),
    '',
    '',
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  ],
] as const

describe('HKDF', () => {
  test.each(hkdfCases)('RFC 5869 %#', (ikm, salt, info, okm) => {
    expect(toHex(hkdf(fromHex(ikm), fromHex(salt), fromHex(info), okm.length / 2))).toBe(okm)
  })

  test('equals WebCrypto for any input and length', async () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 200 })
    const some = fc.uint8Array({ maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(
        bytes,
        some,
        some,
        fc.integer({ min: 1, max: 300 }),
        async (ikm, salt, info, length) => {
          const slow = await slowHkdf(hexOf(ikm), hexOf(salt), hexOf(info), length)
          expect(toHex(hkdf(ikm, salt, info, length))).toBe(slow)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('refuses key material that is missing or short, and lengths that HKDF has not', () => {
    const none = new Uint8Array(0)
    for (let length = 0; length < 16; length++) {
      expect(() => hkdf(new Uint8Array(length), none, none)).toThrow(RangeError)
    }
    expect(hkdf(new Uint8Array(16), none, none)).toHaveLength(32)
    expect(() => hkdf(new Uint8Array(16), none, none, 0)).toThrow(RangeError)
    expect(() => hkdf(new Uint8Array(16), none, none, 255 * 32 + 1)).toThrow(RangeError)
    expect(hkdf(new Uint8Array(16), none, none, 255 * 32)).toHaveLength(8160)
  })
})

const gcmKey = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'
const gcmText =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255'
const gcmCipher =
  '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
  '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad'
/** McGrew and Viega's test cases 13 to 16, as NIST has them: key, nonce, plaintext, AAD, ciphertext, tag. */
const gcmCases = [
  ['00'.repeat(32), '00'.repeat(12), '', '', '', '530f8afbc74536b9a963b4f1c4cb738b'],
  [
    '00'.repeat(32),
    '00'.repeat(12),
    '00'.repeat(16),
    '',
    'cea7403d4d606b6e074ec5d3baf39d18',
    'd0d1c8a799996bf0265b98b5d48ab919',
  ],
  [gcmKey, 'cafebabefacedbaddecaf888', gcmText, '', gcmCipher, 'b094dac5d93471bdec1a502270e3cc6c'],
  [
    gcmKey,
    'cafebabefacedbaddecaf888',
    gcmText.slice(0, 120),
    'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    gcmCipher.slice(0, 120),
    '76fc6ece0f4e1768cddf8853bb2d551b',
  ],
] as const

describe('AES-256-GCM', () => {
  test.each(gcmCases)(
    'McGrew and Viega %#',
    async (key, nonce, plaintext, aad, ciphertext, tag) => {
      const [k, n, p, a] = [fromHex(key), fromHex(nonce), fromHex(plaintext), fromHex(aad)]
      const sealed = await native.sealAesGcm(k, n, p, a)
      expect(toHex(sealed)).toBe(nonce + ciphertext + tag)
      expect(toHex(await open(k, sealed, a))).toBe(plaintext)
      expect(encrypt(key, nonce, plaintext, aad)).toBe(ciphertext + tag)
    },
  )

  test('every changed, cut or added byte is refused', async () => {
    const key = randomBytes(32)
    const aad = utf8('place')
    const sealed = await seal(key, utf8('some plaintext'), aad)
    await expectEachRefused(sealed, ['sealed_bytes'], (bytes) => open(key, bytes, aad))
  })

  test('another key or AAD is refused, with the code that was asked for', async () => {
    const key = randomBytes(32)
    const sealed = await seal(key, utf8('text'), utf8('here'))
    expect(await refusalOf(() => open(randomBytes(32), sealed, utf8('here')))).toBe('sealed_bytes')
    expect(await refusalOf(() => open(key, sealed, utf8('there'), 'register'))).toBe('register')
    await expect(seal(new Uint8Array(31), sealed, sealed)).rejects.toThrow(RangeError)
    await expect(open(new Uint8Array(0), sealed, sealed)).rejects.toThrow(RangeError)
  })

  test('a key buffer that is filled anew is another key', async () => {
    const key = randomBytes(32)
    const first = key.slice()
    const none = new Uint8Array(0)
    const before = await seal(key, utf8('first'), none)
    key.fill(7)
    expect(await refusalOf(() => open(key, before, none))).toBe('sealed_bytes')
    const after = await seal(key, utf8('second'), none)
    expect(await open(new Uint8Array(32).fill(7), after, none)).toEqual(utf8('second'))
    expect(await open(first, before, none)).toEqual(utf8('first'))
  })

  test('seals under a new nonce each time', async () => {
    const key = randomBytes(32)
    const none = new Uint8Array(0)
    const nonces = await Promise.all(
      Array.from({ length: 64 }, async () => toHex((await seal(key, none, none)).subarray(0, 12))),
    )
    expect(new Set(nonces).size).toBe(64)
  })
})

/** draft-connolly-cfrg-xwing-kem, appendix C: seeds and coins are SHAKE-128 of nothing; the shared secrets. */
const xWingSecrets = [
  'd2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384',
  'f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150',
  '953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f',
]

test('X-Wing gives the shared secrets of its draft', () => {
  const stream = shake128(bytesOf(''), { dkLen: 96 * xWingSecrets.length })
  const secrets = xWingSecrets.map((_, i) => {
    const seed = stream.slice(96 * i, 96 * i + 32)
    const { publicKey } = xWing.keygen(seed)
    const coins = stream.slice(96 * i + 32, 96 * i + 96)
    const { cipherText, sharedSecret } = xWing.encapsulate(publicKey, coins)
    expect(toHex(xWing.decapsulate(cipherText, seed))).toBe(toHex(sharedSecret))
    return toHex(sharedSecret)
  })
  expect(secrets).toEqual(xWingSecrets)
})
