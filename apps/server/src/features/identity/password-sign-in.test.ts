import * as contract from '@hearthold/contract'
import { randomBytes, recoveryLocator, toB64, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { addMember, beginLogin, codeOf, Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
  server.nextStep()
})
afterEach(() => server.close())

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
    const nobody = await new Person(server, 'Nobody').provePassword()
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

  test('of ten wrong codes at once five are looked at', async () => {
    const pending: string[] = []
    while (pending.length < 10) pending.push(await pendingOf())
    const answers = await Promise.all(pending.map((one) => give(one, '000000')))
    const codes = answers.map(({ code }) => code).toSorted()
    expect(codes).toEqual([...Array(5).fill('locked_out'), ...Array(5).fill('second_factor_wrong')])
  })

  test('whoever is locked out keeps what is pending, and no right code counts as a guess', async () => {
    const pending = await pendingOf()
    for (let guess = 0; guess < 20; guess++) {
      const nobody = new Person(server, `Nobody ${guess}`)
      await nobody.provePassword('wrong', '198.51.100.9')
    }
    const body = { pending, code: ada.code(), transport: 'bearer' as const }
    const from = (address: string) => server.call(contract.finishSecondFactor, { body, address })
    expect((await from('198.51.100.9')).code).toBe('locked_out')
    expect((await from('203.0.113.7')).code).toBe('')
    const counted = await server.db
      .selectFrom('guesses')
      .select('count')
      .where('subject', 'in', ['address/203.0.113.7', `account/${ada.account}/totp`])
      .where('count', '>', 0)
      .execute()
    expect(counted).toEqual([])
  })

  test('an unknown pending sign-in is an expired one', async () => {
    expect((await give('ab'.repeat(16), '123456')).code).toBe('sign_in_expired')
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
