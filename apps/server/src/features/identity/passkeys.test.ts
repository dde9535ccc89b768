import * as contract from '@hearthold/contract'
import { methodType, passkeyUserHandle, randomBytes, toB64 } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  assertionOf,
  passkeyIdOf,
  PasskeyPerson,
  randomLabel,
  testOrigin,
} from '../../../../../test/passkeys/passkey-person.ts'
import { SoftAuthenticator } from '../../../../../test/passkeys/soft-authenticator.ts'
import { passkeySiteOf } from './passkey-site.ts'
import { TestIdentity } from './test-identity.ts'
import { addMember, invite, type Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let host: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  host = await setUpHost(server)
})
afterEach(() => server.close())

const member = async (
  ...[name, behaviour]: [string, ConstructorParameters<typeof PasskeyPerson>[2]?]
) => new PasskeyPerson(server, name, behaviour).signUpByPasskey(await invite(host))
const list = async (person: Person) =>
  (await server.call(contract.listPasskeys, { token: person.token })).body.passkeys

describe('where passkeys can be', () => {
  test.each([
    ['https://cloud.home.arpa', 'cloud.home.arpa'],
    ['https://cloud.home.arpa:8443', 'cloud.home.arpa'],
    ['http://localhost:8765', 'localhost'],
    ['http://127.0.0.1:8765', undefined],
    ['https://192.168.1.7', undefined],
    ['https://[fd00::7]:8765', undefined],
    ['http://cloud.home.arpa', undefined],
  ])('%s: %s', (url, rpId) => {
    expect(passkeySiteOf(url)).toEqual(rpId === undefined ? undefined : { rpId, origin: url })
  })

  test('an IP address is told before and after set-up, and each endpoint says why', async () => {
    const other = await TestIdentity.open('https://192.0.2.7')
    try {
      expect((await other.call(contract.getSetUp)).body.passkeys).toBe(false)
      const token = other.identity.setUp.token() ?? ''
      const eve = new PasskeyPerson(other, 'Eve')
      expect((await eve.startByPasskey({ token })).code).toBe('passkeys_unavailable')
      const ada = await setUpHost(other)
      expect((await other.call(contract.getInstance)).body.passkeys).toBe(false)
      for (const endpoint of [
        contract.startPasskeySignIn,
        contract.startPasskeyUnlock,
        contract.startPasskeyChange,
      ])
        expect((await other.call(endpoint, { token: ada.token })).code).toBe('passkeys_unavailable')
    } finally {
      await other.close()
    }
  })
})

describe('a sign-up by passkey', () => {
  test('sets an instance up', async () => {
    const other = await TestIdentity.open()
    try {
      const eve = await new PasskeyPerson(other, 'Eve').setUpByPasskey()
      const { body } = await other.call(contract.getSession, { token: eve.token })
      expect(body).toMatchObject({
        role: 'host',
        hasPassword: false,
        hasPasskey: true,
        backupCodesLeft: 0,
      })
    } finally {
      await other.close()
    }
  })

  test('asks for a discoverable, verified passkey of this account, without attestation', async () => {
    const eve = new PasskeyPerson(server, 'Eve')
    const { body } = await eve.startByPasskey({ invitation: await invite(host) })
    expect(body.way).toMatchObject({
      kind: 'passkey',
      options: {
        rp: { id: 'localhost', name: 'Hearthold' },
        user: { id: toB64(passkeyUserHandle(eve.accountBytes)), name: 'Eve' },
        attestation: 'none',
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      },
    })
  })

  test.each(['ES256', 'EdDSA'] as const)(
    'by %s, and signs in by it without a name',
    async (algorithm) => {
      const eve = await member('Eve', { algorithm })
      expect(eve.backupCodes).toEqual([])
      const { body, code } = await eve.signInByPasskey()
      expect(code).toBe('')
      expect(body).toMatchObject({ account: eve.account, log: eve.log.id, canUnlock: true })
      const session = await server.call(contract.getSession, { token: body.token ?? '' })
      expect(session.body.session.method).toBe('passkey')
    },
  )

  test('in a cookie, which alone carries the token', async () => {
    const eve = await member('Eve')
    const { signIn, answered } = await eve.answerSignIn()
    const answer = await eve.finishSignIn(signIn, assertionOf(answered), { transport: 'cookie' })
    expect(answer.body.token).toBeUndefined()
    expect(answer.cookie).toMatch(/HttpOnly/)
  })

  test('is refused where passkey, method and way do not belong together', async () => {
    const invitation = await invite(host, { uses: 5 })
    const eve = new PasskeyPerson(server, 'Eve')
    const body = await eve.byPasskeyBody(await eve.startByPasskey({ invitation }))
    const finish = async (change: Partial<typeof body>) =>
      (await server.call(contract.finishSignUp, { body: { invitation, ...body, ...change } })).code
    const other = new SoftAuthenticator({ origin: testOrigin })
    const foreign = await other.create({
      rp: { id: 'localhost' },
      user: { id: 'AAAA' },
      challenge: toB64(randomBytes(32)),
      excludeCredentials: [],
    })
    const { registration } = body.way
    const stolen = { ...registration, attestationObject: foreign.attestationObject }
    for (const wrong of [stolen, { ...registration, credential: foreign.id }])
      expect(await finish({ way: { ...body.way, registration: wrong } })).toBe('passkey_invalid')
    const byPassword = new PasskeyPerson(server, 'Fay')
    const begun = await byPassword.startSignUp({ invitation })
    expect(await finish({ signUp: begun.started.body.signUp })).not.toBe('')
    expect(await finish({})).toBe('')
    expect(await finish({})).toBe('sign_up_expired')
  })

  test('has five tries', async () => {
    const invitation = await invite(host)
    const eve = new PasskeyPerson(server, 'Eve', { verifies: false })
    const body = await eve.byPasskeyBody(await eve.startByPasskey({ invitation }))
    const codes: string[] = []
    for (let attempt = 0; attempt < 6; attempt++)
      codes.push((await server.call(contract.finishSignUp, { body: { invitation, ...body } })).code)
    expect(codes).toEqual([...Array(5).fill('passkey_invalid'), 'sign_up_expired'])
  })

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://localhost:8766' }],
    ['another RP', { rpId: 'evil.example' }],
    ['an unverified user', { verifies: false }],
    ["another page's frame", { framed: true }],
  ])('is refused for %s', async (_what, behaviour) => {
    const invitation = await invite(host)
    const eve = new PasskeyPerson(server, 'Eve', behaviour)
    const body = await eve.byPasskeyBody(await eve.startByPasskey({ invitation }))
    const answer = await server.call(contract.finishSignUp, { body: { invitation, ...body } })
    expect(answer.code).toBe('passkey_invalid')
  })
})

describe('what a browser makes of a credential', () => {
  /** As `PublicKeyCredential.toJSON()` has it: with the PRF output, which unlocks the account. */
  const leaking = (assertion: contract.PasskeyAssertion) => ({
    id: assertion.credential,
    rawId: assertion.credential,
    type: 'public-key',
    response: { ...assertion },
    clientExtensionResults: { prf: { results: { first: toB64(randomBytes(32)) } } },
  })

  test('is refused whole, and so is any body with PRF results in it', async () => {
    const eve = await member('Eve')
    const { signIn, answered } = await eve.answerSignIn()
    const assertion = assertionOf(answered)
    const { clientExtensionResults } = leaking(assertion)
    const bodies = [
      leaking(assertion),
      { ...assertion, clientExtensionResults },
      { ...assertion, prf: clientExtensionResults.prf },
    ]
    for (const wrong of bodies) {
      const answer = await eve.finishSignIn(signIn, wrong as never)
      expect([answer.status, answer.code]).toEqual([400, 'bad_request'])
    }
    const { change, registration } = await eve.makePasskey()
    const added = await server.call(contract.addPasskey, {
      body: { change, registration: { ...registration, clientExtensionResults } as never },
      token: eve.token,
    })
    expect([added.status, added.code]).toEqual([400, 'bad_request'])
    const invitation = await invite(host)
    const fay = new PasskeyPerson(server, 'Fay')
    const body = await fay.byPasskeyBody(await fay.startByPasskey({ invitation }))
    const way = { ...body.way, registration: { ...body.way.registration, clientExtensionResults } }
    const signedUp = await server.call(contract.finishSignUp, {
      body: { invitation, ...body, way: way },
    })
    expect([signedUp.status, signedUp.code]).toEqual([400, 'bad_request'])
    // The same without it is taken: it was refused for nothing else.
    expect((await eve.finishSignIn(signIn, assertion)).code).toBe('')
  })
})

describe('the account page', () => {
  test('lists, adds, renames and removes a passkey that only signs in', async () => {
    const eve = await member('Eve')
    const { answer, created } = await eve.addSignInOnly(randomLabel())
    expect(answer.code).toBe('')
    const passkey = passkeyIdOf(created)
    const label = randomLabel()
    const renamed = await server.call(contract.renamePasskey, {
      params: { passkey },
      body: { label },
      token: eve.token,
    })
    expect(renamed.code).toBe('')
    const [first, second] = (await list(eve)).toSorted((a) => (a.canUnlock ? -1 : 1))
    expect(first).toMatchObject({ canUnlock: true, label: null, synced: false })
    expect(second).toMatchObject({ passkey, label, canUnlock: false, lastUsedAt: null })
    const signedIn = await eve.signInByPasskey()
    expect(signedIn.body.canUnlock).toBe(false)
    const gone = await server.call(contract.removePasskey, {
      params: { passkey },
      token: eve.token,
    })
    // The session of the sign-in before.
    expect(gone.body.sessionsEnded).toBe(1)
    expect((await list(eve)).length).toBe(1)
  })

  test('shows a synced passkey, and when it was used last', async () => {
    const eve = await member('Eve', { backedUp: true })
    server.now += 5000
    await eve.signInByPasskey()
    expect(await list(eve)).toMatchObject([{ synced: true, lastUsedAt: server.now }])
  })

  test('adds and removes one that unlocks together with its method', async () => {
    const eve = await member('Eve')
    const before = eve.methods
    const { change, created, registration } = await eve.makePasskey()
    const method = await eve.passkeyMethod(created)
    const lone = await eve.appendMethods([...before, method])
    expect(lone.code).toBe('method_required')
    const other = await eve.method(methodType.passkey, randomBytes(32))
    const mismatched = await eve.appendMethods([...before, other], {
      passkey: { change, registration },
    })
    expect(mismatched.code).toBe('entry_invalid')
    const idle = await eve.appendMethods(before, { passkey: { change, registration } })
    expect(idle.code).toBe('entry_invalid')
    const added = await eve.appendMethods([...before, method], {
      passkey: { change, registration, label: randomLabel() },
    })
    expect(added.code).toBe('')
    expect((await list(eve)).map(({ canUnlock }) => canUnlock)).toEqual([true, true])
    const passkey = passkeyIdOf(created)
    const alone = await server.call(contract.removePasskey, {
      params: { passkey },
      token: eve.token,
    })
    expect(alone.code).toBe('method_required')
    expect((await eve.signInByPasskey()).body).toMatchObject({ canUnlock: true })
    expect((await eve.appendMethods(before)).code).toBe('')
    expect((await list(eve)).map((one) => one.passkey)).not.toContain(passkey)
    eve.authenticator.credentials.splice(0, 1)
    expect((await eve.signInByPasskey()).code).toBe('sign_in_failed')
  })

  test('never leaves an account without a method beside its recovery key', async () => {
    const eve = await member('Eve')
    const answer = await eve.appendMethods([eve.methodOf(methodType.recovery)])
    expect(answer.code).toBe('method_required')
    expect((await list(eve)).length).toBe(1)
  })

  test('asks for a fresh proof, which the passkey itself gives', async () => {
    const eve = await member('Eve')
    const { passkey } = (await list(eve))[0]!
    const { change, registration } = await eve.makePasskey()
    server.now += 10 * 60_000
    const { token } = eve
    const codes = [
      await server.call(contract.startPasskeyChange, { token }),
      await server.call(contract.addPasskey, { body: { change, registration }, token }),
      await server.call(contract.removePasskey, { params: { passkey }, token }),
    ].map(({ code }) => code)
    expect(codes).toEqual(Array(3).fill('step_up_needed'))
    eve.authenticator.credentials.pop()
    expect((await eve.prove()).body).toEqual({ fresh: true, canUnlock: true })
    expect((await server.call(contract.startPasskeyChange, { token })).code).toBe('')
  })

  test('names the passkeys that are there, so that none is made twice', async () => {
    const eve = await member('Eve')
    const { body } = await server.call(contract.startPasskeyChange, { token: eve.token })
    const named = {
      id: eve.authenticator.credentials[0]!.id,
      type: 'public-key',
      transports: ['internal'],
    }
    expect(body.options.excludeCredentials).toEqual([named])
  })

  test('has room for twenty', async () => {
    const fay = await member('Fay')
    for (let added = 1; added < 20; added++)
      expect((await fay.addSignInOnly()).answer.code).toBe('')
    const full = await server.call(contract.startPasskeyChange, { token: fay.token })
    expect(full.code).toBe('passkey_refused')
  })

  test('is closed to others: their passkeys are as unknown as any', async () => {
    const eve = await member('Eve')
    const ben = await addMember(host, 'Ben')
    const { passkey } = (await list(eve))[0]!
    const params = { passkey }
    const { token } = ben
    expect(await list(ben)).toEqual([])
    expect((await server.call(contract.removePasskey, { params, token })).code).toBe('not_found')
    const body = { label: randomLabel() }
    const renamed = await server.call(contract.renamePasskey, { params, body, token })
    expect(renamed.code).toBe('not_found')
    expect((await server.call(contract.startPasskeyUnlock, { token })).code).toBe('method_required')
    const { change, registration } = await eve.makePasskey(
      new SoftAuthenticator({ origin: testOrigin }),
    )
    const stolen = await server.call(contract.addPasskey, { body: { change, registration }, token })
    expect(stolen.code).toBe('sign_in_expired')
  })

  test('takes the same passkey for no second account', async () => {
    const eve = await member('Eve')
    const [credential] = eve.authenticator.credentials
    const fay = await member('Fay')
    fay.authenticator.credentials.splice(0)
    const { change, registration } = await fay.makePasskey()
    // A passkey of Eve's with Fay's challenge: only Eve's authenticator could make it, so its row is moved instead.
    await server.db
      .updateTable('passkeys')
      .set({ passkey: passkeyIdOf({ id: registration.credential }) })
      .where('passkey', '=', passkeyIdOf(credential!))
      .execute()
    const added = await server.call(contract.addPasskey, {
      body: { change, registration },
      token: fay.token,
    })
    expect(added.code).toBe('passkey_refused')
  })
})

test('labels are what was sent, and nothing readable', async () => {
  const eve = await member('Eve')
  const label = randomLabel()
  await eve.prove()
  const { passkey } = (await list(eve))[0]!
  await server.call(contract.renamePasskey, {
    params: { passkey },
    body: { label },
    token: eve.token,
  })
  const row = await server.db.selectFrom('passkeys').selectAll().executeTakeFirstOrThrow()
  expect(toB64(row.label!)).toBe(label)
})
