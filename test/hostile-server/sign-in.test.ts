/** What a lying server can answer to somebody who signs in: no weaker stretching, no other account, no old answer. */
import {
  endSession,
  finishChallengeSignIn,
  finishSecondFactor,
  startDeviceSignIn,
  startPasswordSignIn,
  startPasswordUnlock,
  startRecoverySignIn,
} from '@hearthold/contract'
import { toB64, toHex } from '@hearthold/crypto'
import {
  provePasswordAgain,
  signInWithDevice,
  signInWithPassword,
  signInWithRecoveryKey,
  unlock,
} from '@hearthold/member'
import { client as opaqueClient, ready, server as opaqueServer } from '@serenity-kit/opaque'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Person } from '../flows/flow-server.ts'
import { all, answerInstead, type Lie, rewriteJson, truth } from './answers.ts'
import { readHonestly, serve } from './forged-log.ts'
import { createWorld, type LiedTo, type World } from './world.ts'

const bearer = { transport: 'bearer' } as const

let world: World
let bob: Person
beforeAll(async () => {
  world = await createWorld()
  bob = await world.server.invited(world.ada, 'bob')
})
/** The server counts proofs that are begun and never ended: each case begins with a clean slate. */
beforeEach(() => world.server.advance(16 * 60_000))
afterAll(() => world.stop())

/** A new device that is signed in nowhere. */
const stranger = (lie: Lie = truth): LiedTo => {
  const device = world.device(lie)
  device.setToken(undefined)
  return device
}
const byPassword = ({ context }: LiedTo, secondFactor = world.ada.code) =>
  signInWithPassword(context, {
    name: 'ada',
    password: world.ada.password,
    secondFactor,
    ...bearer,
  })
const byDevice = ({ context }: LiedTo) => {
  const { account, unlockBy } = world.ada.created
  return signInWithDevice(context, {
    account,
    method: toHex(unlockBy.id),
    secret: unlockBy.secret,
    ...bearer,
  })
}
const neverAsked = () => Promise.reject(new Error('the second factor was asked'))
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

describe('a password at a lying server', () => {
  it.each([0, 2, undefined, '1'])(
    'stretched by setting %s: the answer is refused as a whole',
    async (ksf) => {
      const device = stranger(rewriteJson(startPasswordSignIn, (answer) => ({ ...answer, ksf })))
      await expect(byPassword(device, neverAsked)).rejects.toMatchObject({ kind: 'protocol' })
      const again = world.device(rewriteJson(startPasswordUnlock, (answer) => ({ ...answer, ksf })))
      await expect(provePasswordAgain(again.context, world.ada.password)).rejects.toMatchObject({
        kind: 'protocol',
      })
    },
  )

  it('with parameters beside the setting: ignored, the honest password stretching goes on', async () => {
    const lie = rewriteJson(startPasswordSignIn, (answer) => ({
      ...answer,
      keyStretching: { memory: 8, iterations: 1, parallelism: 1 },
    }))
    await expect(byPassword(stranger(lie), () => Promise.resolve('000000'))).rejects.toMatchObject({
      code: 'second_factor_wrong',
    })
  })

  it('with an answer that is no OPAQUE message: malformed', async () => {
    const loginResponse = toB64(new Uint8Array(48).fill(255))
    const lie = rewriteJson(startPasswordSignIn, (answer) => ({ ...answer, loginResponse }))
    await expect(byPassword(stranger(lie), neverAsked)).rejects.toMatchObject({
      code: 'malformed',
      name: 'IntegrityError',
    })
  })

  it('with an answer of an earlier sign-in: sign_in_failed', async () => {
    let kept: Record<string, unknown> | undefined
    const lie = rewriteJson(startPasswordSignIn, (answer) => (kept ??= answer))
    await byPassword(stranger(lie))
    await expect(byPassword(stranger(lie), neverAsked)).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
  })

  it('with the account id of somebody else: sign_in_failed', async () => {
    const { account } = bob.created
    const lie = rewriteJson(startPasswordSignIn, (answer) => ({ ...answer, account }))
    await expect(byPassword(stranger(lie), neverAsked)).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
  })

  it('with a registration of the liar for a password that it guessed: sign_in_failed', async () => {
    await ready
    const { account } = world.ada.created
    const identifiers = { client: account, server: 'hearthold' }
    const serverSetup = opaqueServer.createSetup()
    const password = 'guessed by the liar'
    const begun = opaqueClient.startRegistration({ password })
    const { registrationResponse } = opaqueServer.createRegistrationResponse({
      serverSetup,
      userIdentifier: account,
      registrationRequest: begun.registrationRequest,
    })
    const { registrationRecord } = opaqueClient.finishRegistration({
      password,
      ...begun,
      registrationResponse,
      identifiers,
    })
    const lie = answerInstead(startPasswordSignIn, ({ body }) => {
      const { startLoginRequest } = JSON.parse(new TextDecoder().decode(body as Uint8Array)) as {
        startLoginRequest: string
      }
      const { loginResponse } = opaqueServer.startLogin({
        serverSetup,
        userIdentifier: account,
        registrationRecord,
        startLoginRequest,
        identifiers,
      })
      return json({ signIn: 'ab'.repeat(16), account, loginResponse, ksf: 1 })
    })
    await expect(byPassword(stranger(lie), neverAsked)).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
  })
})

describe('an answer that names another account', () => {
  /** Serves bob's log to ada as well: the liar shows everybody everything. */
  const bobsLog = async (): Promise<Lie> =>
    serve(await readHonestly(bob.device.client, bob.created.log), world.receiptSeed)

  it("ada's account with bob's log: account_state", async () => {
    const { log } = bob.created
    const lie = rewriteJson(finishSecondFactor, (answer) => ({ ...answer, log }))
    const device = stranger(all(lie, await bobsLog()))
    const signedIn = await byPassword(device)
    device.setToken(signedIn.token)
    const opened = unlock(device.context, signedIn, signedIn.unlockBy)
    await expect(opened).rejects.toMatchObject({ code: 'account_state', name: 'IntegrityError' })
  })

  it("bob's account and log, after a device's proof: account_state", async () => {
    const { account, log } = bob.created
    const lie = rewriteJson(finishChallengeSignIn, (answer) => ({ ...answer, account, log }))
    const device = stranger(all(lie, await bobsLog()))
    const signedIn = await byDevice(device)
    device.setToken(signedIn.token)
    const opened = unlock(device.context, signedIn, signedIn.unlockBy)
    await expect(opened).rejects.toMatchObject({ code: 'account_state', name: 'IntegrityError' })
  })

  it("bob's account and log, after a password: account_anchor", async () => {
    const { account, log } = bob.created
    const lie = rewriteJson(finishSecondFactor, (answer) => ({ ...answer, account, log }))
    const device = stranger(all(lie, await bobsLog()))
    const signedIn = await byPassword(device)
    device.setToken(signedIn.token)
    const opened = unlock(device.context, signedIn, signedIn.unlockBy)
    await expect(opened).rejects.toMatchObject({ code: 'account_anchor', name: 'IntegrityError' })
  })

  it('for a recovery key, of which another account is claimed: sign_in_failed', async () => {
    const { account } = bob.created
    const lie = rewriteJson(startRecoverySignIn, (answer) => ({ ...answer, account }))
    const { recoveryKey } = world.ada
    await expect(
      signInWithRecoveryKey(stranger(lie).context, { recoveryKey, ...bearer }),
    ).rejects.toMatchObject({ code: 'sign_in_failed' })
  })
})

describe('old answers', () => {
  it('a challenge that was answered before: sign_in_expired', async () => {
    let kept: Record<string, unknown> | undefined
    const lie = rewriteJson(startDeviceSignIn, (answer) => (kept ??= answer))
    await byDevice(stranger(lie))
    await expect(byDevice(stranger(lie))).rejects.toMatchObject({ code: 'sign_in_expired' })
  })

  it('a session that has ended: unauthenticated, and nothing is unlocked', async () => {
    let kept: Record<string, unknown> | undefined
    const lie = rewriteJson(finishChallengeSignIn, (answer) => (kept ??= answer))
    const device = stranger(lie)
    device.setToken((await byDevice(device)).token)
    await device.context.client.call(endSession)
    const signedIn = await byDevice(device)
    device.setToken(signedIn.token)
    await expect(unlock(device.context, signedIn, signedIn.unlockBy)).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })

  it('after every lie an honest server lets in, and the same keys open', async () => {
    for (const signIn of [byDevice, byPassword]) {
      const device = stranger()
      const signedIn = await signIn(device)
      device.setToken(signedIn.token)
      const { keys } = await unlock(device.context, signedIn, signedIn.unlockBy)
      expect(keys.accountKey).toEqual(world.ada.member.keys.accountKey)
    }
  })
})
