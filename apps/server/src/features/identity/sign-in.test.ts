import * as contract from '@hearthold/contract'
import { fromHex, methodType, randomBytes, recoveryLocator, toB64, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  addMember,
  beginLogin,
  codeOf,
  type Person,
  Person as NewPerson,
  setUpHost,
  TestIdentity,
} from './test-identity.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
  server.nextStep()
})
afterEach(() => server.close())

const quarterHour = 15 * 60_000

describe('password and authenticator', () => {
  test('sign in, by a bearer token or a cookie', async () => {
    const bearer = await ada.signIn()
    expect(bearer.body).toMatchObject({ next: 'signed-in', account: ada.account, log: ada.log.id })
    expect(bearer.cookie).toBeUndefined()
    expect(bearer.body.backupCodesLeft).toBeUndefined()
    expect(bearer.body.expiresAt).toBe(server.now + 24 * 3600_000)
    const { body } = await server.call(contract.getSession, { token: bearer.body.token! })
    expect(body.session).toMatchObject({ method: 'password', device: null, staySignedIn: false })

    server.nextStep()
    const cookie = await ada.signIn({ transport: 'cookie' })
    expect(cookie.body.token).toBeUndefined()
    expect(cookie.body.expiresAt).toBe(server.now + 2 * 3600_000)
    expect(cookie.cookie).toMatch(/^hearthold=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    const sent = cookie.cookie!.split(';')[0]!
    expect((await server.call(contract.getSession, { cookie: sent })).status).toBe(200)
    const asBearer = { token: sent.split('=')[1]! }
    expect((await server.call(contract.getSession, asBearer)).code).toBe('unauthenticated')

    server.nextStep()
    const stay = await ada.signIn({ transport: 'cookie', stay: true })
    expect(stay.body.expiresAt).toBe(server.now + 30 * 24 * 3600_000)
    expect(stay.cookie).toContain('Max-Age=')
  })

  test('a name is found however it is written', async () => {
    const login = await beginLogin(ada.password)
    const { body } = await server.call(contract.startPasswordSignIn, {
      body: { name: '  ＡDA ', startLoginRequest: login.request },
    })
    expect(body.account).toBe(ada.account)
  })

  test('a wrong password, an unknown name and a forged last message end alike', async () => {
    const wrong = await ada.provePassword('not her password')
    const nobody = await new NewPerson(server, 'Nobody').provePassword()
    expect(wrong.finished?.status).toBe(401)
    expect(nobody.finished?.body).toEqual({
      ...wrong.finished!.body,
      requestId: expect.any(String),
    })
  })

  test('a login state serves once, and for a minute', async () => {
    const login = await beginLogin(ada.password)
    const start = () =>
      server.call(contract.startPasswordSignIn, {
        body: { name: 'Ada', startLoginRequest: login.request },
      })
    const started = await start()
    const finished = login.finish(ada.account, started.body.loginResponse)!
    const body = { signIn: started.body.signIn, finishLoginRequest: finished.finishLoginRequest }
    const both = await Promise.all([
      server.call(contract.finishPasswordSignIn, { body }),
      server.call(contract.finishPasswordSignIn, { body }),
    ])
    expect(both.map(({ code }) => code).toSorted()).toEqual(['', 'sign_in_expired'])

    const late = await start()
    const answer = login.finish(ada.account, late.body.loginResponse)!
    server.now += 60_000
    const expired = await server.call(contract.finishPasswordSignIn, {
      body: { signIn: late.body.signIn, finishLoginRequest: answer.finishLoginRequest },
    })
    expect(expired.code).toBe('sign_in_expired')
  })

  test('a login state is no use with the last message of another', async () => {
    const ben = await addMember(ada, 'Ben')
    const [hers, his] = [await beginLogin(ada.password), await beginLogin(ben.password)]
    const start = (name: string, startLoginRequest: string) =>
      server.call(contract.startPasswordSignIn, { body: { name, startLoginRequest } })
    const forAda = await start('Ada', hers.request)
    const forBen = await start('Ben', his.request)
    const last = his.finish(ben.account, forBen.body.loginResponse)!
    const { code } = await server.call(contract.finishPasswordSignIn, {
      body: { signIn: forAda.body.signIn, finishLoginRequest: last.finishLoginRequest },
    })
    expect(code).toBe('sign_in_failed')
  })

  test('messages that are none are refused and count for nothing', async () => {
    for (const startLoginRequest of ['', 'AAAA', toB64(new Uint8Array(96)), toB64(randomBytes(96))])
      for (let round = 0; round < 6; round++) {
        const { code } = await server.call(contract.startPasswordSignIn, {
          body: { name: 'Ada', startLoginRequest },
        })
        expect(code).toBe('bad_request')
      }
    expect((await ada.signIn()).code).toBe('')
  })

  test('the state lies sealed in the database', async () => {
    const login = await beginLogin(ada.password)
    await server.call(contract.startPasswordSignIn, {
      body: { name: 'Ada', startLoginRequest: login.request },
    })
    const { state } = await server.db
      .selectFrom('sign_in_steps')
      .select('state')
      .executeTakeFirstOrThrow()
    // The library's state has 128 bytes; nonce and tag are 28 more.
    expect(state.length).toBe(156)
  })
})

describe('the second factor', () => {
  const pendingOf = async (): Promise<string> => (await ada.provePassword()).finished!.body.pending
  const give = (pending: string, code: string) =>
    server.call(contract.finishSecondFactor, { body: { pending, code, transport: 'bearer' } })

  test('takes the step before and after, no other, and each step once', async () => {
    const pending = await pendingOf()
    const at = (steps: number) => codeOf(ada.totpSecret, server.now + steps * 30_000)
    server.now += 3 * 30_000
    expect((await give(pending, at(-2))).code).toBe('second_factor_wrong')
    expect((await give(pending, at(2))).code).toBe('second_factor_wrong')
    expect((await give(pending, at(-1))).code).toBe('')
    expect((await give(pending, at(0))).code).toBe('sign_in_expired')
    expect((await give(await pendingOf(), at(-1))).code).toBe('second_factor_wrong')
    expect((await give(await pendingOf(), at(1))).code).toBe('')
    // A later step was used: the one before it is a replay too.
    expect((await give(await pendingOf(), at(0))).code).toBe('second_factor_wrong')
  })

  test('of two that bring the same code at once one gets in', async () => {
    const [one, two] = [await pendingOf(), await pendingOf()]
    const code = ada.code()
    const answers = await Promise.all([give(one, code), give(two, code)])
    expect(answers.map((answer) => answer.code).toSorted()).toEqual(['', 'second_factor_wrong'])
  })

  test('a backup code works once, however it is typed, and says how many are left', async () => {
    const [first = '', second = ''] = ada.backupCodes
    const typed = ` ${first.toLowerCase().replace('-', ' ').replaceAll('1', 'l').replaceAll('0', 'o')}`
    const answer = await give(await pendingOf(), typed)
    expect(answer.body.next).toBe('signed-in')
    expect(answer.body.backupCodesLeft).toBeUndefined()
    const session = await server.call(contract.getSession, { token: answer.body.token! })
    expect(session.body.backupCodesLeft).toBe(9)
    expect((await give(await pendingOf(), first)).code).toBe('second_factor_wrong')
    const [one, two] = [await pendingOf(), await pendingOf()]
    const both = await Promise.all([give(one, second), give(two, second)])
    expect(both.map(({ code }) => code).toSorted()).toEqual(['', 'second_factor_wrong'])
    expect((await give(await pendingOf(), 'ABCDE-FGHJK')).code).toBe('second_factor_wrong')
  })

  test('a backup code that leaves three or fewer says so', async () => {
    const left: (number | undefined)[] = []
    for (const code of ada.backupCodes.slice(0, 8))
      left.push((await give(await pendingOf(), code)).body.backupCodesLeft)
    expect(left.slice(5)).toEqual([undefined, 3, 2])
  })

  test("is one's own: another member's codes do not fit", async () => {
    const ben = await addMember(ada, 'Ben')
    server.nextStep()
    const pending = await pendingOf()
    expect((await give(pending, ben.code())).code).toBe('second_factor_wrong')
    expect((await give(pending, ben.backupCodes[0]!)).code).toBe('second_factor_wrong')
  })

  test('waits five minutes and five tries', async () => {
    const pending = await pendingOf()
    server.now += 5 * 60_000
    expect((await give(pending, ada.code())).code).toBe('sign_in_expired')
    const second = await pendingOf()
    const codes: string[] = []
    for (let guess = 0; guess < 6; guess++) codes.push((await give(second, '000000')).code)
    expect(codes).toEqual([...Array(5).fill('second_factor_wrong'), 'sign_in_expired'])
    // Five failures are five failures, with whatever pending sign-in they were made.
    const locked = await give(await pendingOf(), ada.code())
    expect(locked.code).toBe('locked_out')
    expect(locked.retryAfter).toBe(900)
  })

  test('an unknown pending sign-in is an expired one', async () => {
    expect((await give('ab'.repeat(16), '123456')).code).toBe('sign_in_expired')
  })
})

describe('lock-out', () => {
  test('after five wrong passwords, for a quarter of an hour, across a restart', async () => {
    for (let guess = 0; guess < 5; guess++)
      expect((await ada.provePassword('wrong')).finished?.code).toBe('sign_in_failed')
    server.now += 60_000
    await server.restart()
    const { started } = await ada.provePassword()
    expect(started.status).toBe(429)
    expect(started.code).toBe('locked_out')
    expect(started.retryAfter).toBe(14 * 60)
    server.now += quarterHour - 60_000
    expect((await ada.signIn()).code).toBe('')
  })

  test('counts a start that nobody finishes, and gives back what was right', async () => {
    const login = await beginLogin(ada.password)
    const start = () =>
      server.call(contract.startPasswordSignIn, {
        body: { name: 'Ada', startLoginRequest: login.request },
      })
    for (let round = 0; round < 8; round++) {
      server.nextStep()
      expect((await ada.signIn()).code).toBe('')
    }
    for (let round = 0; round < 5; round++) expect((await start()).code).toBe('')
    expect((await start()).code).toBe('locked_out')
  })

  test('treats a name that nobody has just the same', async () => {
    const nobody = new NewPerson(server, 'Nobody')
    for (let guess = 0; guess < 5; guess++) await nobody.provePassword()
    const { started } = await nobody.provePassword()
    expect(started.code).toBe('locked_out')
    expect((await ada.signIn()).code).toBe('')
  })

  test('of the password leaves recovery key, device and other accounts alone', async () => {
    const ben = await addMember(ada, 'Ben')
    const secret = randomBytes(32)
    const device = await ada.method(methodType.device, secret, ada.device.idBytes)
    expect((await ada.appendMethods([...ada.methods, device])).code).toBe('')
    for (let guess = 0; guess < 5; guess++) await ada.provePassword('wrong', `198.51.100.${guess}`)
    expect((await ada.provePassword(ada.password, '203.0.113.9')).started.code).toBe('locked_out')
    expect((await ada.recover()).code).toBe('')
    const { body } = await server.call(contract.startDeviceSignIn, {
      body: { account: ada.account, method: ada.device.id },
    })
    const method = { type: methodType.device, id: ada.device.id, secret }
    expect((await ada.answerChallenge(body, method)).code).toBe('')
    server.nextStep()
    expect((await ben.signIn()).code).toBe('')
  })

  test('of an address comes after twenty failures of any kind, and of a /64 together', async () => {
    const login = await beginLogin('x')
    const start = (name: string, address: string) =>
      server.call(contract.startPasswordSignIn, {
        body: { name, startLoginRequest: login.request },
        address,
      })
    for (let guess = 0; guess < 20; guess++)
      expect((await start(`name ${guess}`, `2001:db8:0:1::${guess + 1}`)).code).toBe('')
    expect((await start('another', '2001:db8:0:1:ffff::1')).code).toBe('locked_out')
    expect((await start('another', '2001:db8:0:2::1')).code).toBe('')
    const recovery = await server.call(contract.startRecoverySignIn, {
      body: { locator: '00'.repeat(32) },
      address: '2001:db8:0:1::99',
    })
    expect(recovery.code).toBe('locked_out')
  })

  test('does not last for ever when the clock is set back', async () => {
    server.now += 365 * 24 * 3600_000
    for (let guess = 0; guess < 5; guess++) await ada.provePassword('wrong')
    server.now -= 365 * 24 * 3600_000
    expect((await ada.signIn()).code).toBe('')
  })
})

describe('whether a name exists', () => {
  test('shows in no size, field or status, and the answer about a name is stable', async () => {
    const login = await beginLogin('x')
    const start = (name: string) =>
      server.call(contract.startPasswordSignIn, {
        body: { name, startLoginRequest: login.request },
      })
    const known = await start('Ada')
    const [unknown, again, other] = [await start('Eve'), await start('EVE '), await start('Bob')]
    expect(known.status).toBe(unknown.status)
    expect(known.sizeBytes).toBe(unknown.sizeBytes)
    expect(Object.keys(known.body)).toEqual(Object.keys(unknown.body))
    expect(known.body.loginResponse.length).toBe(unknown.body.loginResponse.length)
    expect(again.body.account).toBe(unknown.body.account)
    expect(other.body.account).not.toBe(unknown.body.account)
    await server.restart()
    expect((await start('eve')).body.account).toBe(unknown.body.account)
  })

  test('shows neither by a recovery locator nor by a device method', async () => {
    const recovery = (locator: string) =>
      server.call(contract.startRecoverySignIn, { body: { locator } })
    const known = await recovery(toHex(recoveryLocator(ada.recovery)))
    const unknown = await recovery('ab'.repeat(32))
    const again = await recovery('ab'.repeat(32))
    expect(known.body.account).toBe(ada.account)
    expect(known.sizeBytes).toBe(unknown.sizeBytes)
    expect([again.body.account, again.body.method]).toEqual([
      unknown.body.account,
      unknown.body.method,
    ])
    expect(again.body.challenge).not.toBe(unknown.body.challenge)
    const failed = await server.call(contract.finishChallengeSignIn, {
      body: { signIn: unknown.body.signIn, signature: '00'.repeat(64), transport: 'bearer' },
    })
    expect(failed.code).toBe('sign_in_failed')
    const device = await server.call(contract.startDeviceSignIn, {
      body: { account: 'cd'.repeat(16), method: 'ef'.repeat(16) },
    })
    expect(device.status).toBe(200)
  })
})

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
