import * as contract from '@hearthold/contract'
import {
  decodeReceipts,
  encodeAppend,
  fromB64,
  generateRecoverySecret,
  methodType,
  randomBytes,
  recoveryLocator,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestDevice, TestShare } from '#platform/logs/test-logs.ts'
import { TestIdentity } from './test-identity.ts'
import { addMember, codeOf, invite, Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
})
afterEach(() => server.close())

const statusOf = async (token: string) => (await server.call(contract.getSession, { token })).status
const passwordOf = () => ada.methodOf(methodType.password)
const recoveryOf = () => ada.methodOf(methodType.recovery)

describe('changing the password', () => {
  test('swaps the record with the state that carries its method, and ends the other sessions', async () => {
    const { token, session } = await ada.newSession()
    const { method, change } = await ada.beginPasswordChange('a new password, longer', token)
    const half = await ada.provePassword()
    const answer = await ada.appendMethods([method, recoveryOf()], { password: change }, token)
    expect(answer.code).toBe('')
    expect(answer.body.sessionsEnded).toBe(1)
    expect(server.ended).toEqual([ada.session])
    expect(await statusOf(ada.token)).toBe(401)
    expect(await statusOf(token)).toBe(200)
    expect((await ada.provePassword()).finished?.code).toBe('sign_in_failed')
    // What was half done by the old password is void.
    const late = await server.call(contract.finishSecondFactor, {
      body: {
        pending: half.finished!.body.pending,
        code: ada.backupCodes[0]!,
        transport: 'bearer',
      },
    })
    expect(late.code).toBe('sign_in_expired')
    ada.password = 'a new password, longer'
    server.nextStep()
    const signedIn = await ada.signIn()
    expect(signedIn.code).toBe('')
    expect(signedIn.body.session).not.toBe(session)
  })

  test('without its registration, or with another session’s, changes nothing', async () => {
    const other = await ada.newSession()
    const { method, change } = await ada.beginPasswordChange('a new password, longer')
    const methods = [method, recoveryOf()]
    expect((await ada.appendMethods(methods)).code).toBe('method_required')
    const stolen = await ada.appendMethods(methods, { password: change }, other.token)
    expect(stolen.code).toBe('sign_in_expired')
    const broken = { ...change, registrationRecord: 'AAAA' }
    expect((await ada.appendMethods(methods, { password: broken })).code).toBe('bad_request')
    server.now += 60_000
    expect((await ada.signIn()).code).toBe('')
  })

  test('a registration without a new password among the entries is refused', async () => {
    const { change } = await ada.beginPasswordChange('a new password, longer')
    const answer = await ada.appendEntries([await ada.profile()], { password: change })
    expect(answer.code).toBe('entry_invalid')
  })

  test('a registration serves once', async () => {
    const { method, change } = await ada.beginPasswordChange('a new password, longer')
    expect((await ada.appendMethods([method, recoveryOf()], { password: change })).code).toBe('')
    const again = await ada.method(methodType.password, randomBytes(64))
    const answer = await ada.appendMethods([again, recoveryOf()], { password: change })
    expect(answer.code).toBe('sign_in_expired')
  })

  test('an answer that was lost is given again, and nothing happens twice', async () => {
    const { method, change } = await ada.beginPasswordChange('a new password, longer')
    ada.methods = [method, recoveryOf()]
    const append = toB64(encodeAppend([ada.append([await ada.state(0)])]))
    const send = () =>
      server.call(contract.appendAccount, {
        body: { append, password: change },
        token: ada.token,
      })
    const first = await send()
    expect(first.code).toBe('')
    const second = await send()
    expect(second.body).toEqual({ receipts: first.body.receipts, sessionsEnded: 0 })
  })
})

describe('removing the password', () => {
  test('asks for a second factor, and takes authenticator and backup codes with it', async () => {
    const secret = randomBytes(32)
    const device = await ada.method(methodType.device, secret, ada.device.idBytes)
    expect((await ada.appendMethods([...ada.methods, device])).code).toBe('')
    const without = [recoveryOf(), device]
    expect((await ada.appendMethods(without)).code).toBe('second_factor_wrong')
    const wrong = await ada.appendMethods(without, { secondFactor: '000000' })
    expect(wrong.code).toBe('second_factor_wrong')
    server.nextStep()
    const removed = await ada.appendMethods(without, { secondFactor: ada.code() })
    expect(removed.code).toBe('')
    for (const table of ['passwords', 'totps', 'backup_codes'] as const)
      expect(await server.db.selectFrom(table).select('account').execute()).toEqual([])
    const { body } = await server.call(contract.getSession, { token: ada.token })
    expect(body).toMatchObject({ hasPassword: false, backupCodesLeft: 0 })
    expect((await ada.provePassword()).finished?.code).toBe('sign_in_failed')
    expect((await ada.unlock()).code).toBe('method_required')
    const asked = { body: {}, token: ada.token }
    expect((await server.call(contract.replaceBackupCodes, asked)).code).toBe('method_required')
    expect((await ada.recover()).code).toBe('')
  })

  test('takes a backup code too, and a failed append uses none up', async () => {
    const device = await ada.method(methodType.device, randomBytes(32), ada.device.idBytes)
    expect((await ada.appendMethods([...ada.methods, device])).code).toBe('')
    const code = ada.backupCodes[3]!
    const moved = { ...ada.log.head }
    ada.log.head = { seq: 1, chain: randomBytes(32) }
    const stale = await ada.appendMethods([recoveryOf(), device], { secondFactor: code })
    expect(stale.code).toBe('head_moved')
    ada.log.head = moved
    const removed = await ada.appendMethods([recoveryOf(), device], { secondFactor: code })
    expect(removed.code).toBe('')
  })

  test('five wrong codes lock the second factor', async () => {
    const device = await ada.method(methodType.device, randomBytes(32), ada.device.idBytes)
    await ada.appendMethods([...ada.methods, device])
    const without = [recoveryOf(), device]
    for (let guess = 0; guess < 5; guess++)
      await ada.appendMethods(without, { secondFactor: '000000' })
    server.nextStep()
    const locked = await ada.appendMethods(without, { secondFactor: ada.code() })
    expect(locked.code).toBe('locked_out')
  })

  test('is undone by a new one only with an authenticator that was verified for it', async () => {
    const device = await ada.method(methodType.device, randomBytes(32), ada.device.idBytes)
    await ada.appendMethods([...ada.methods, device])
    await ada.appendMethods([recoveryOf(), device], { secondFactor: ada.backupCodes[0]! })
    const { method, change } = await ada.beginPasswordChange('another password')
    const methods = [method, recoveryOf(), device]
    expect((await ada.appendMethods(methods, { password: change })).code).toBe('method_required')

    const totp = await server.call(contract.startTotpChange, { body: {}, token: ada.token })
    const verified = await server.call(contract.finishTotpChange, {
      body: { change: totp.body.change, totpCode: codeOf(totp.body.totpSecret, server.now) },
      token: ada.token,
    })
    expect(verified.body).toEqual({ replaced: false })
    expect(await server.db.selectFrom('totps').select('account').execute()).toEqual([])
    expect((await ada.appendMethods(methods, { password: change })).code).toBe('')
    ada.password = 'another password'
    ada.totpSecret = totp.body.totpSecret
    expect((await ada.signIn()).code).toBe('second_factor_wrong')
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    const codes = await server.call(contract.replaceBackupCodes, { body: {}, token: ada.token })
    expect(codes.body.backupCodes.length).toBe(10)
  })
})

describe('the recovery key', () => {
  test('is replaced with its locator, and the old one no longer signs in', async () => {
    const old = ada.recovery
    const { token } = await ada.newSession()
    const fresh = generateRecoverySecret()
    const method = await ada.method(methodType.recovery, fresh)
    const methods = [passwordOf(), method]
    expect((await ada.appendMethods(methods, {}, token)).code).toBe('method_required')
    const recoveryLocatorOf = toHex(recoveryLocator(fresh))
    const answer = await ada.appendMethods(methods, { recoveryLocator: recoveryLocatorOf }, token)
    expect(answer.code).toBe('')
    expect(answer.body.sessionsEnded).toBe(1)
    expect((await ada.recover()).code).toBe('sign_in_failed')
    ada.recovery = fresh
    expect((await ada.recover()).code).toBe('')
    const { body } = await server.call(contract.startRecoverySignIn, {
      body: { locator: toHex(recoveryLocator(old)) },
    })
    expect(body.account).not.toBe(ada.account)
  })

  test("cannot take another member's locator", async () => {
    const ben = await addMember(ada, 'Ben')
    const method = await ada.method(methodType.recovery, generateRecoverySecret())
    const answer = await ada.appendMethods([passwordOf(), method], {
      recoveryLocator: toHex(recoveryLocator(ben.recovery)),
    })
    expect(answer.code).toBe('entry_refused')
    expect((await ben.recover()).code).toBe('')
  })
})

describe('devices', () => {
  test('one more ends no session; removing its method ends the others', async () => {
    const phone = new TestDevice()
    const onPhone = await ada.newSession()
    const enrolled = await ada.appendEntries([await ada.enrol(phone)], {}, onPhone.token)
    expect(enrolled.code).toBe('')
    const device = await ada.method(methodType.device, randomBytes(32), phone.idBytes)
    const added = await ada.appendMethods([...ada.methods, device], {}, onPhone.token)
    expect(added.body.sessionsEnded).toBe(0)
    expect(await statusOf(ada.token)).toBe(200)
    const removed = await ada.appendMethods([passwordOf(), recoveryOf()], {}, ada.token)
    expect(removed.body.sessionsEnded).toBe(1)
    expect(await statusOf(onPhone.token)).toBe(401)
  })

  test('a method under an old id with another key is another method', async () => {
    const secrets = [randomBytes(32), randomBytes(32)]
    const [one, two] = [
      await ada.method(methodType.device, secrets[0]!, ada.device.idBytes),
      await ada.method(methodType.device, secrets[1]!, ada.device.idBytes),
    ]
    const kept = ada.methods
    expect((await ada.appendMethods([...kept, one])).code).toBe('')
    expect((await ada.appendMethods([...kept, two])).code).toBe('')
    const begin = async () =>
      (
        await server.call(contract.startDeviceSignIn, {
          body: { account: ada.account, method: ada.device.id },
        })
      ).body
    const method = { type: methodType.device, id: ada.device.id }
    const old = await ada.answerChallenge(await begin(), { ...method, secret: secrets[0]! })
    const fresh = await ada.answerChallenge(await begin(), { ...method, secret: secrets[1]! })
    expect([old.code, fresh.code]).toEqual(['sign_in_failed', ''])
  })
})

describe('an append to the account log', () => {
  test("begins with one's own account log and founds none", async () => {
    const ben = await addMember(ada, 'Ben')
    const foreign = toB64(encodeAppend([ben.append([await ben.profile()])]))
    const send = (append: string) =>
      server.call(contract.appendAccount, { body: { append }, token: ada.token })
    expect((await send(foreign)).code).toBe('entry_invalid')
    expect((await send(toB64(randomBytes(40)))).code).toBe('entry_invalid')
    const share = await new TestShare(ada).foundingAppend()
    expect((await send(toB64(encodeAppend([share])))).code).toBe('entry_invalid')
  })

  test('founds no share for a guest', async () => {
    const guest = new Person(server, 'Gus')
    await guest.signUp(await invite(ada, { role: 'guest' }))
    const profile = guest.append([await guest.profile()])
    const share = await new TestShare(guest).foundingAppend()
    const answer = await server.call(contract.appendAccount, {
      body: { append: toB64(encodeAppend([profile, share])) },
      token: guest.token,
    })
    expect(answer.code).toBe('entry_refused')
  })

  test("spans logs that one governs, and nobody else's", async () => {
    const ben = await addMember(ada, 'Ben')
    const profile = ada.append([await ada.profile()])
    const share = await new TestShare(ada).foundingAppend()
    const both = toB64(encodeAppend([profile, share]))
    const own = await server.call(contract.appendAccount, {
      body: { append: both },
      token: ada.token,
    })
    expect(own.code).toBe('')
    ada.log.take(decodeReceipts(fromB64(own.body.receipts))[0]!)
    const bens = ben.append([await ben.profile()])
    const next = ada.append([await ada.profile()])
    const foreign = await server.call(contract.appendAccount, {
      body: { append: toB64(encodeAppend([next, bens])) },
      token: ada.token,
    })
    expect(foreign.code).toBe('not_found')
  })

  test('that the log refuses changes no credential', async () => {
    const { method, change } = await ada.beginPasswordChange('a new password, longer')
    const moved = { ...ada.log.head }
    ada.log.head = { seq: moved.seq, chain: randomBytes(32) }
    const stale = await ada.appendMethods([method, recoveryOf()], { password: change })
    expect(stale.code).toBe('head_moved')
    ada.log.head = moved
    const refused = await ada.appendMethods([method], { password: change })
    expect(refused.code).toBe('method_required')
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    expect((await ada.appendMethods([method, recoveryOf()], { password: change })).code).toBe('')
  })
})
