import * as contract from '@hearthold/contract'
import { randomBytes, toB64 } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  assertionOf,
  passkeyIdOf,
  PasskeyPerson,
} from '../../../../../test/passkeys/passkey-person.ts'
import type { SoftBehaviour } from '../../../../../test/passkeys/soft-authenticator.ts'
import { TestIdentity } from './test-identity.ts'
import { addMember, invite, type Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let host: Person
let eve: PasskeyPerson
beforeEach(async () => {
  server = await TestIdentity.open()
  host = await setUpHost(server)
  eve = await new PasskeyPerson(server, 'Eve').signUpByPasskey(await invite(host))
})
afterEach(() => server.close())

const failed = [401, 'sign_in_failed']
const outcome = ({ status, code }: { status: number; code: string }) => [status, code]

describe('a challenge', () => {
  test('names nobody, requires a verified user, and is new each time', async () => {
    const { body } = await server.call(contract.startPasskeySignIn)
    expect(body.options).toMatchObject({
      rpId: 'localhost',
      allowCredentials: [],
      userVerification: 'required',
    })
    const { body: next } = await server.call(contract.startPasskeySignIn)
    expect(next.options.challenge).not.toBe(body.options.challenge)
  })

  test('is answered once', async () => {
    const { signIn, answered } = await eve.answerSignIn()
    expect((await eve.finishSignIn(signIn, assertionOf(answered))).code).toBe('')
    const again = await eve.finishSignIn(signIn, assertionOf(answered))
    expect(outcome(again)).toEqual([410, 'sign_in_expired'])
  })

  test('is used up by a wrong answer, too', async () => {
    const { signIn, answered } = await eve.answerSignIn()
    const assertion = assertionOf(answered)
    const wrong = { ...assertion, signature: toB64(randomBytes(70)) }
    expect(outcome(await eve.finishSignIn(signIn, wrong))).toEqual(failed)
    expect((await eve.finishSignIn(signIn, assertion)).code).toBe('sign_in_expired')
  })

  test('is no use to another', async () => {
    const { answered } = await eve.answerSignIn()
    const { body } = await server.call(contract.startPasskeySignIn)
    expect(outcome(await eve.finishSignIn(body.signIn, assertionOf(answered)))).toEqual(failed)
  })

  test('lasts six minutes', async () => {
    const { signIn, answered } = await eve.answerSignIn()
    server.now += 6 * 60_000
    expect((await eve.finishSignIn(signIn, assertionOf(answered))).code).toBe('sign_in_expired')
  })

  test('of a sign-in proves nothing in a session, nor the other way round', async () => {
    const { signIn, answered } = await eve.answerSignIn()
    const assertion = assertionOf(answered)
    const body = { signIn, assertion }
    const crossed = await server.call(contract.finishPasskeyUnlock, { body, token: eve.token })
    expect(crossed.code).toBe('sign_in_expired')
    const begun = await server.call(contract.startPasskeyUnlock, { token: eve.token })
    const proof = assertionOf(await eve.authenticator.get(begun.body.options))
    expect((await eve.finishSignIn(begun.body.signIn, proof)).code).toBe('sign_in_expired')
  })
})

describe('an answer is refused', () => {
  const wrongs: [string, Partial<SoftBehaviour>][] = [
    ['from another origin', { origin: 'https://evil.example' }],
    ['from another port', { origin: 'http://localhost:8766' }],
    ['for another RP', { rpId: 'evil.example' }],
    ['without a verified user', { verifies: false }],
    ["inside another page's frame", { framed: true }],
  ]
  test.each(wrongs)('%s', async (_what, behaviour) => {
    Object.assign(eve.authenticator.behaviour, behaviour)
    expect(outcome(await eve.signInByPasskey())).toEqual(failed)
    const { body } = await eve.prove()
    expect(body).toMatchObject({ code: 'sign_in_failed' })
  })

  test('of an unknown passkey, in the same words as a wrong signature', async () => {
    const { signIn, answered } = await eve.answerSignIn()
    const unknown = { ...assertionOf(answered), credential: toB64(randomBytes(32)) }
    const one = await eve.finishSignIn(signIn, unknown)
    const other = await eve.answerSignIn()
    const signature = toB64(randomBytes(70))
    const wrong = { ...assertionOf(other.answered), signature }
    const two = await eve.finishSignIn(other.signIn, wrong)
    const words = ({ body }: { body: object }) => ({ ...body, requestId: '' })
    expect(words(one)).toEqual(words(two))
  })

  test('of a removed passkey', async () => {
    await eve.addSignInOnly()
    const [passkey] = (await server.call(contract.listPasskeys, { token: eve.token })).body.passkeys
      .filter(({ canUnlock }) => !canUnlock)
      .map((one) => one.passkey)
    const { signIn, answered } = await eve.answerSignIn()
    const params = { passkey: passkey! }
    await server.call(contract.removePasskey, { params, token: eve.token })
    expect(outcome(await eve.finishSignIn(signIn, assertionOf(answered)))).toEqual(failed)
  })

  test('that names no account, or another one', async () => {
    const { signIn, answered } = await eve.answerSignIn()
    const { userHandle: _, ...nameless } = assertionOf(answered)
    expect(outcome(await eve.finishSignIn(signIn, nameless))).toEqual(failed)
    const other = await eve.answerSignIn()
    const wrong = { ...assertionOf(other.answered), userHandle: toB64(randomBytes(32)) }
    expect(outcome(await eve.finishSignIn(other.signIn, wrong))).toEqual(failed)
  })

  test.each([
    ['no base64', { credential: 'A' }],
    ['no client data', { clientDataJSON: 'e30' }],
    ['no authenticator data', { authenticatorData: 'AAAA' }],
    ['an empty signature', { signature: '' }],
  ])('that is nonsense: %s', async (_what, nonsense) => {
    const { signIn, answered } = await eve.answerSignIn()
    const answer = await eve.finishSignIn(signIn, { ...assertionOf(answered), ...nonsense })
    expect(outcome(answer)).toEqual(failed)
  })

  test('of a copy, whose counter has stayed behind', async () => {
    const [credential] = eve.authenticator.credentials
    const copied = { ...credential! }
    expect((await eve.signInByPasskey()).code).toBe('')
    expect((await eve.signInByPasskey()).code).toBe('')
    const { body } = await server.call(contract.startPasskeySignIn)
    const answered = eve.authenticator.answer(copied, body.options)
    expect(outcome(await eve.finishSignIn(body.signIn, assertionOf(answered)))).toEqual(failed)
  })

  test('of a suspended account, which only its owner learns', async () => {
    const suspend = { params: { account: eve.account }, body: { suspended: true } }
    await server.call(contract.updateMember, { ...suspend, token: host.token })
    expect((await eve.signInByPasskey()).code).toBe('account_suspended')
    eve.authenticator.behaviour.verifies = false
    expect((await eve.signInByPasskey()).code).toBe('sign_in_failed')
  })
})

test('a passkey that counts nothing signs in again and again', async () => {
  const fay = new PasskeyPerson(server, 'Fay', { counts: false })
  await fay.signUpByPasskey(await invite(host))
  for (let time = 0; time < 3; time++) expect((await fay.signInByPasskey()).code).toBe('')
})

describe('failures', () => {
  const fail = async (person: PasskeyPerson, address?: string) => {
    const { signIn, answered } = await person.answerSignIn()
    const wrong = { ...assertionOf(answered), signature: toB64(randomBytes(70)) }
    return person.finishSignIn(signIn, wrong, address === undefined ? {} : { address })
  }

  test('lock one passkey out after five, wherever they come from, and nothing else', async () => {
    for (let failure = 0; failure < 5; failure++)
      expect((await fail(eve, `203.0.113.${failure}`)).code).toBe('sign_in_failed')
    const locked = await eve.signInByPasskey()
    expect(outcome(locked)).toEqual([429, 'locked_out'])
    expect(locked.retryAfter).toBeGreaterThan(800)
    await server.restart()
    expect((await eve.signInByPasskey()).code).toBe('locked_out')
    // Another passkey of the same account, and the recovery key, still open.
    const other = await eve.makePasskey()
    const body = { change: other.change, registration: other.registration }
    await server.call(contract.addPasskey, { body, token: eve.token })
    expect((await eve.signInByPasskey()).code).toBe('')
    expect((await eve.recover()).code).toBe('')
    server.now += 15 * 60_000
    eve.authenticator.credentials.pop()
    expect((await eve.signInByPasskey()).code).toBe('')
  })

  test('lock an address out after twenty, for passkeys only', async () => {
    const address = '203.0.113.50'
    const codes: string[] = []
    for (let failure = 0; failure < 21; failure++) {
      const { signIn, answered } = await eve.answerSignIn()
      const unknown = { ...assertionOf(answered), credential: toB64(randomBytes(32)) }
      codes.push((await eve.finishSignIn(signIn, unknown, { address })).code)
    }
    expect(codes).toEqual([...Array(20).fill('sign_in_failed'), 'locked_out'])
    expect((await server.call(contract.startPasskeySignIn, { address })).code).toBe('locked_out')
    const { finished } = await host.provePassword(host.password, address)
    expect(finished?.code).toBe('')
  })

  test('of passwords lock no passkey out, from the same address', async () => {
    const ben = await addMember(host, 'Ben')
    const address = '203.0.113.60'
    for (let failure = 0; failure < 21; failure++) await ben.provePassword('wrong', address)
    const { signIn, answered } = await eve.answerSignIn()
    const answer = await eve.finishSignIn(signIn, assertionOf(answered), { address })
    expect(answer.code).toBe('')
  })
})

describe('in a session', () => {
  test('a fresh proof is asked of the own passkeys, and a foreign one is unknown', async () => {
    const fay = await new PasskeyPerson(server, 'Fay').signUpByPasskey(await invite(host))
    const { body } = await server.call(contract.startPasskeyUnlock, { token: eve.token })
    const [own] = eve.authenticator.credentials
    expect(body.options.allowCredentials.map(({ id }) => id)).toEqual([own!.id])
    const foreign = fay.authenticator.answer(fay.authenticator.credentials[0]!, body.options)
    const answer = await server.call(contract.finishPasskeyUnlock, {
      body: { signIn: body.signIn, assertion: assertionOf(foreign) },
      token: eve.token,
    })
    expect(outcome(answer)).toEqual(failed)
    // It does not count against Fay's passkey.
    for (let time = 0; time < 5; time++) expect((await fay.signInByPasskey()).code).toBe('')
  })

  test('one that only signs in is no fresh proof, and adds or removes no passkey', async () => {
    const { created } = await eve.addSignInOnly()
    eve.authenticator.credentials.shift()
    expect(eve.authenticator.credentials.map(passkeyIdOf)).toEqual([passkeyIdOf(created)])
    const { token = '', canUnlock } = (await eve.signInByPasskey()).body
    expect(canUnlock).toBe(false)
    // It is not asked; here it answers all the same.
    const { body } = await server.call(contract.startPasskeyUnlock, { token })
    expect(body.options.allowCredentials.map(passkeyIdOf)).not.toContain(passkeyIdOf(created))
    const answered = eve.authenticator.answer(eve.authenticator.credentials[0]!, body.options)
    const proof = { signIn: body.signIn, assertion: assertionOf(answered) }
    const proven = await server.call(contract.finishPasskeyUnlock, { body: proof, token })
    expect(proven.body).toEqual({ fresh: false, canUnlock: false })
    const params = { passkey: passkeyIdOf(created) }
    const codes = [
      await server.call(contract.startPasskeyChange, { token }),
      await server.call(contract.removePasskey, { params, token }),
      await server.call(contract.startTotpChange, { body: {}, token }),
    ].map(({ code }) => code)
    expect(codes).toEqual(Array(3).fill('step_up_needed'))
  })

  test('a challenge belongs to its session', async () => {
    const { body } = await server.call(contract.startPasskeyUnlock, { token: eve.token })
    const assertion = assertionOf(await eve.authenticator.get(body.options))
    const other = await eve.recover()
    const answer = await server.call(contract.finishPasskeyUnlock, {
      body: { signIn: body.signIn, assertion },
      token: other.body.token ?? '',
    })
    expect(answer.code).toBe('sign_in_expired')
  })
})

describe('an account without a password', () => {
  test('has no backup codes and no password to unlock by', async () => {
    const { token } = eve
    expect((await server.call(contract.replaceBackupCodes, { body: {}, token })).code).toBe(
      'method_required',
    )
    expect((await eve.unlock()).code).toBe('method_required')
    const { finished } = await eve.provePassword('a password that it never had')
    expect(finished?.code).toBe('sign_in_failed')
  })

  test('gets password and authenticator together, or neither', async () => {
    const { token } = eve
    const { method, change } = await eve.beginPasswordChange('a first long password')
    const alone = await eve.appendMethods([...eve.methods, method], { password: change })
    expect(alone.code).toBe('method_required')
    const { body } = await server.call(contract.startTotpChange, { body: {}, token })
    eve.totpSecret = body.totpSecret
    const verified = await server.call(contract.finishTotpChange, {
      body: { change: body.change, totpCode: eve.code() },
      token,
    })
    expect(verified.body).toEqual({ replaced: false })
    const between = await server.call(contract.getSession, { token })
    expect(between.body.hasPassword).toBe(false)
    const both = await eve.appendMethods([...eve.methods, method], { password: change })
    expect(both.code).toBe('')
    eve.password = 'a first long password'
    server.nextStep()
    expect((await eve.signIn()).code).toBe('')
    const codes = await server.call(contract.replaceBackupCodes, { body: {}, token })
    expect(codes.body.backupCodes.length).toBe(10)
  })
})
