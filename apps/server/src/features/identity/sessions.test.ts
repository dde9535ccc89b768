import * as contract from '@hearthold/contract'
import { randomBytes, signSessionDevice, fromHex, toB64, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestDevice } from '#platform/logs/test-logs.ts'
import { TestIdentity } from './test-identity.ts'
import { addMember, type Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
})
afterEach(() => server.close())

const hourMs = 3600_000
const statusOf = async (token: string) => (await server.call(contract.getSession, { token })).status

describe('a session', () => {
  test('by bearer token lasts 24 hours from its last use, a cookie two, a staying one 30 days', async () => {
    const sessions = [
      { wanted: { transport: 'bearer' as const }, lifetimeMs: 24 * hourMs },
      { wanted: { transport: 'cookie' as const }, lifetimeMs: 2 * hourMs },
      { wanted: { transport: 'cookie' as const, stay: true }, lifetimeMs: 30 * 24 * hourMs },
    ]
    for (const { wanted, lifetimeMs } of sessions) {
      server.nextStep()
      const { body, cookie } = await ada.signIn(wanted)
      const by = cookie === undefined ? { token: body.token! } : { cookie: cookie.split(';')[0]! }
      const status = async () => (await server.call(contract.getSession, by)).status
      server.now += lifetimeMs - 1
      expect(await status()).toBe(200)
      server.now += lifetimeMs - 1
      expect(await status()).toBe(200)
      server.now += lifetimeMs
      expect(await status()).toBe(401)
    }
  })

  test('writes its use down at most once a minute', async () => {
    const lastUsed = async () =>
      (await server.call(contract.getSession, { token: ada.token })).body.session.lastUsedAt
    const begun = await lastUsed()
    server.now += 59_000
    expect(await lastUsed()).toBe(begun)
    server.now += 1000
    expect(await lastUsed()).toBe(begun + 60_000)
  })

  test('is renewed for its own lifetime', async () => {
    server.now += hourMs
    const { body } = await server.call(contract.renewSession, { token: ada.token })
    expect(body.expiresAt).toBe(server.now + 24 * hourMs)
  })

  test('is in the database by the hash of its token only', async () => {
    const row = await server.db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
    expect(row.token_hash.length).toBe(32)
    expect(JSON.stringify(row)).not.toContain(ada.token)
  })

  test.each([toB64(randomBytes(32)), `${'A'.repeat(42)}B`])(
    'with an unknown token is none',
    async (token) => {
      expect(await statusOf(token)).toBe(401)
    },
  )

  test('tells the address it was last seen from', async () => {
    const { body } = await server.call(contract.getSession, {
      token: ada.token,
      address: '198.51.100.7',
    })
    expect(body.session.address).toBe('198.51.100.7')
  })

  test('beyond the hundredth ends the one that was not used for longest', async () => {
    const row = await server.db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
    for (let number = 0; number < 99; number++)
      await server.db
        .insertInto('sessions')
        .values({
          ...row,
          id: toHex(randomBytes(16)),
          token_hash: randomBytes(32),
          last_used_at: row.last_used_at + 1,
        })
        .execute()
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    expect(await statusOf(ada.token)).toBe(401)
    expect(server.ended).toEqual([ada.session])
  })
})

describe('ending sessions', () => {
  test('takes effect at once, and sockets are told', async () => {
    const ended = await server.call(contract.endSession, { token: ada.token })
    expect(ended.body).toEqual({ ended: 1 })
    expect(await statusOf(ada.token)).toBe(401)
    expect(server.ended).toEqual([ada.session])
  })

  test('one, the others, or all', async () => {
    const [one, two, three] = [
      await ada.newSession(),
      await ada.newSession(),
      await ada.newSession(),
    ]
    const list = async () =>
      (await server.call(contract.listSessions, { token: one.token })).body.sessions
    expect((await list()).filter(({ current }) => current).map(({ id }) => id)).toEqual([
      one.session,
    ])
    expect((await list()).length).toBe(4)
    const byId = { params: { session: two.session }, token: one.token }
    expect((await server.call(contract.endOneSession, byId)).body).toEqual({ ended: 1 })
    expect((await server.call(contract.endOneSession, byId)).code).toBe('not_found')
    expect(await statusOf(two.token)).toBe(401)
    const others = await server.call(contract.endManySessions, {
      query: { scope: 'others' },
      token: one.token,
    })
    expect(others.body).toEqual({ ended: 2 })
    expect((await list()).map(({ id }) => id)).toEqual([one.session])
    await server.call(contract.endManySessions, { query: { scope: 'all' }, token: one.token })
    expect(await statusOf(one.token)).toBe(401)
    expect(server.ended.toSorted()).toEqual(
      [one.session, two.session, three.session, ada.session].toSorted(),
    )
  })

  test("does not reach another member's, which look unknown", async () => {
    const ben = await addMember(ada, 'Ben')
    const { code } = await server.call(contract.endOneSession, {
      params: { session: ada.session },
      token: ben.token,
    })
    expect(code).toBe('not_found')
    expect(await statusOf(ada.token)).toBe(200)
  })

  test('by cookie clears the cookie', async () => {
    server.nextStep()
    const { cookie } = await ada.signIn({ transport: 'cookie' })
    const sent = cookie!.split(';')[0]!
    const answer = await server.call(contract.endSession, { cookie: sent })
    expect(answer.cookie).toContain('Max-Age=0')
    expect((await server.call(contract.getSession, { cookie: sent })).status).toBe(401)
  })

  test('a sweep removes expired ones and tells of them', async () => {
    server.now += 25 * hourMs
    await server.sweep()
    expect(await server.db.selectFrom('sessions').selectAll().execute()).toEqual([])
    expect(server.ended).toEqual([ada.session])
  })
})

describe('a session and a device', () => {
  const bind = async (device: TestDevice, options: { session?: string; token?: string } = {}) => {
    const { session = ada.session, token = ada.token } = options
    const signature = await signSessionDevice(device.seed, fromHex(session), device.idBytes)
    return server.call(contract.bindSessionDevice, {
      body: { device: device.id, signature: toHex(signature) },
      token,
    })
  }

  test('are tied by the signature of an enrolled device for exactly this session', async () => {
    const fresh = await ada.newSession()
    const mixed = await bind(ada.device, { session: ada.session, token: fresh.token })
    expect(mixed.code).toBe('signature_invalid')
    expect((await bind(new TestDevice())).code).toBe('device_unknown')
    expect((await bind(ada.device, fresh)).body).toEqual({ device: ada.device.id })
    const { body } = await server.call(contract.getSession, { token: fresh.token })
    expect(body.session.device).toBe(ada.device.id)
  })

  test.each([
    ['forgotten', 'the others stay', 1, 200],
    ['revoked', 'so do all others but the one that says so', 3, 401],
  ] as const)('end together when the device is %s; %s', async (reason, _others, count, status) => {
    const phone = new TestDevice()
    const [onPhone, elsewhere] = [await ada.newSession(), await ada.newSession()]
    const enrolled = await ada.appendEntries([await ada.enrol(phone)], {}, onPhone.token)
    expect(enrolled.code).toBe('')
    expect((await bind(phone, onPhone)).code).toBe('')
    const other = await ada.newSession()
    const entries = [await ada.retire(phone, 0, reason)]
    const retired = await ada.appendEntries(entries, {}, elsewhere.token)
    expect(retired.body.sessionsEnded).toBe(count)
    expect(await statusOf(onPhone.token)).toBe(401)
    expect(await statusOf(elsewhere.token)).toBe(200)
    expect([await statusOf(ada.token), await statusOf(other.token)]).toEqual([status, status])
    expect(server.ended).toContain(onPhone.session)
    expect((await bind(phone, elsewhere)).code).toBe('device_unknown')
  })
})
