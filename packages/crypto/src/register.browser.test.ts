import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../../../docs/formats/vectors/register.json' with { type: 'json' }
import { fromHex, randomBytes, randomId, toHex } from './bytes.ts'
import { register as slowRegister } from './oracle/formats.oracle.ts'
import { hexOf } from './oracle/hex.oracle.ts'
import { expectEachRefused, refusalOf } from './oracle/tamper.oracle.ts'
import { buildRegisters } from './oracle/vectors.oracle.ts'
import {
  isRegisterName,
  openRegister,
  registerKeyVersion,
  sealedRegisterLimitBytes,
  sealRegister,
  signRegister,
  verifyRegister,
} from './register.ts'
import { generateSigningSeed, signingPublicKey } from './signature.ts'

const cases = vectors.cases.map((vector) => ({
  ...vector,
  place: { owner: fromHex(vector.owner), name: vector.name, version: vector.version },
  key: { version: vector.keyVersion, key: fromHex(vector.key) },
  sealedBytes: fromHex(vector.sealed),
  signatureBytes: fromHex(vector.signature),
  devicePublicKey: signingPublicKey(fromHex(vector.deviceSeed)),
}))

describe('register', () => {
  test('the committed vectors are what the second implementation makes', async () => {
    expect(await buildRegisters()).toEqual(vectors)
  })

  test.each(cases)('$name opens and verifies as in the vectors', async (vector) => {
    const { place, key, sealedBytes, signatureBytes, devicePublicKey } = vector
    expect(registerKeyVersion(sealedBytes)).toBe(vector.keyVersion)
    expect(toHex(await openRegister(key, place, sealedBytes))).toBe(vector.value)
    const signature = await signRegister(fromHex(vector.deviceSeed), place, sealedBytes)
    expect(toHex(signature)).toBe(vector.signature)
    await verifyRegister(devicePublicKey, place, sealedBytes, signatureBytes)
  })

  test('seals as the second implementation', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 500 }),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        async (value, version, keyVersion) => {
          const [owner, key] = [randomId(), randomBytes(32)]
          const place = { owner, name: 'read-marks/one', version }
          const sealed = await sealRegister({ version: keyVersion, key }, place, value)
          const nonce = toHex(sealed.subarray(4, 16))
          const slow = await slowRegister(
            hexOf(key),
            keyVersion,
            nonce,
            hexOf(owner),
            place.name,
            version,
            hexOf(value),
          )
          expect(toHex(sealed)).toBe(slow.sealed)
          const opened = await openRegister({ version: keyVersion, key }, place, sealed)
          expect(toHex(opened)).toBe(hexOf(value))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('every changed, cut or added byte of value or signature', async () => {
    const { place, key, sealedBytes, signatureBytes, devicePublicKey } = cases[0]!
    await expectEachRefused(sealedBytes, ['register'], (bytes) => openRegister(key, place, bytes))
    await expectEachRefused(sealedBytes, ['register'], (bytes) =>
      verifyRegister(devicePublicKey, place, bytes, signatureBytes),
    )
    await expectEachRefused(signatureBytes, ['register'], (bytes) =>
      verifyRegister(devicePublicKey, place, sealedBytes, bytes),
    )
  })

  test('a value of another owner, name, version, key or device', async () => {
    const { place, key, sealedBytes, signatureBytes, devicePublicKey } = cases[0]!
    const places = [
      { ...place, owner: randomId() },
      { ...place, name: 'known-headz' },
      { ...place, version: 2 },
    ]
    for (const other of places) {
      expect(await refusalOf(() => openRegister(key, other, sealedBytes))).toBe('register')
      const verify = () => verifyRegister(devicePublicKey, other, sealedBytes, signatureBytes)
      expect(await refusalOf(verify)).toBe('register')
    }
    for (const other of [
      { version: 2, key: key.key },
      { version: 1, key: randomBytes(32) },
    ]) {
      expect(await refusalOf(() => openRegister(other, place, sealedBytes))).toBe('register')
    }
    const stranger = signingPublicKey(generateSigningSeed())
    const verify = () => verifyRegister(stranger, place, sealedBytes, signatureBytes)
    expect(await refusalOf(verify)).toBe('register')
  })

  test('names, versions and sizes have limits', async () => {
    expect(isRegisterName('a'.repeat(100))).toBe(true)
    for (const name of ['', 'a'.repeat(101), 'A', '/a', '-a', 'a b', 'a\n', '\u00E4']) {
      expect(isRegisterName(name)).toBe(false)
      const place = { owner: randomId(), name, version: 1 }
      const sealed = sealRegister(cases[0]!.key, place, new Uint8Array(1))
      await expect(sealed).rejects.toThrow(RangeError)
    }
    const { place, key } = cases[0]!
    const largest = sealedRegisterLimitBytes - 32
    expect(await sealRegister(key, place, new Uint8Array(largest))).toHaveLength(65_536)
    const above = sealRegister(key, place, new Uint8Array(largest + 1))
    await expect(above).rejects.toThrow(RangeError)
    await expect(sealRegister(key, { ...place, version: 0 }, place.owner)).rejects.toThrow(
      RangeError,
    )
    const unkeyed = sealRegister({ version: 1, key: new Uint8Array(0) }, place, place.owner)
    await expect(unkeyed).rejects.toThrow(RangeError)
  })
})
