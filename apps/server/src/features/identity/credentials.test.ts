import * as contract from '@hearthold/contract'
import { methodType, randomBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { beginLogin, codeOf, type Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
})
afterEach(() => server.close())

const tenMinutes = 10 * 60_000
const statusOf = async (token: string) => (await server.call(contract.getSession, { token })).status

describe('a fresh proof', () => {
  test('is asked for changes of methods ten minutes after signing in, and the password gives it', async () => {
    server.now += tenMinutes
    const device = await ada.method(methodType.device, randomBytes(32), ada.device.idBytes)
    const methods = [...ada.methods, device]
    expect((await ada.appendMethods(methods)).code).toBe('step_up_needed')
    await expect(ada.beginPasswordChange('x')).rejects.toThrow('step_up_needed')
    expect((await server.call(contract.startTotpChange, { token: ada.token })).code).toBe(
      'step_up_needed',
    )
    expect((await server.call(contract.replaceBackupCodes, { token: ada.token })).code).toBe(
      'step_up_needed',
    )
    expect((await ada.appendEntries([await ada.profile()])).code).toBe('')
    expect((await ada.unlock()).body).toEqual({ fresh: true })
    server.now += tenMinutes - 1
    expect((await ada.appendMethods(methods)).code).toBe('')
  })

  test('belongs to the session that gave it', async () => {
    const other = await ada.newSession()
    server.now += tenMinutes
    await ada.unlock()
    await expect(ada.beginPasswordChange('x', other.token)).rejects.toThrow('step_up_needed')
  })

  test('is not given by a wrong password, which counts as a failed sign-in', async () => {
    server.now += tenMinutes
    for (let guess = 0; guess < 5; guess++)
      expect((await ada.unlock('wrong')).code).toBe('sign_in_failed')
    expect((await ada.unlock()).code).toBe('locked_out')
    expect((await ada.provePassword()).started.code).toBe('locked_out')
    await expect(ada.beginPasswordChange('x')).rejects.toThrow('step_up_needed')
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
