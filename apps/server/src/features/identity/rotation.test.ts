import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as contract from '@hearthold/contract'
import { fromB64, randomBytes, toB64 } from '@hearthold/crypto'
import { ready, server as opaque } from '@serenity-kit/opaque'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { addMember, beginLogin, invite, Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
  server.nextStep()
})
afterEach(() => server.close())

/** A host adds a version to a secret's file and starts again. */
const addVersion = async (name: string, secret: Uint8Array): Promise<void> => {
  const path = join(server.folder, 'keys', name)
  writeFileSync(path, `${readFileSync(path, 'utf8')}2 ${toB64(secret)}\n`, { mode: 0o600 })
  await server.restart()
}

const nameIndexOf = ({ account }: Person) =>
  server.db
    .selectFrom('accounts')
    .select(['name_index', 'pepper_version'])
    .where('account', '=', account)
    .executeTakeFirstOrThrow()

describe('a new pepper', () => {
  test('keeps names, backup codes, invitations and the answers about nobody as they were', async () => {
    const invitation = await invite(ada)
    const login = await beginLogin('x')
    const nobody = async () =>
      (
        await server.call(contract.startPasswordSignIn, {
          body: { name: 'Nobody', startLoginRequest: login.request },
        })
      ).body.account
    const before = await nobody()
    await addVersion('pepper', randomBytes(32))
    expect((await ada.signIn()).code).toBe('')
    expect((await ada.signIn({ code: ada.backupCodes[0]! })).code).toBe('')
    expect(await nobody()).toBe(before)
    const { started } = await new Person(server, 'ADA').startSignUp({ invitation })
    expect(started.code).toBe('name_taken')
    const ben = await new Person(server, 'Ben').signUp(invitation)
    expect((await nameIndexOf(ben)).pepper_version).toBe(2)
  })

  test.each([
    ['password', (person: Person) => person.signIn()],
    ['recovery key', (person: Person) => person.recover()],
  ])("a name's index moves to it at the next sign-in, by %s", async (_way, signIn) => {
    const before = await nameIndexOf(ada)
    await addVersion('pepper', randomBytes(32))
    await ada.provePassword('wrong')
    expect(await nameIndexOf(ada)).toEqual(before)
    expect((await signIn(ada)).code).toBe('')
    const after = await nameIndexOf(ada)
    expect([before.pepper_version, after.pepper_version]).toEqual([1, 2])
    expect(after.name_index).not.toEqual(before.name_index)
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    expect(await nameIndexOf(ada)).toEqual(after)
    const invitation = await invite(ada)
    const { started } = await new Person(server, ' ada ').startSignUp({ invitation })
    expect(started.code).toBe('name_taken')
  })

  test('that comes between the halves of a sign-up lets no name be taken twice', async () => {
    const [first, second] = [await invite(ada), await invite(ada)]
    const [ben, other] = [new Person(server, 'Ben'), new Person(server, 'ben')]
    const bens = await ben.signUpBody(await ben.startSignUp({ invitation: first }))
    await addVersion('pepper', randomBytes(32))
    const others = await other.signUpBody(await other.startSignUp({ invitation: second }))
    const finish = (invitation: string, body: typeof bens) =>
      server.call(contract.finishSignUp, { body: { invitation, ...body } })
    expect((await finish(first, bens)).code).toBe('')
    expect((await finish(second, others)).code).toBe('name_taken')
  })
})

describe('a new OPAQUE set-up', () => {
  test('leaves the passwords made with the old one in use', async () => {
    await ready
    await addVersion('opaque-setup', fromB64(opaque.createSetup()))
    expect((await ada.signIn()).code).toBe('')
    const ben = await addMember(ada, 'Ben')
    server.nextStep()
    expect((await ben.signIn()).code).toBe('')
    const { method, change } = await ada.beginPasswordChange(
      'made with the new one',
      (await ada.newSession()).token,
    )
    expect(method.id.length).toBe(16)
    expect(change.change).toMatch(/^[0-9a-f]{32}$/)
    const versions = await server.db
      .selectFrom('passwords')
      .select('setup_version')
      .orderBy('setup_version')
      .execute()
    expect(versions).toEqual([{ setup_version: 1 }, { setup_version: 2 }])
  })
})
