import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../../../docs/formats/vectors/signatures.json' with { type: 'json' }
import { native } from '#native'
import { equalBytes, fromHex, toHex } from './bytes.ts'
import {
  isPlainPoint,
  isPlainPublicKey,
  isReducedScalar,
  verifyEd25519InScript,
} from './edwards.ts'
import {
  order,
  sign as slowSign,
  toLittleEndian,
  verify as slowVerify,
} from './oracle/edwards.oracle.ts'
import { hexOf } from './oracle/hex.oracle.ts'
import { eachTampering } from './oracle/tamper.oracle.ts'
import { buildSignatures } from './oracle/vectors.oracle.ts'
import {
  generateSigningSeed,
  sign,
  signingPublicKey,
  verifyBytes,
  verifySignature,
} from './signature.ts'

/** RFC 8032, 7.1: seed, public key, message, signature. */
const rfc8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const

const label = 'hearthold/v1/example'

describe('Ed25519', () => {
  test.each(rfc8032)('RFC 8032 %#', async (seed, publicKey, message, signature) => {
    expect(toHex(signingPublicKey(fromHex(seed)))).toBe(publicKey)
    expect(toHex(await native.signEd25519(fromHex(seed), fromHex(message)))).toBe(signature)
    const [key, signed, bytes] = [fromHex(publicKey), fromHex(signature), fromHex(message)]
    expect(await verifyBytes(key, signed, bytes)).toBe(true)
    expect(verifyEd25519InScript(key, signed, bytes)).toBe(true)
    expect(await slowSign(seed, message)).toBe(signature)
  })

  test('the platform, noble and the arithmetic agree on honest signatures', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 200 }),
        async (seed, message) => {
          const signature = await native.signEd25519(seed, message)
          const publicKey = signingPublicKey(seed)
          expect(await slowSign(hexOf(seed), hexOf(message))).toBe(toHex(signature))
          expect(await verifyBytes(publicKey, signature, message)).toBe(true)
          expect(verifyEd25519InScript(publicKey, signature, message)).toBe(true)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('throws for seeds of other lengths', async () => {
    for (const length of [0, 31, 33, 64]) {
      expect(() => signingPublicKey(new Uint8Array(length))).toThrow(RangeError)
      await expect(sign(new Uint8Array(length), label)).rejects.toThrow(RangeError)
    }
  })
})

describe('signatures', () => {
  test('the committed vectors are what the second implementation makes', async () => {
    expect(await buildSignatures()).toEqual(vectors)
  })

  test('cover the framed label and fields', async () => {
    const { framed } = vectors
    const fields = [
      framed.fields.text,
      framed.fields.integer,
      fromHex(framed.fields.bytes),
      fromHex(framed.fields.empty),
    ]
    const signature = await sign(fromHex(framed.seed), label, ...fields)
    expect(framed.label).toBe(label)
    expect(toHex(signature)).toBe(framed.signature)
    const key = fromHex(framed.publicKey)
    expect(await verifySignature(key, signature, label, ...fields)).toBe(true)
    expect(await verifySignature(key, signature, 'hearthold/v1/other', ...fields)).toBe(false)
    expect(await verifySignature(key, signature, label, ...fields.slice(1))).toBe(false)
    expect(await verifySignature(key, signature, label, ...fields, '')).toBe(false)
  })

  test('every changed, cut or added byte of signature or key is refused', async () => {
    const seed = generateSigningSeed()
    const publicKey = signingPublicKey(seed)
    const signature = await sign(seed, label, 1)
    expect(await verifySignature(publicKey, signature, label, 1)).toBe(true)
    for (const tampered of eachTampering(signature)) {
      expect(await verifySignature(publicKey, tampered, label, 1)).toBe(false)
    }
    for (const tampered of eachTampering(publicKey)) {
      expect(await verifySignature(tampered, signature, label, 1)).toBe(false)
    }
  })
})

describe('what verifiers disagree on', () => {
  test.each(vectors.strict)('$name', async ({ publicKey, signature, message, ...verdict }) => {
    const [key, signed, bytes] = [fromHex(publicKey), fromHex(signature), fromHex(message)]
    expect(await verifyBytes(key, signed, bytes)).toBe(verdict.name === 'honest')
    expect(verdict.strict).toBe(verdict.name === 'honest')
    // The answer does not lean on what this platform's verifier happens to refuse.
    const isRefusedByUs =
      !isPlainPublicKey(key) ||
      !isPlainPoint(signed.subarray(0, 32)) ||
      !isReducedScalar(signed.subarray(32))
    expect(isRefusedByUs && verdict.cofactorless).toBe(verdict.cofactorless && !verdict.strict)
  })

  test('noble alone would not do, and the fall-back on it does', async () => {
    const torsionInR = vectors.strict.find(({ name }) => name === 'honest key, torsion in R')!
    expect([torsionInR.cofactored, torsionInR.cofactorless]).toEqual([true, false])
    const [key, signed, bytes] = [
      fromHex(torsionInR.publicKey),
      fromHex(torsionInR.signature),
      fromHex(torsionInR.message),
    ]
    expect(verifyEd25519InScript(key, signed, bytes)).toBe(false)
  })

  test('small-order points in all their encodings, as key and as R', async () => {
    const seed = fromHex(vectors.framed.seed)
    const publicKey = signingPublicKey(seed)
    const honest = await sign(seed, label)
    expect(vectors.smallOrder).toHaveLength(14)
    for (const point of vectors.smallOrder.map(fromHex)) {
      expect(isPlainPublicKey(point)).toBe(false)
      expect(isPlainPoint(point)).toBe(false)
      const forged = honest.slice()
      forged.set(point)
      expect(await verifySignature(publicKey, forged, label)).toBe(false)
      expect(await verifySignature(point, honest, label)).toBe(false)
    }
  })

  test('S is compared with the group order exactly', () => {
    expect(isReducedScalar(fromHex(toLittleEndian(0n)))).toBe(true)
    expect(isReducedScalar(fromHex(toLittleEndian(order - 1n)))).toBe(true)
    expect(isReducedScalar(fromHex(toLittleEndian(order)))).toBe(false)
    expect(isReducedScalar(fromHex(toLittleEndian(order + 1n)))).toBe(false)
    expect(isReducedScalar(fromHex('ff'.repeat(32)))).toBe(false)
    expect(isReducedScalar(new Uint8Array(31))).toBe(false)
  })

  test('y is canonical just below the prime and not from it on', () => {
    const p = 2n ** 255n - 19n
    expect(isPlainPoint(fromHex(toLittleEndian(p - 2n)))).toBe(true)
    for (let y = p; y < 2n ** 255n; y++)
      expect(isPlainPoint(fromHex(toLittleEndian(y)))).toBe(false)
  })

  test('random bytes as key, R and S: the answer of the arithmetic', async () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
    await fc.assert(
      fc.asyncProperty(bytes, bytes, bytes, async (key, r, s) => {
        const signature = fromHex(hexOf(r) + hexOf(s))
        const slow = await slowVerify(hexOf(key), toHex(signature), '00')
        expect(await verifyBytes(key, signature, new Uint8Array(1))).toBe(slow.strict)
      }),
      { numRuns: 30 },
    )
  })

  test('a key seen before is judged as before, and tells nothing of another', async () => {
    const seed = generateSigningSeed()
    const signature = await sign(seed, label)
    const first = signingPublicKey(seed)
    expect(await verifySignature(first, signature, label)).toBe(true)
    expect(await verifySignature(first, signature, label)).toBe(true)
    const other = signingPublicKey(generateSigningSeed())
    expect(equalBytes(first, other)).toBe(false)
    expect(await verifySignature(other, signature, label)).toBe(false)
  })
})
