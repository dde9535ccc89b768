import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as contract from '@hearthold/contract'
import { encodeAppend, headerHash, randomBytes, type SignedEntry, toB64 } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestDevice } from '#platform/logs/test-logs.ts'
import { TestIdentity } from './test-identity.ts'
import { addMember, codeOf, invite, Person, setUpHost } from './test-person.ts'

let server: TestIdentity
beforeEach(async () => {
  server = await TestIdentity.open()
})
afterEach(() => server.close())

const tokenFile = () => join(server.folder, 'set-up-token')

describe('set-up', () => {
  test('waits with a token in a file for this user alone, new at each start', async () => {
    const first = server.identity.setUp.token()
    expect(readFileSync(tokenFile(), 'utf8').trim()).toBe(first)
    expect(statSync(tokenFile()).mode & 0o777).toBe(0o600)
    expect((await server.call(contract.getSetUp)).body).toEqual({
      needed: true,
      version: '0.1.0',
      passkeys: true,
    })
    await server.restart()
    expect(server.identity.setUp.token()).not.toBe(first)
    expect((await server.call(contract.getInstance)).code).toBe('not_set_up')
  })

  test('makes instance, host, log and session, and the token is gone', async () => {
    const host = await setUpHost(server)
    expect(server.identity.setUp.needed()).toBe(false)
    expect(server.identity.setUp.token()).toBeUndefined()
    expect(existsSync(tokenFile())).toBe(false)
    expect(host.backupCodes.length).toBe(10)
    expect(new Set(host.backupCodes).size).toBe(10)
    for (const code of host.backupCodes)
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/)
    const { body } = await server.call(contract.getSession, { token: host.token })
    expect(body).toMatchObject({
      account: host.account,
      log: host.log.id,
      name: 'Ada',
      role: 'host',
      backupCodesLeft: 10,
      hasPassword: true,
      hasPasskey: false,
      session: { current: true, method: 'sign-up', device: host.device.id, client: 'test' },
    })
    expect((await server.call(contract.getInstance)).body).toMatchObject({
      name: 'Our house',
      publicUrl: 'http://localhost:8765',
    })
    await server.restart()
    expect(server.identity.setUp.needed()).toBe(false)
    expect((await server.call(contract.getSession, { token: host.token })).status).toBe(200)
  })

  test('refuses a wrong token, and after twenty of them every one from that address', async () => {
    const person = new Person(server, 'Mallory')
    const wrong = toB64(randomBytes(32))
    for (let guess = 0; guess < 20; guess++) {
      const { started } = await person.startSignUp({ token: wrong })
      expect(started.code).toBe('set_up_token_wrong')
    }
    const { started } = await person.startSignUp({ token: server.identity.setUp.token() ?? '' })
    expect(started.code).toBe('locked_out')
    expect(started.retryAfter).toBeGreaterThan(800)
    server.now += 15 * 60_000
    expect((await setUpHost(server)).token).not.toBe('')
  })

  test('of two first hosts at once one becomes it', async () => {
    const token = server.identity.setUp.token() ?? ''
    const people = [new Person(server, 'Ada'), new Person(server, 'Grace')]
    const bodies = await Promise.all(
      people.map(async (person) => person.signUpBody(await person.startSignUp({ token }))),
    )
    const answers = await Promise.all(
      bodies.map((body) =>
        server.call(contract.finishSetUp, { body: { token, instanceName: 'House', ...body } }),
      ),
    )
    expect(answers.map(({ code }) => code).toSorted()).toEqual(['', 'set_up_done'])
    const rows = await server.db.selectFrom('accounts').select('account').execute()
    expect(rows.length).toBe(1)
  })

  test('a token file that a crash left behind is removed at the next start', async () => {
    await setUpHost(server)
    writeFileSync(tokenFile(), 'left behind')
    await server.restart()
    expect(existsSync(tokenFile())).toBe(false)
    expect(server.identity.setUp.needed()).toBe(false)
  })

  test('is over: neither half works again', async () => {
    const token = server.identity.setUp.token() ?? ''
    await setUpHost(server)
    const { started } = await new Person(server, 'Grace').startSignUp({ token })
    expect(started.code).toBe('set_up_done')
  })

  test('a set-up that was begun before a restart goes on with the new token', async () => {
    const person = new Person(server, 'Ada')
    const begun = await person.startSignUp({ token: server.identity.setUp.token() ?? '' })
    await server.restart()
    const token = server.identity.setUp.token() ?? ''
    const body = await person.signUpBody(begun)
    const answer = await server.call(contract.finishSetUp, {
      body: { token, instanceName: 'House', ...body },
    })
    expect(answer.status).toBe(200)
  })
})

describe('sign-up', () => {
  let host: Person
  beforeEach(async () => {
    host = await setUpHost(server)
  })

  test('by an invitation, which it uses up', async () => {
    const invitation = await invite(host, { role: 'guest' })
    const ben = await new Person(server, 'Ben').signUp(invitation)
    const { body } = await server.call(contract.getSession, { token: ben.token })
    expect(body).toMatchObject({ name: 'Ben', role: 'guest' })
    const again = await new Person(server, 'Cora').startSignUp({ invitation })
    expect(again.started.code).toBe('invitation_invalid')
  })

  test('counts its code as used', async () => {
    const ben = await addMember(host, 'Ben')
    expect((await ben.signIn()).code).toBe('second_factor_wrong')
    server.nextStep()
    expect((await ben.signIn()).code).toBe('')
  })

  test('saves neither password nor authenticator when it is left half done', async () => {
    const ben = new Person(server, 'Ben')
    await ben.startSignUp({ invitation: await invite(host) })
    for (const table of ['passwords', 'totps', 'accounts'] as const)
      expect((await server.db.selectFrom(table).select('account').execute()).length).toBe(1)
    expect((await ben.provePassword()).finished?.code).toBe('sign_in_failed')
    expect((await addMember(host, 'Ben')).token).not.toBe('')
  })

  test('expires after half an hour, and a sweep forgets it with its key', async () => {
    const ben = new Person(server, 'Ben')
    const invitation = await invite(host)
    const body = await ben.signUpBody(await ben.startSignUp({ invitation }))
    server.now += 30 * 60_000
    const answer = await server.call(contract.finishSignUp, { body: { invitation, ...body } })
    expect(answer.code).toBe('sign_up_expired')
    await server.sweep()
    const keks = await server.db.selectFrom('member_keks').select('account').execute()
    expect(keks).toEqual([{ account: host.account }])
    expect(await server.db.selectFrom('sign_ups').selectAll().execute()).toEqual([])
  })

  test('a wrong code is told; after five the sign-up is over', async () => {
    const ben = new Person(server, 'Ben')
    const invitation = await invite(host)
    const body = await ben.signUpBody(await ben.startSignUp({ invitation }))
    const late = codeOf(ben.totpSecret, server.now + 90_000)
    const codes = [late, late, late, late, late, body.way.totpCode]
    const answers: string[] = []
    for (const totpCode of codes) {
      const answer = await server.call(contract.finishSignUp, {
        body: { invitation, ...body, way: { ...body.way, totpCode } },
      })
      answers.push(answer.code)
    }
    expect(answers).toEqual([...Array(5).fill('second_factor_wrong'), 'sign_up_expired'])
  })

  test('finished twice makes one account', async () => {
    const ben = new Person(server, 'Ben')
    const invitation = await invite(host, { uses: 5 })
    const body = await ben.signUpBody(await ben.startSignUp({ invitation }))
    const finish = () => server.call(contract.finishSignUp, { body: { invitation, ...body } })
    const codes = (await Promise.all([finish(), finish()])).map(({ code }) => code)
    expect(codes.filter((code) => code === '').length).toBe(1)
    expect((await finish()).code).toBe('sign_up_expired')
    const [row] = (await server.call(contract.listInvitations, { token: host.token })).body
      .invitations
    expect(row?.usesLeft).toBe(4)
  })

  test('an invitation for one is used by one of two at once', async () => {
    const invitation = await invite(host)
    const people = [new Person(server, 'Ben'), new Person(server, 'Cora')]
    const bodies = await Promise.all(
      people.map(async (person) => person.signUpBody(await person.startSignUp({ invitation }))),
    )
    const answers = await Promise.all(
      bodies.map((body) => server.call(contract.finishSignUp, { body: { invitation, ...body } })),
    )
    expect(answers.map(({ code }) => code).toSorted()).toEqual(['', 'invitation_invalid'])
    const rows = await server.db.selectFrom('accounts').select('account').execute()
    expect(rows.length).toBe(2)
    const logs = await server.db.selectFrom('logs').select('id').execute()
    expect(logs.length).toBe(2)
  })

  test('a name belongs to one of two at once, however it is written', async () => {
    const invitation = await invite(host, { uses: 2 })
    const people = [
      new Person(server, 'Ben Ångström'),
      new Person(server, '  BEN A\u030angstro\u0308m '),
    ]
    const bodies = await Promise.all(
      people.map(async (person) => person.signUpBody(await person.startSignUp({ invitation }))),
    )
    const answers = await Promise.all(
      bodies.map((body) => server.call(contract.finishSignUp, { body: { invitation, ...body } })),
    )
    expect(answers.map(({ code }) => code).toSorted()).toEqual(['', 'name_taken'])
    const third = await new Person(server, 'ben ångström').startSignUp({ invitation })
    expect(third.started.code).toBe('name_taken')
  })

  const invisible = [
    '\u200e',
    'a\u0000b',
    '\u202eBen',
    'Ada\u200b',
    'A\u00adda',
    'Ada\u{e0041}',
    'Ada\u3164',
  ]
  test.each(['   ', ...invisible, 'Ada \u00a0L', '\ufdfa'.repeat(64)])(
    'refuses the name %j',
    async (name) => {
      const { started } = await new Person(server, name).startSignUp({
        invitation: await invite(host),
      })
      expect(started.code).toBe('sign_up_invalid')
    },
  )

  test('refuses an account id that is taken, and messages that are none', async () => {
    const invitation = await invite(host)
    const way = { kind: 'password' as const, registrationRequest: toB64(randomBytes(32)) }
    const taken = await server.call(contract.startSignUp, {
      body: { invitation, name: 'Ben', account: host.account, way },
    })
    expect(taken.code).toBe('sign_up_invalid')
    const account = 'ab'.repeat(16)
    const nonsense = await server.call(contract.startSignUp, {
      body: { invitation, name: 'Ben', account, way: { ...way, registrationRequest: 'AAAA' } },
    })
    expect(nonsense.code).toBe('bad_request')
  })

  test('makes no account of a half whose key was shredded meanwhile', async () => {
    const invitation = await invite(host)
    const ben = new Person(server, 'Ben')
    const body = await ben.signUpBody(await ben.startSignUp({ invitation }))
    await server.keys.service.shred(server.db, ben.account)
    const answer = await server.call(contract.finishSignUp, { body: { invitation, ...body } })
    expect(answer.code).toBe('sign_up_expired')
    expect((await addMember(host, 'Ben')).token).not.toBe('')
  })

  describe('refuses a first append that', () => {
    const finishWith = async (
      change: (
        ben: Person,
        body: Awaited<ReturnType<Person['signUpBody']>>,
      ) => Promise<object> | object,
    ): Promise<string> => {
      const ben = new Person(server, 'Ben')
      const invitation = await invite(host)
      const body = await ben.signUpBody(await ben.startSignUp({ invitation }))
      const changed = { ...body, ...(await change(ben, body)) }
      const answer = await server.call(contract.finishSignUp, { body: { invitation, ...changed } })
      const rows = await server.db.selectFrom('accounts').select('account').execute()
      expect(rows.length).toBe(1)
      return answer.code
    }

    test('pins another instance', async () => {
      const code = await finishWith(async (ben) => {
        ben.device.own.clear()
        return { append: toB64(encodeAppend([await ben.firstAppend(randomBytes(32))])) }
      })
      expect(code).toBe('sign_up_invalid')
    })
    test('is of another account', async () => {
      const code = await finishWith(async (ben) => {
        const other = new Person(server, 'Ben')
        other.methods = ben.methods
        const key = server.keys.secrets.signingKey
        return { append: toB64(encodeAppend([await other.firstAppend(key)])) }
      })
      expect(code).toBe('sign_up_invalid')
    })
    test.each([
      ['has no password', (ben: Person) => [ben.methods[1]!]],
      ['has no recovery key', (ben: Person) => [ben.methods[0]!]],
    ])('%s', async (_title, methodsOf) => {
      const code = await finishWith(async (ben) => {
        ben.device.own.clear()
        ben.methods = methodsOf(ben)
        const key = server.keys.secrets.signingKey
        return { append: toB64(encodeAppend([await ben.firstAppend(key)])) }
      })
      expect(code).toBe('sign_up_invalid')
    })
    test('is no append, or lacks an entry, or has a forged one', async () => {
      expect(await finishWith(() => ({ append: toB64(randomBytes(50)) }))).toBe('entry_invalid')
      const cut = await finishWith(async (ben) => {
        ben.device.own.clear()
        const append = await ben.firstAppend(server.keys.secrets.signingKey)
        return { append: toB64(encodeAppend([{ ...append, entries: append.entries.slice(0, 4) }])) }
      })
      expect(cut).toBe('sign_up_invalid')
      const forged = await finishWith(async (ben) => {
        ben.device.own.clear()
        const append = await ben.firstAppend(server.keys.secrets.signingKey)
        const entries = append.entries.map((entry) => ({ ...entry, signature: randomBytes(64) }))
        return { append: toB64(encodeAppend([{ ...append, entries }])) }
      })
      expect(forged).toBe('signature_invalid')
      expect(await finishWith(() => ({ registrationRecord: 'AAAA' }))).toBe('bad_request')
    })
    test('does not follow itself, or is signed by a device that it does not enrol', async () => {
      const changed = (make: (ben: Person) => Promise<SignedEntry>) => async (ben: Person) => {
        ben.device.own.clear()
        const append = await ben.firstAppend(server.keys.secrets.signingKey)
        const entries = append.entries.slice(0, 4)
        const headerHashes = entries.map(headerHash)
        ben.device.own.set(ben.log.id, { own: 4, headerHash: headerHashes[3]! })
        return {
          append: toB64(encodeAppend([{ ...append, entries: [...entries, await make(ben)] }])),
        }
      }
      const profile = { entry: 'profile' } as const
      const seen = { seq: 3, chain: randomBytes(32) }
      const device = new TestDevice()
      expect(await finishWith(changed((ben) => ben.accountEntry(profile, { seen })))).toBe(
        'head_moved',
      )
      expect(
        await finishWith(changed((ben) => ben.accountEntry(profile, { index: 4, device }))),
      ).toBe('device_unknown')
    })
    test("brings another member's recovery key", async () => {
      const code = await finishWith(async () => {
        const { locator } = await server.db
          .selectFrom('methods')
          .select('locator')
          .where('locator', 'is not', null)
          .executeTakeFirstOrThrow()
        return { recoveryLocator: Buffer.from(locator!).toString('hex') }
      })
      expect(code).toBe('sign_up_invalid')
    })
  })

  test('leaves no readable name or secret in the database', async () => {
    const ben = await addMember(host, 'Benedikt Zuckermann')
    const file = readFileSync(join(server.folder, 'test.db'))
    const wal = readFileSync(join(server.folder, 'test.db-wal'))
    const all = Buffer.concat([file, wal])
    for (const planted of [
      Buffer.from('Zuckermann'),
      Buffer.from('zuckermann'),
      Buffer.from(ben.totpSecret),
      Buffer.from(ben.token),
      Buffer.from(ben.token, 'base64url'),
      Buffer.from(ben.backupCodes[0]!.replace('-', '')),
      Buffer.from(server.keys.secrets.peppers.current.value),
      Buffer.from(server.keys.secrets.opaqueSetups.current.value, 'base64url'),
      Buffer.from(server.keys.secrets.signingSeed),
    ])
      expect(all.includes(planted)).toBe(false)
    expect(all.includes(Buffer.from(ben.account))).toBe(true)
  })
})
