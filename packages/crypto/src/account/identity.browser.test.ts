import { describe, expect, test } from 'vitest'
import vectors from '../../../../docs/formats/vectors/account-keys.json' with { type: 'json' }
import { fromHex, randomBytes, randomId, toHex } from '../bytes.ts'
import { eachTampering, expectEachRefused, refusalOf } from '../oracle/tamper.oracle.ts'
import { signingPublicKey } from '../signature.ts'
import { certifyDevice, deviceId, verifyDeviceCertificate } from './device-cert.ts'
import {
  createIdentityBundle,
  decodeIdentityBundle,
  encodeIdentityBundle,
  openIdentityBundle,
  safetyNumber,
} from './identity-bundle.ts'
import type { MethodType } from './method-keys.ts'
import {
  signSessionDevice,
  signSignInChallenge,
  verifySessionDevice,
  verifySignInChallenge,
} from './sign-in-proof.ts'

const account = fromHex(vectors.methods[0]!.account)
const rootPublicKey = fromHex(vectors.rootPublicKey)
const { device } = vectors
const deviceKey = fromHex(device.publicKey)

describe('device certificate', () => {
  const certificate = fromHex(device.certificate)

  test('is that of the vectors', async () => {
    expect(toHex(signingPublicKey(fromHex(device.seed)))).toBe(device.publicKey)
    expect(toHex(deviceId(deviceKey))).toBe(device.id)
    const made = await certifyDevice(fromHex(vectors.rootSeed), account, deviceKey)
    expect(toHex(made)).toBe(device.certificate)
    expect(await verifyDeviceCertificate(rootPublicKey, account, deviceKey, certificate)).toBe(true)
  })

  test('another account, device, root or byte is not certified', async () => {
    const other = signingPublicKey(randomBytes(32))
    const verify = verifyDeviceCertificate
    expect(await verify(rootPublicKey, randomId(), deviceKey, certificate)).toBe(false)
    expect(await verify(rootPublicKey, account, other, certificate)).toBe(false)
    expect(await verify(other, account, deviceKey, certificate)).toBe(false)
    expect(await verify(rootPublicKey, account, deviceKey.subarray(1), certificate)).toBe(false)
    expect(await verify(rootPublicKey, account.subarray(1), deviceKey, certificate)).toBe(false)
    for (const tampered of eachTampering(certificate)) {
      expect(await verify(rootPublicKey, account, deviceKey, tampered)).toBe(false)
    }
    expect(() => deviceId(deviceKey.subarray(1))).toThrow(RangeError)
  })
})

describe('sign-in proofs', () => {
  test.each(vectors.methods)('challenge of method type $type', async (method) => {
    const place = { account, type: method.type as MethodType, id: fromHex(method.id) }
    const challenge = fromHex(method.challenge)
    const signature = await signSignInChallenge(fromHex(method.secret), place, challenge)
    expect(toHex(signature)).toBe(method.challengeSignature)
    const key = fromHex(method.authPublicKey)
    expect(await verifySignInChallenge(key, signature, place, challenge)).toBe(true)
    expect(await verifySignInChallenge(key, signature, place, randomBytes(32))).toBe(false)
    const elsewhere = { ...place, account: randomId() }
    expect(await verifySignInChallenge(key, signature, elsewhere, challenge)).toBe(false)
    const otherMethod = { ...place, id: randomId() }
    expect(await verifySignInChallenge(key, signature, otherMethod, challenge)).toBe(false)
  })

  test('a session is tied to a device by its key', async () => {
    const [session, id] = [fromHex(device.session), fromHex(device.id)]
    const signature = await signSessionDevice(fromHex(device.seed), session, id)
    expect(toHex(signature)).toBe(device.sessionSignature)
    expect(await verifySessionDevice(deviceKey, signature, session, id)).toBe(true)
    expect(await verifySessionDevice(deviceKey, signature, randomId(), id)).toBe(false)
    expect(await verifySessionDevice(deviceKey, signature, session, randomId())).toBe(false)
  })
})

describe('identity bundle', () => {
  const signed = vectors.identities.map(({ bytes, signature }) => ({
    bytes: fromHex(bytes),
    signature: fromHex(signature),
  }))

  test.each(vectors.identities)('version $version is that of the vectors', async (vector) => {
    const seeds = {
      version: vector.version,
      kemSeed: fromHex(vector.kemSeed),
      signingSeed: fromHex(vector.signingSeed),
    }
    const made = await createIdentityBundle(
      fromHex(vector.rootSeed),
      fromHex(vector.account),
      seeds,
    )
    expect([toHex(made.bytes), toHex(made.signature)]).toEqual([vector.bytes, vector.signature])
    const bundle = await openIdentityBundle(made)
    expect(bundle.version).toBe(vector.version)
    expect(toHex(bundle.account)).toBe(vector.account)
    expect(toHex(encodeIdentityBundle(bundle))).toBe(vector.bytes)
  })

  test('every changed, cut or added byte', { timeout: 60_000 }, async () => {
    const { bytes, signature } = signed[0]!
    await expectEachRefused(bytes, ['malformed', 'account_state'], (tampered) =>
      openIdentityBundle({ bytes: tampered, signature }),
    )
    await expectEachRefused(signature, ['account_state'], (tampered) =>
      openIdentityBundle({ bytes, signature: tampered }),
    )
    const moved = { bytes, signature: signed[1]!.signature }
    expect(await refusalOf(() => openIdentityBundle(moved))).toBe('account_state')
  })

  test('the safety number is the same for both, and another for any other key', () => {
    const [mine, theirs] = signed.map(({ bytes }) => decodeIdentityBundle(bytes)) as [
      ReturnType<typeof decodeIdentityBundle>,
      ReturnType<typeof decodeIdentityBundle>,
    ]
    expect(safetyNumber(mine, theirs)).toBe(vectors.safetyNumber)
    expect(safetyNumber(theirs, mine)).toBe(vectors.safetyNumber)
    expect(vectors.safetyNumber).toMatch(/^(?:\d{5} ){11}\d{5}$/)
    const others = [
      { ...theirs, version: theirs.version + 1 },
      { ...theirs, rootPublicKey: mine.rootPublicKey },
      { ...theirs, signingPublicKey: mine.signingPublicKey },
      { ...theirs, kemPublicKey: mine.kemPublicKey },
      { ...theirs, account: mine.account },
    ]
    const numbers = others.map((other) => safetyNumber(mine, other))
    expect(new Set([...numbers, vectors.safetyNumber]).size).toBe(6)
  })
})
