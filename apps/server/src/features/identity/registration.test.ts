import type { BodyOf } from '@hearthold/contract'
import * as contract from '@hearthold/contract'
import { genesisHash, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { PasskeyPerson } from '../../../../../test/passkeys/passkey-person.ts'
import { addMember, Person, setUpHost } from './test-person.ts'

const hourMs = 3600_000
const dayMs = 24 * hourMs

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
})
afterEach(() => server.close())

const set = (body: BodyOf<typeof contract.updateRegistration>) =>
  server.call(contract.updateRegistration, { body, token: ada.token })
const uninvited = (name: string): Promise<Person> => new Person(server, name).signUpUninvited()
const requests = async () =>
  (await server.call(contract.listSignUpRequests, { token: ada.token })).body.requests
const decide =
  (endpoint: typeof contract.approveSignUp | typeof contract.denySignUp) =>
  async (account: string): Promise<string> =>
    (await server.call(endpoint, { params: { account }, token: ada.token })).code
const approve = decide(contract.approveSignUp)
const deny = decide(contract.denySignUp)
const members = async (): Promise<string[]> =>
  (await server.call(contract.listMembers, { token: ada.token })).body.members
    .map(({ name }) => name)
    .toSorted()
const signInCode = async (person: Person): Promise<string> => {
  server.nextStep()
  return (await person.signIn()).code
}

describe('registration', () => {
  test('is closed until a host opens it, and everybody sees how it stands', async () => {
    await expect(uninvited('Ben')).rejects.toThrow('registration_closed')
    for (const registration of ['approval', 'open', 'closed'] as const) {
      expect((await set({ registration })).body).toEqual({
        registration,
        quotaBytes: null,
        waiting: 0,
      })
      expect((await server.call(contract.getInstance)).body.registration).toBe(registration)
    }
    await set({ registration: 'open' })
    await server.restart()
    expect((await server.call(contract.getInstance)).body.registration).toBe('open')
  })

  test('that closes between the halves of a sign-up lets nobody in', async () => {
    await set({ registration: 'open' })
    const ben = new Person(server, 'Ben')
    const body = await ben.signUpBody(await ben.startSignUp({}))
    await set({ registration: 'closed' })
    expect((await server.call(contract.finishSignUp, { body })).code).toBe('registration_closed')
    expect(await members()).toEqual(['Ada'])
    await set({ registration: 'open' })
    expect((await server.call(contract.finishSignUp, { body })).code).toBe('')
  })

  test('open: makes members with the quota that was set, signed in at once', async () => {
    await set({ registration: 'open', quotaBytes: 5_000 })
    const ben = await uninvited('Ben')
    const { body } = await server.call(contract.getSession, { token: ben.token })
    expect(body).toMatchObject({ name: 'Ben', role: 'member' })
    const { body: list } = await server.call(contract.listMembers, { token: ada.token })
    const quotas = new Map(list.members.map(({ name, quotaBytes }) => [name, quotaBytes]))
    expect([quotas.get('Ada'), quotas.get('Ben')]).toEqual([null, 5_000])
    await expect(uninvited('ada')).rejects.toThrow('name_taken')
  })

  test('turns a sign-up that the set-up began into no host', async () => {
    const fresh = await TestIdentity.open()
    try {
      const token = fresh.identity.setUp.token() ?? ''
      const mallory = new Person(fresh, 'Mallory')
      const body = await mallory.signUpBody(await mallory.startSignUp({ token }))
      const host = await setUpHost(fresh)
      const wanted = { body: { registration: 'open' as const }, token: host.token }
      await fresh.call(contract.updateRegistration, wanted)
      const answer = await fresh.call(contract.finishSignUp, { body })
      expect(answer.code).toBe('sign_up_expired')
    } finally {
      await fresh.close()
    }
  })

  test('takes ten beginnings and three accounts an hour from one address', async () => {
    await set({ registration: 'open' })
    for (const name of ['Ben', 'Cora', 'Dan']) await uninvited(name)
    const eve = new Person(server, 'Eve')
    const body = await eve.signUpBody(await eve.startSignUp({}))
    const fourth = await server.call(contract.finishSignUp, { body })
    expect(fourth.code).toBe('rate_limited')
    expect(fourth.retryAfter).toBeGreaterThan(3500)
    const elsewhere = await server.call(contract.finishSignUp, { body, address: '192.0.2.9' })
    expect(elsewhere.code).toBe('')
    for (let begun = 4; begun < 10; begun++)
      expect((await new Person(server, `x${begun}`).startSignUp({})).started.code).toBe('')
    expect((await new Person(server, 'Fay').startSignUp({})).started.code).toBe('rate_limited')
    await server.sweep()
    server.now += hourMs - 1
    await server.sweep()
    expect((await new Person(server, 'Fay').startSignUp({})).started.code).toBe('rate_limited')
    server.now += 1
    expect((await uninvited('Fay')).token).not.toBe('')
  })
})

describe('a sign-up that waits for approval', () => {
  let ben: Person
  beforeEach(async () => {
    await set({ registration: 'approval', quotaBytes: 7_000 })
    ben = await uninvited('Ben')
  })

  test('gets no session, is no member, and holds its name', async () => {
    expect(ben.token).toBe('')
    expect(ben.backupCodes.length).toBe(10)
    expect(await members()).toEqual(['Ada'])
    expect(await requests()).toEqual([
      {
        ...{ account: ben.account, log: ben.log.id, name: 'Ben' },
        ...{ askedAt: server.now, expiresAt: server.now + 14 * dayMs },
      },
    ])
    const state = await server.call(contract.getRegistration, { token: ada.token })
    expect(state.body.waiting).toBe(1)
    await expect(uninvited('ben')).rejects.toThrow('name_taken')
    const asMember = { params: { account: ben.account }, body: { suspended: true } }
    const suspended = await server.call(contract.updateMember, { ...asMember, token: ada.token })
    expect(suspended.code).toBe('not_found')
  })

  test('learns that it waits only by right credentials', async () => {
    const wrong = await ben.provePassword('not the password')
    expect([wrong.started.code, wrong.finished?.code]).toEqual(['', 'sign_in_failed'])
    expect((await ben.signIn({ code: '000000' })).code).toBe('second_factor_wrong')
    expect(await signInCode(ben)).toBe('approval_pending')
    expect((await ben.recover()).code).toBe('approval_pending')
    expect(await server.db.selectFrom('sessions').select('account').execute()).toEqual([
      { account: ada.account },
    ])
  })

  test('is let in once a host approves, also after the setting has changed', async () => {
    await set({ registration: 'closed', quotaBytes: null })
    const params = { account: ben.account }
    const approved = await server.call(contract.approveSignUp, { params, token: ada.token })
    expect(approved.body).toMatchObject({ name: 'Ben', role: 'member', quotaBytes: 7_000 })
    expect(await signInCode(ben)).toBe('')
    expect(await members()).toEqual(['Ada', 'Ben'])
    expect(await requests()).toEqual([])
    expect([await approve(ben.account), await deny(ben.account)]).toEqual([
      'not_found',
      'not_found',
    ])
    expect(await members()).toEqual(['Ada', 'Ben'])
  })

  test('leaves nothing behind when a host denies, and its name and ids are free', async () => {
    expect(await deny(ben.account)).toBe('')
    for (const table of ['accounts', 'passwords', 'totps', 'methods', 'member_keks'] as const) {
      const rows = await server.db.selectFrom(table).select('account').execute()
      expect([table, new Set(rows.map(({ account }) => account))]).toEqual([
        table,
        new Set([ada.account]),
      ])
    }
    expect(await server.db.selectFrom('logs').select('id').execute()).toEqual([{ id: ada.log.id }])
    const entries = await server.db.selectFrom('log_entries').select('seq').execute()
    expect(entries.length).toBe(5)
    expect((await ben.provePassword()).finished?.code).toBe('sign_in_failed')
    expect((await ben.recover()).code).toBe('sign_in_failed')
    expect([await approve(ben.account), await deny(ben.account)]).toEqual([
      'not_found',
      'not_found',
    ])
    expect(await requests()).toEqual([])
    // The same log again: nothing in memory may still say that it exists.
    await set({ registration: 'open' })
    ben.device.own.clear()
    ben.log.head = { seq: 0, chain: genesisHash(ben.log.genesis) }
    const body = await ben.signUpBody(await ben.startSignUp({}))
    const again = await server.call(contract.finishSignUp, { body })
    expect(again.body.log).toBe(ben.log.id)
    expect(again.code).toBe('')
  })

  test('that is denied takes the halves with it that were begun for the same account', async () => {
    // Its key is shredded: an account made from them would have a name that nobody can open.
    const cora = new PasskeyPerson(server, 'Cora')
    const first = await cora.byPasskeyBody(await cora.startByPasskey({}))
    const other = await cora.startByPasskey({})
    expect((await server.call(contract.finishSignUp, { body: first })).code).toBe('')
    expect(await deny(cora.account)).toBe('')
    cora.device.own.clear()
    cora.log.head = { seq: 0, chain: genesisHash(cora.log.genesis) }
    const body = await cora.byPasskeyBody(other)
    const late = await server.call(contract.finishSignUp, { body })
    expect(late.code).toBe('sign_up_expired')
    expect((await requests()).map(({ name }) => name)).toEqual(['Ben'])
  })

  test('of two hosts at once one decides', async () => {
    const codes = await Promise.all([approve(ben.account), deny(ben.account)])
    expect(codes.toSorted()).toEqual(['', 'not_found'])
    expect((await members()).includes('Ben')).toBe(codes[0] === '')
  })

  test('is removed after fourteen days', async () => {
    server.now += 14 * dayMs - 1
    await server.sweep()
    await ada.newSession().then(({ token }) => (ada.token = token))
    server.now -= 30_000
    expect((await requests()).length).toBe(1)
    server.now += 1
    expect(await requests()).toEqual([])
    expect(await approve(ben.account)).toBe('not_found')
    await server.sweep()
    const rows = await server.db.selectFrom('accounts').select('account').execute()
    expect(rows).toEqual([{ account: ada.account }])
    expect(await server.db.selectFrom('logs').select('id').execute()).toEqual([{ id: ada.log.id }])
  })

  test('is the hundredth at most', async () => {
    const row = await server.db
      .selectFrom('accounts')
      .selectAll()
      .where('account', '=', ben.account)
      .executeTakeFirstOrThrow()
    const copies = Array.from({ length: 99 }, (_all, index) => {
      const id = toHex(new Uint8Array(16).fill(index + 1))
      return { ...row, account: id, log: id, name_index: new Uint8Array(32).fill(index + 1) }
    })
    await server.db.insertInto('accounts').values(copies.slice(0, 98)).execute()
    const cora = new Person(server, 'Cora')
    const body = await cora.signUpBody(await cora.startSignUp({}))
    await server.db.insertInto('accounts').values(copies.slice(98)).execute()
    await expect(uninvited('Dan')).rejects.toThrow('registration_full')
    const late = await server.call(contract.finishSignUp, { body })
    expect(late.code).toBe('registration_full')
    expect((await addMember(ada, 'Eve')).token).not.toBe('')
    expect(await deny(ben.account)).toBe('')
    expect((await server.call(contract.finishSignUp, { body })).code).toBe('')
  })
})
