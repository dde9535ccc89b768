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
import {
  addMember,
  beginLogin,
  beginRegistration,
  codeOf,
  type Person,
  setUpHost,
  TestIdentity,
} from './test-identity.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
})
afterEach(() => server.close())

const tenMinutes = 10 * 60_000
const statusOf = async (token: string) => (await server.call(contract.getSession, { token })).status
const passwordOf = () => ada.methodOf(methodType.password)
const recoveryOf = () => ada.methodOf(methodType.recovery)

/** Begins a password change and makes the method that goes with it. */
const beginChange = async (password: string, token = ada.token) => {
  const registration = await beginRegistration(password)
  const started = await server.call(contract.startPasswordChange, {
    body: { registrationRequest: registration.request },
    token,
  })
  if (started.code !== '') return { code: started.code }
  const { registrationRecord, exportKey } = registration.finish(
    ada.account,
    started.body.registrationResponse,
  )
  const method = await ada.method(methodType.password, fromB64(exportKey))
  return { code: '', method, change: { change: started.body.change, registrationRecord } }
}

const unlock = async (password = ada.password, token = ada.token) => {
  const login = await beginLogin(password)
  const started = await server.call(contract.startPasswordUnlock, {
    body: { startLoginRequest: login.request },
    token,
  })
  if (started.code !== '') return started
  const finished = login.finish(ada.account, started.body.loginResponse)
  return server.call(contract.finishPasswordUnlock, {
    body: {
      signIn: started.body.signIn,
      finishLoginRequest: finished?.finishLoginRequest ?? toB64(randomBytes(64)),
    },
    token,
  })
}

describe('changing the password', () => {
  test('swaps the record with the state that carries its method, and ends the other sessions', async () => {
    const { token, session } = await ada.newSession()
    const { method, change } = await beginChange('a new password, longer', token)
    const half = await ada.provePassword()
    const answer = await ada.appendMethods([method!, recoveryOf()], { password: change! }, token)
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
    const { method, change } = await beginChange('a new password, longer')
    const methods = [method!, recoveryOf()]
    expect((await ada.appendMethods(methods)).code).toBe('method_required')
    const stolen = await ada.appendMethods(methods, { password: change! }, other.token)
    expect(stolen.code).toBe('sign_in_expired')
    const broken = { ...change!, registrationRecord: 'AAAA' }
    expect((await ada.appendMethods(methods, { password: broken })).code).toBe('bad_request')
    server.now += 60_000
    expect((await ada.signIn()).code).toBe('')
  })

  test('a registration without a new password among the entries is refused', async () => {
    const { change } = await beginChange('a new password, longer')
    const answer = await ada.appendEntries([await ada.profile()], { password: change! })
    expect(answer.code).toBe('entry_invalid')
  })

  test('a registration serves once', async () => {
    const { method, change } = await beginChange('a new password, longer')
    expect((await ada.appendMethods([method!, recoveryOf()], { password: change! })).code).toBe('')
    const again = await ada.method(methodType.password, randomBytes(64))
    const answer = await ada.appendMethods([again, recoveryOf()], { password: change! })
    expect(answer.code).toBe('sign_in_expired')
  })

  test('an answer that was lost is given again, and nothing happens twice', async () => {
    const { method, change } = await beginChange('a new password, longer')
    ada.methods = [method!, recoveryOf()]
    const append = toB64(encodeAppend([ada.append([await ada.state(0)])]))
    const send = () =>
      server.call(contract.appendAccount, {
        body: { append, password: change! },
        token: ada.token,
      })
    const first = await send()
    expect(first.code).toBe('')
    const second = await send()
    expect(second.body).toEqual({ receipts: first.body.receipts, sessionsEnded: 0 })
  })
})

describe('a fresh proof', () => {
  test('is asked for changes of methods ten minutes after signing in, and the password gives it', async () => {
    server.now += tenMinutes
    const device = await ada.method(methodType.device, randomBytes(32), ada.device.idBytes)
    const methods = [...ada.methods, device]
    expect((await ada.appendMethods(methods)).code).toBe('step_up_needed')
    expect((await beginChange('x')).code).toBe('step_up_needed')
    expect((await server.call(contract.startTotpChange, { token: ada.token })).code).toBe(
      'step_up_needed',
    )
    expect((await server.call(contract.replaceBackupCodes, { token: ada.token })).code).toBe(
      'step_up_needed',
    )
    expect((await ada.appendEntries([await ada.profile()])).code).toBe('')
    expect((await unlock()).body).toEqual({ fresh: true })
    server.now += tenMinutes - 1
    expect((await ada.appendMethods(methods)).code).toBe('')
  })

  test('belongs to the session that gave it', async () => {
    const other = await ada.newSession()
    server.now += tenMinutes
    await unlock()
    expect((await beginChange('x', other.token)).code).toBe('step_up_needed')
  })

  test('is not given by a wrong password, which counts as a failed sign-in', async () => {
    server.now += tenMinutes
    for (let guess = 0; guess < 5; guess++)
      expect((await unlock('wrong')).code).toBe('sign_in_failed')
    expect((await unlock()).code).toBe('locked_out')
    expect((await ada.provePassword()).started.code).toBe('locked_out')
    expect((await beginChange('x')).code).toBe('step_up_needed')
  })

  test('is not given by the login state of another session, or twice', async () => {
    const other = await ada.newSession()
    const login = await beginLogin(ada.password)
    const started = await server.call(contract.startPasswordUnlock, {
      body: { startLoginRequest: login.request },
      token: ada.token,
    })
    const finished = login.finish(ada.account, started.body.loginResponse)!
    const body = {
      signIn: started.body.signIn,
      finishLoginRequest: finished.finishLoginRequest,
    }
    const stolen = await server.call(contract.finishPasswordUnlock, { body, token: other.token })
    expect(stolen.code).toBe('sign_in_expired')
    const late = await server.call(contract.finishPasswordUnlock, { body, token: ada.token })
    expect(late.code).toBe('sign_in_expired')
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
    expect((await unlock()).code).toBe('method_required')
    expect((await server.call(contract.replaceBackupCodes, { token: ada.token })).code).toBe(
      'method_required',
    )
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
    const { method, change } = await beginChange('another password')
    const methods = [method!, recoveryOf(), device]
    expect((await ada.appendMethods(methods, { password: change! })).code).toBe('method_required')

    const totp = await server.call(contract.startTotpChange, { token: ada.token })
    const verified = await server.call(contract.finishTotpChange, {
      body: { change: totp.body.change, totpCode: codeOf(totp.body.totpSecret, server.now) },
      token: ada.token,
    })
    expect(verified.body).toEqual({ replaced: false })
    expect(await server.db.selectFrom('totps').select('account').execute()).toEqual([])
    expect((await ada.appendMethods(methods, { password: change! })).code).toBe('')
    ada.password = 'another password'
    ada.totpSecret = totp.body.totpSecret
    expect((await ada.signIn()).code).toBe('second_factor_wrong')
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    const codes = await server.call(contract.replaceBackupCodes, { token: ada.token })
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

describe('the authenticator', () => {
  const begin = async (token: string) =>
    (await server.call(contract.startTotpChange, { token })).body
  const finish = (token: string, change: string, totpCode: string) =>
    server.call(contract.finishTotpChange, { body: { change, totpCode }, token })

  test('is replaced once its code is verified; the code counts as used, other sessions end', async () => {
    const { token } = await ada.newSession()
    const { change, totpSecret, totpUri } = await begin(token)
    expect(totpUri).toContain(totpSecret)
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    expect((await finish(token, change, '000000')).code).toBe('second_factor_wrong')
    const done = await finish(token, change, codeOf(totpSecret, server.now))
    expect(done.body).toEqual({ replaced: true })
    expect(await statusOf(ada.token)).toBe(401)
    expect(await statusOf(token)).toBe(200)
    server.nextStep()
    expect((await ada.signIn()).code).toBe('second_factor_wrong')
    ada.totpSecret = totpSecret
    const replay = await ada.signIn({ code: codeOf(totpSecret, server.now - 30_000) })
    expect(replay.code).toBe('second_factor_wrong')
    expect((await ada.signIn()).code).toBe('')
    expect((await finish(token, change, ada.code())).code).toBe('sign_in_expired')
  })

  test("a change is the session's own, and ends after five wrong codes", async () => {
    const other = await ada.newSession()
    const { change, totpSecret } = await begin(ada.token)
    const code = codeOf(totpSecret, server.now)
    expect((await finish(other.token, change, code)).code).toBe('sign_in_expired')
    for (let guess = 0; guess < 5; guess++)
      expect((await finish(ada.token, change, '000000')).code).toBe('second_factor_wrong')
    expect((await finish(ada.token, change, code)).code).toBe('sign_in_expired')
  })

  test('new backup codes void the old', async () => {
    const { body } = await server.call(contract.replaceBackupCodes, { token: ada.token })
    expect(body.backupCodes.length).toBe(10)
    expect((await ada.signIn({ code: ada.backupCodes[0]! })).code).toBe('second_factor_wrong')
    expect((await ada.signIn({ code: body.backupCodes[0]! })).code).toBe('')
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
    const { method, change } = await beginChange('a new password, longer')
    const moved = { ...ada.log.head }
    ada.log.head = { seq: moved.seq, chain: randomBytes(32) }
    const stale = await ada.appendMethods([method!, recoveryOf()], { password: change! })
    expect(stale.code).toBe('head_moved')
    ada.log.head = moved
    const refused = await ada.appendMethods([method!], { password: change! })
    expect(refused.code).toBe('method_required')
    server.nextStep()
    expect((await ada.signIn()).code).toBe('')
    expect((await ada.appendMethods([method!, recoveryOf()], { password: change! })).code).toBe('')
  })
})
