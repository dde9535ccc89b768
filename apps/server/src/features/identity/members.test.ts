import * as contract from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { addMember, invite, Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
})
afterEach(() => server.close())

const update = (account: string, body: { quotaBytes?: number | null; suspended?: boolean }) =>
  server.call(contract.updateMember, { params: { account }, body, token: ada.token })

describe('invitations', () => {
  test('are links with the token behind the #, told once', async () => {
    const { body } = await server.call(contract.createInvitation, {
      body: { role: 'guest', uses: 3, validHours: 24 },
      token: ada.token,
    })
    expect(body.url).toBe(`http://localhost:8765/sign-up#${body.invitation}`)
    expect(body.expiresAt).toBe(server.now + 24 * 3600_000)
    const list = await server.call(contract.listInvitations, { token: ada.token })
    expect(list.body.invitations).toEqual([
      { id: body.id, role: 'guest', usesLeft: 3, createdAt: server.now, expiresAt: body.expiresAt },
    ])
    expect(JSON.stringify(list.body)).not.toContain(body.invitation)
  })

  test('end by time or when voided, also for a sign-up under way', async () => {
    const [short, voided] = [await invite(ada, { validHours: 1 }), await invite(ada)]
    const [ben, cora] = [new Person(server, 'Ben'), new Person(server, 'Cora')]
    const benBody = await ben.signUpBody(await ben.startSignUp({ invitation: short }))
    const coraBody = await cora.signUpBody(await cora.startSignUp({ invitation: voided }))
    const { body } = await server.call(contract.listInvitations, { token: ada.token })
    const id = body.invitations.find(({ expiresAt }) => expiresAt > server.now + 3600_000)!.id
    const remove = () =>
      server.call(contract.removeInvitation, { params: { invitation: id }, token: ada.token })
    expect((await remove()).body).toEqual({ removed: true })
    expect((await remove()).code).toBe('not_found')
    const finish = (invitation: string, finished: typeof benBody) =>
      server.call(contract.finishSignUp, { body: { invitation, ...finished } })
    expect((await finish(voided, coraBody)).code).toBe('invitation_invalid')
    server.now += 3600_000
    expect((await finish(short, benBody)).code).toBe('invitation_invalid')
    await server.sweep()
    expect(await server.db.selectFrom('invitations').selectAll().execute()).toEqual([])
  })

  test('one invitation does not finish what another began', async () => {
    const [first, second] = [await invite(ada), await invite(ada)]
    const ben = new Person(server, 'Ben')
    const body = await ben.signUpBody(await ben.startSignUp({ invitation: first }))
    const answer = await server.call(contract.finishSignUp, {
      body: { invitation: second, ...body },
    })
    expect(answer.code).toBe('sign_up_expired')
  })

  test('are not guessed: twenty wrong ones lock the address', async () => {
    const ben = new Person(server, 'Ben')
    for (let guess = 0; guess < 20; guess++) {
      const { started } = await ben.startSignUp({ invitation: 'x'.repeat(43) })
      expect(started.code).toBe('invitation_invalid')
    }
    const { started } = await ben.startSignUp({ invitation: await invite(ada) })
    expect(started.code).toBe('locked_out')
  })

  test('and members are for hosts', async () => {
    const { token } = await addMember(ada, 'Ben')
    const create = { body: { role: 'host' as const, uses: 1, validHours: 1 }, token }
    expect((await server.call(contract.createInvitation, create)).code).toBe('forbidden')
    expect((await server.call(contract.listInvitations, { token })).code).toBe('forbidden')
    expect((await server.call(contract.listMembers, { token })).code).toBe('forbidden')
    const account = ada.account
    const suspend = { params: { account }, body: { suspended: true }, token }
    expect((await server.call(contract.updateMember, suspend)).code).toBe('forbidden')
  })
})

describe('members', () => {
  test('are listed with name, role, use and quota', async () => {
    const ben = await addMember(ada, 'Ben')
    server.used.set(ben.account, 1234)
    expect((await update(ben.account, { quotaBytes: 5000 })).body).toMatchObject({
      quotaBytes: 5000,
      usedBytes: 1234,
    })
    const { body } = await server.call(contract.listMembers, { token: ada.token })
    expect(body.members.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
      { name: 'Ada', role: 'host', suspended: false, usedBytes: 0, quotaBytes: null },
      { name: 'Ben', role: 'member', suspended: false, usedBytes: 1234, quotaBytes: 5000 },
    ])
  })

  test('without a quota of their own have the default', async () => {
    server.defaultQuotaBytes = 1000
    await server.restart()
    const ben = await addMember(ada, 'Ben')
    const quota = () => server.identity.quotaBytes(server.db, ben.account)
    expect(await quota()).toBe(1000)
    await update(ben.account, { quotaBytes: 0 })
    expect(await quota()).toBe(0)
    await update(ben.account, { quotaBytes: null })
    expect(await quota()).toBe(1000)
    await expect(server.identity.quotaBytes(server.db, 'ab'.repeat(16))).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('suspended: all sessions end, no sign-in, and only its owner learns why', async () => {
    const ben = await addMember(ada, 'Ben')
    server.nextStep()
    const half = await ben.provePassword()
    expect((await update(ben.account, { suspended: true })).body.suspended).toBe(true)
    expect(server.ended).toEqual([ben.session])
    expect((await server.call(contract.getSession, { token: ben.token })).status).toBe(401)
    const pending = half.finished!.body.pending
    const late = await server.call(contract.finishSecondFactor, {
      body: { pending, code: ben.code(), transport: 'bearer' },
    })
    expect(late.code).toBe('sign_in_expired')
    expect((await ben.provePassword('wrong')).finished?.code).toBe('sign_in_failed')
    expect((await ben.signIn()).code).toBe('account_suspended')
    expect((await ben.recover()).code).toBe('account_suspended')
    await update(ben.account, { suspended: false })
    server.nextStep()
    expect((await ben.signIn()).code).toBe('')
  })

  test('the last host who can act stays', async () => {
    expect((await update(ada.account, { suspended: true })).code).toBe('forbidden')
    const grace = await new Person(server, 'Grace').signUp(await invite(ada, { role: 'host' }))
    expect((await update(grace.account, { suspended: true })).code).toBe('')
    expect((await update(ada.account, { suspended: true })).code).toBe('forbidden')
    expect((await update(grace.account, { suspended: false })).code).toBe('')
    const both = await Promise.all([
      update(ada.account, { suspended: true }),
      server.call(contract.updateMember, {
        params: { account: grace.account },
        body: { suspended: true },
        token: ada.token,
      }),
    ])
    expect(both.filter(({ status }) => status === 200).length).toBe(1)
  })

  test('unknown ones are not found', async () => {
    expect((await update('ab'.repeat(16), { suspended: true })).code).toBe('not_found')
  })
})
