import { describe, expect, test } from 'vitest'
import vectors from '../../../docs/formats/vectors/hpke.json' with { type: 'json' }
import { concat, fromHex, randomBytes, toHex, utf8 } from './bytes.ts'
import { hpkeOpen, hpkeOverheadBytes, hpkeSeal } from './hpke.ts'
import {
  createNativeSuite,
  createScriptSuite,
  isKemCiphertext,
  isKemPublicKey,
  kemPublicKey,
  kemSuite,
} from './kem.ts'
import { expectEachRefused, refusalOf } from './oracle/tamper.oracle.ts'
import { buildHpke } from './oracle/vectors.oracle.ts'

const context = { info: utf8('hearthold/v1/example'), aad: utf8('place') }

/** The platform's suite, where it works at all: Chromium before 156 has none. */
const nativeWorks = async (): Promise<boolean> => {
  const seed = randomBytes(32)
  try {
    const suite = createNativeSuite()
    const sealed = await hpkeSeal(kemPublicKey(seed), utf8('x'), context, suite)
    await hpkeOpen(seed, sealed, context, 'sealed_bytes', suite)
    return true
  } catch {
    return false
  }
}

describe('vectors', () => {
  test('the committed ones are what the second implementation makes', async () => {
    expect(await buildHpke()).toEqual(vectors)
  })

  test.each(vectors.cases)('opens on noble and on the best suite here %#', async (vector) => {
    const seed = fromHex(vector.seed)
    const bound = { info: fromHex(vector.info), aad: fromHex(vector.aad) }
    expect(toHex(kemPublicKey(seed))).toBe(vector.publicKey)
    const script = createScriptSuite()
    const sealed = fromHex(vector.sealed)
    expect(toHex(await hpkeOpen(seed, sealed, bound))).toBe(vector.plaintext)
    expect(toHex(await hpkeOpen(seed, sealed, bound, 'grant', script))).toBe(vector.plaintext)
  })
})

test('noble and the platform open what the other sealed', async () => {
  const script = createScriptSuite()
  const best = await kemSuite()
  const suites = (await nativeWorks()) ? [script, best, createNativeSuite()] : [script, best]
  for (const sealer of suites) {
    for (const opener of suites) {
      const seed = randomBytes(32)
      const plaintext = randomBytes(32)
      const sealed = await hpkeSeal(kemPublicKey(seed), plaintext, context, sealer)
      expect(sealed).toHaveLength(plaintext.length + hpkeOverheadBytes)
      const opened = await hpkeOpen(seed, sealed, context, 'sealed_bytes', opener)
      expect(toHex(opened)).toBe(toHex(plaintext))
    }
  }
})

describe('refuses', () => {
  test('every changed, cut or added byte', { timeout: 120_000 }, async () => {
    const seed = randomBytes(32)
    const sealed = await hpkeSeal(kemPublicKey(seed), randomBytes(8), context)
    await expectEachRefused(sealed, ['account_wrap'], (bytes) =>
      hpkeOpen(seed, bytes, context, 'account_wrap'),
    )
  })

  test('another seed, info or AAD', async () => {
    const seed = randomBytes(32)
    const sealed = await hpkeSeal(kemPublicKey(seed), randomBytes(8), context)
    const open = (s: Uint8Array, bound: typeof context) =>
      refusalOf(() => hpkeOpen(s, sealed, bound))
    expect(await open(seed, context)).toBe('returned')
    expect(await open(randomBytes(32), context)).toBe('sealed_bytes')
    expect(await open(seed, { ...context, info: utf8('hearthold/v1/other') })).toBe('sealed_bytes')
    expect(await open(seed, { ...context, aad: utf8('elsewhere') })).toBe('sealed_bytes')
    await expect(hpkeOpen(new Uint8Array(31), sealed, context)).rejects.toThrow(RangeError)
    expect(() => kemPublicKey(new Uint8Array(64))).toThrow(RangeError)
  })

  test('what is no public key, on every suite alike', async () => {
    const good = kemPublicKey(randomBytes(32))
    const unreduced = good.slice()
    unreduced.set([0x01, 0x0d], 0) // 0xd01 = q: the first coefficient is not reduced
    const zeros = concat(good.subarray(0, 1184), new Uint8Array(32))
    const high = zeros.slice()
    high[1215] = 0x80
    const bad = [unreduced, zeros, high, good.subarray(1), concat(good, new Uint8Array(1))]
    for (const key of [...bad, new Uint8Array(0)]) {
      expect(isKemPublicKey(key)).toBe(false)
      const script = createScriptSuite()
      expect(await refusalOf(() => hpkeSeal(key, good, context))).toBe('malformed')
      expect(await refusalOf(() => hpkeSeal(key, good, context, script))).toBe('malformed')
    }
    expect(isKemPublicKey(good)).toBe(true)
  })

  test('a ciphertext whose X25519 part shares nothing', async () => {
    const seed = randomBytes(32)
    const sealed = await hpkeSeal(kemPublicKey(seed), randomBytes(8), context)
    sealed.fill(0, 1088, 1120)
    expect(isKemCiphertext(sealed.subarray(0, 1120))).toBe(false)
    expect(await refusalOf(() => hpkeOpen(seed, sealed, context))).toBe('sealed_bytes')
  })
})
