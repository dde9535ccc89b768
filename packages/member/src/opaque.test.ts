import { ready, server } from '@serenity-kit/opaque'
import { describe, expect, it } from 'vitest'
import { provePassword, registerPassword } from './opaque.ts'

const account = '0123456789abcdef0123456789abcdef'
const identifiers = { client: account, server: 'hearthold' }

const register = async (password: string) => {
  await ready
  const serverSetup = server.createSetup()
  const registration = await registerPassword(password)
  const { registrationResponse } = server.createRegistrationResponse({
    serverSetup,
    userIdentifier: account,
    registrationRequest: registration.request,
  })
  return {
    serverSetup,
    ...registration.finish({ account, response: registrationResponse, ksf: 1 }),
  }
}

const login = async (made: { serverSetup: string; record: string }, password: string) => {
  const started = await provePassword(password)
  const { loginResponse, serverLoginState } = server.startLogin({
    serverSetup: made.serverSetup,
    userIdentifier: account,
    registrationRecord: made.record,
    startLoginRequest: started.request,
    identifiers,
  })
  return { started, loginResponse, serverLoginState }
}

describe('OPAQUE', () => {
  it('comes to the same secret of 64 bytes at each sign-in, and the server believes it', async () => {
    const made = await register('pa\u0301ssword is long')
    const { started, loginResponse, serverLoginState } = await login(made, 'p\u00e1ssword is long')
    const proof = started.finish({ account, response: loginResponse, ksf: 1 })
    expect(proof?.secret).toEqual(made.secret)
    expect(made.secret).toHaveLength(64)
    const { sessionKey } = server.finishLogin({
      serverLoginState,
      finishLoginRequest: proof!.request,
    })
    expect(sessionKey).not.toBe('')
  })

  it('answers undefined for a wrong password', async () => {
    const made = await register('the right password')
    const { started, loginResponse } = await login(made, 'the wrong password')
    expect(started.finish({ account, response: loginResponse, ksf: 1 })).toBeUndefined()
  })

  it('refuses every other stretching and what is no message', async () => {
    const made = await register('the right password')
    const { started, loginResponse } = await login(made, 'the right password')
    for (const ksf of [0, 2, Number.NaN]) {
      expect(() => started.finish({ account, response: loginResponse, ksf })).toThrow(
        'another password stretching',
      )
    }
    expect(() => started.finish({ account, response: 'AAAA', ksf: 1 })).toThrow(
      'no valid OPAQUE message',
    )
    const registration = await registerPassword('the right password')
    expect(() => registration.finish({ account, response: 'AAAA', ksf: 1 })).toThrow(
      'no valid OPAQUE message',
    )
    expect(() => registration.finish({ account, response: 'AAAA', ksf: 0 })).toThrow(
      'another password stretching',
    )
  })

  it('is bound to the account', async () => {
    const made = await register('the right password')
    const { started, loginResponse } = await login(made, 'the right password')
    const other = account.replaceAll('0', '1')
    expect(started.finish({ account: other, response: loginResponse, ksf: 1 })).toBeUndefined()
  })
})
