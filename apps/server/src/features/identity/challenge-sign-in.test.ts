import * as contract from '@hearthold/contract'
import { fromHex, methodType, randomBytes, recoveryLocator, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { addMember, type Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
  server.nextStep()
})
afterEach(() => server.close())

describe('recovery key and device', () => {
  test('sign in without an authenticator', async () => {
    const { body, code } = await ada.recover()
    expect(code).toBe('')
    const session = await server.call(contract.getSession, { token: body.token! })
    expect(session.body.session).toMatchObject({ method: 'recovery', device: null })
  })

  test('a challenge is answered once, within a minute, by its own key', async () => {
    const locator = toHex(recoveryLocator(ada.recovery))
    const begin = async () =>
      (await server.call(contract.startRecoverySignIn, { body: { locator } })).body
    const first = await begin()
    const method = { type: methodType.recovery, id: first.method, secret: ada.recovery }
    const both = await Promise.all([
      ada.answerChallenge(first, method),
      ada.answerChallenge(first, method),
    ])
    expect(both.map(({ code }) => code).toSorted()).toEqual(['', 'sign_in_expired'])

    const late = await begin()
    server.now += 60_000
    expect((await ada.answerChallenge(late, method)).code).toBe('sign_in_expired')

    const [one, two] = [await begin(), await begin()]
    const crossed = await ada.answerChallenge(
      { signIn: one.signIn, challenge: two.challenge },
      method,
    )
    expect(crossed.code).toBe('sign_in_failed')
    const stranger = await ada.answerChallenge(await begin(), {
      ...method,
      secret: randomBytes(20),
    })
    expect(stranger.code).toBe('sign_in_failed')
  })

  test('five wrong answers lock that method of that account, and not the password', async () => {
    const locator = toHex(recoveryLocator(ada.recovery))
    for (let guess = 0; guess < 5; guess++) {
      const { body } = await server.call(contract.startRecoverySignIn, { body: { locator } })
      const answer = await server.call(contract.finishChallengeSignIn, {
        body: { signIn: body.signIn, signature: '00'.repeat(64), transport: 'bearer' },
      })
      expect(answer.code).toBe('sign_in_failed')
    }
    const locked = await server.call(contract.startRecoverySignIn, { body: { locator } })
    expect(locked.code).toBe('locked_out')
    expect((await ada.signIn()).code).toBe('')
  })

  test('whoever knows only the name cannot lock out a device', async () => {
    const secret = randomBytes(32)
    const device = await ada.method(methodType.device, secret, ada.device.idBytes)
    expect((await ada.appendMethods([...ada.methods, device])).code).toBe('')
    const begin = async (method: string) =>
      server.call(contract.startDeviceSignIn, { body: { account: ada.account, method } })
    const wrong = async (method: string) => {
      const { signIn } = (await begin(method)).body
      const body = { signIn, signature: '00'.repeat(64), transport: 'bearer' } as const
      expect((await server.call(contract.finishChallengeSignIn, { body })).code).toBe(
        'sign_in_failed',
      )
    }
    for (let guess = 0; guess < 5; guess++) await wrong('ab'.repeat(16))
    expect((await begin('ab'.repeat(16))).code).toBe('locked_out')
    const { body } = await begin(ada.device.id)
    const method = { type: methodType.device, id: ada.device.id, secret }
    expect((await ada.answerChallenge(body, method)).code).toBe('')
    for (let guess = 0; guess < 5; guess++) await wrong(ada.device.id)
    expect((await begin(ada.device.id)).code).toBe('locked_out')
  })

  test('a device method is tied to its device, and ends with it', async () => {
    const secret = randomBytes(32)
    const device = await ada.method(methodType.device, secret, ada.device.idBytes)
    expect((await ada.appendMethods([...ada.methods, device])).code).toBe('')
    const begin = async () =>
      (
        await server.call(contract.startDeviceSignIn, {
          body: { account: ada.account, method: ada.device.id },
        })
      ).body
    const method = { type: methodType.device, id: ada.device.id, secret }
    const signedIn = await ada.answerChallenge(await begin(), method)
    const { body } = await server.call(contract.getSession, { token: signedIn.body.token! })
    expect(body.session).toMatchObject({ method: 'device', device: ada.device.id })

    const open = await begin()
    const { token } = await ada.newSession()
    const retired = await ada.appendEntries([await ada.retire(ada.device)], {}, token)
    expect(retired.code).toBe('')
    // Signed up on this device, and signed in by it: two sessions.
    expect(retired.body.sessionsEnded).toBe(2)
    const gone = await server.call(contract.getSession, { token: signedIn.body.token! })
    expect(gone.code).toBe('unauthenticated')
    expect((await ada.answerChallenge(open, method)).code).toBe('sign_in_failed')
    expect((await ada.answerChallenge(await begin(), method)).code).toBe('sign_in_failed')
  })

  test('a challenge of another account does not take a signature of this one', async () => {
    const ben = await addMember(ada, 'Ben')
    const locator = toHex(recoveryLocator(ben.recovery))
    const { body } = await server.call(contract.startRecoverySignIn, { body: { locator } })
    const method = { type: methodType.recovery, id: body.method, secret: ada.recovery }
    expect((await ada.answerChallenge(body, method)).code).toBe('sign_in_failed')
    expect(fromHex(body.challenge).length).toBe(32)
  })
})
