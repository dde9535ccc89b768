import * as contract from '@hearthold/contract'
import { methodType, randomBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PasskeyPerson } from '../../../../../test/passkeys/passkey-person.ts'
import { TestIdentity } from './test-identity.ts'
import { beginLogin, codeOf, invite, type Person, setUpHost } from './test-person.ts'

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
    const code = { body: { secondFactor: ada.backupCodes[0]! }, token: ada.token }
    expect((await server.call(contract.startTotpChange, code)).code).toBe('step_up_needed')
    expect((await server.call(contract.replaceBackupCodes, code)).code).toBe('step_up_needed')
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
  const begin = async (token: string) => {
    server.nextStep()
    const body = { secondFactor: ada.code() }
    return (await server.call(contract.startTotpChange, { body, token })).body
  }
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
    const [used = '', unused = ''] = ada.backupCodes
    const { body } = await server.call(contract.replaceBackupCodes, {
      body: { secondFactor: used },
      token: ada.token,
    })
    expect(body.backupCodes.length).toBe(10)
    expect((await ada.signIn({ code: unused })).code).toBe('second_factor_wrong')
    expect((await ada.signIn({ code: body.backupCodes[0]! })).code).toBe('')
  })
})

describe('replacing the second factor', () => {
  const verbs = [
    ['the authenticator', contract.startTotpChange],
    ['the backup codes', contract.replaceBackupCodes],
  ] as const
  const attempt = async (
    endpoint: (typeof verbs)[number][1],
    secondFactor: string | undefined,
    token = ada.token,
  ): Promise<string> =>
    (
      await server.call(endpoint, {
        body: secondFactor === undefined ? {} : { secondFactor },
        token,
      })
    ).code
  const codesLeft = async (): Promise<number> =>
    (await server.call(contract.getSession, { token: ada.token })).body.backupCodesLeft

  describe.each(verbs)('%s', (name, endpoint) => {
    test('takes more than the password, however fresh', async () => {
      expect(await attempt(endpoint, undefined)).toBe('second_factor_needed')
      expect((await ada.unlock()).code).toBe('')
      expect(await attempt(endpoint, undefined)).toBe('second_factor_needed')
      expect(await codesLeft()).toBe(10)
    })

    test('takes a code of the authenticator once', async () => {
      server.nextStep()
      const code = ada.code()
      expect(await attempt(endpoint, code)).toBe('')
      expect(await attempt(endpoint, code)).toBe('second_factor_wrong')
      expect((await ada.signIn({ code })).code).toBe('second_factor_wrong')
    })

    test('takes a backup code once', async () => {
      const [code = ''] = ada.backupCodes
      expect(await attempt(endpoint, code)).toBe('')
      expect(await codesLeft()).toBe(name === 'the authenticator' ? 9 : 10)
      expect(await attempt(endpoint, code)).toBe('second_factor_wrong')
    })

    test('counts wrong codes, apart from the password', async () => {
      for (let guess = 0; guess < 5; guess++)
        expect(await attempt(endpoint, '000000')).toBe('second_factor_wrong')
      expect(await attempt(endpoint, ada.backupCodes[0])).toBe('locked_out')
      expect(await codesLeft()).toBe(10)
      expect((await ada.unlock()).code).toBe('')
      server.now += 15 * 60_000
      await ada.unlock()
      expect(await attempt(endpoint, ada.backupCodes[0])).toBe('')
    })

    test('takes no code after a fresh proof by recovery key, in that session alone', async () => {
      const { token } = (await ada.recover()).body
      expect(await attempt(endpoint, undefined, token)).toBe('')
      expect(await attempt(endpoint, undefined)).toBe('second_factor_needed')
      server.now += tenMinutes
      expect((await ada.unlock(ada.password, token)).code).toBe('')
      expect(await attempt(endpoint, undefined, token)).toBe('second_factor_needed')
    })
  })

  test('takes a passkey of the signed state for a code, but none that a session added by itself', async () => {
    const eve = await new PasskeyPerson(server, 'Eve').signUpByPasskey(await invite(ada))
    await eve.addFirstPassword('a first long password')
    eve.token = (await eve.newSession()).token
    const replace = async (token = eve.token): Promise<string> =>
      (await server.call(contract.replaceBackupCodes, { body: {}, token })).code
    expect(await replace()).toBe('second_factor_needed')
    expect((await eve.addSignInOnly()).answer.code).toBe('')
    const { token } = (await eve.signInByPasskey()).body
    expect(await replace(token)).toBe('step_up_needed')
    expect((await eve.unlock(eve.password, token)).code).toBe('')
    expect(await replace(token)).toBe('second_factor_needed')
    eve.authenticator.credentials.pop()
    expect(await replace((await eve.signInByPasskey()).body.token)).toBe('')
    expect((await eve.prove()).body).toEqual({ fresh: true, canUnlock: true })
    expect(await replace()).toBe('')
  })
})
