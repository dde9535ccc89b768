import * as contract from '@hearthold/contract'
import { methodType, randomBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestIdentity } from './test-identity.ts'
import { addMember, beginLogin, Person, setUpHost } from './test-person.ts'

let server: TestIdentity
let ada: Person
beforeEach(async () => {
  server = await TestIdentity.open()
  ada = await setUpHost(server)
  server.nextStep()
})
afterEach(() => server.close())

const quarterHour = 15 * 60_000

describe('lock-out', () => {
  test('after five wrong passwords, for a quarter of an hour, across a restart', async () => {
    for (let guess = 0; guess < 5; guess++)
      expect((await ada.provePassword('wrong')).finished?.code).toBe('sign_in_failed')
    server.now += 60_000
    await server.restart()
    const { started } = await ada.provePassword()
    expect(started.status).toBe(429)
    expect(started.code).toBe('locked_out')
    expect(started.retryAfter).toBe(14 * 60)
    server.now += quarterHour - 60_000
    expect((await ada.signIn()).code).toBe('')
  })

  test('counts a start that nobody finishes, and gives back what was right', async () => {
    const login = await beginLogin(ada.password)
    const start = () =>
      server.call(contract.startPasswordSignIn, {
        body: { name: 'Ada', startLoginRequest: login.request },
      })
    for (let round = 0; round < 8; round++) {
      server.nextStep()
      expect((await ada.signIn()).code).toBe('')
    }
    for (let round = 0; round < 5; round++) expect((await start()).code).toBe('')
    expect((await start()).code).toBe('locked_out')
  })

  test('treats a name that nobody has just the same', async () => {
    const nobody = new Person(server, 'Nobody')
    for (let guess = 0; guess < 5; guess++) await nobody.provePassword()
    const { started } = await nobody.provePassword()
    expect(started.code).toBe('locked_out')
    expect((await ada.signIn()).code).toBe('')
  })

  test('of the password leaves recovery key, device and other accounts alone', async () => {
    const ben = await addMember(ada, 'Ben')
    const secret = randomBytes(32)
    const device = await ada.method(methodType.device, secret, ada.device.idBytes)
    expect((await ada.appendMethods([...ada.methods, device])).code).toBe('')
    for (let guess = 0; guess < 5; guess++) await ada.provePassword('wrong', `198.51.100.${guess}`)
    expect((await ada.provePassword(ada.password, '203.0.113.9')).started.code).toBe('locked_out')
    expect((await ada.recover()).code).toBe('')
    const { body } = await server.call(contract.startDeviceSignIn, {
      body: { account: ada.account, method: ada.device.id },
    })
    const method = { type: methodType.device, id: ada.device.id, secret }
    expect((await ada.answerChallenge(body, method)).code).toBe('')
    server.nextStep()
    expect((await ben.signIn()).code).toBe('')
  })

  test('of an address comes after twenty failures of any kind, and of a /64 together', async () => {
    const login = await beginLogin('x')
    const start = (name: string, address: string) =>
      server.call(contract.startPasswordSignIn, {
        body: { name, startLoginRequest: login.request },
        address,
      })
    for (let guess = 0; guess < 20; guess++)
      expect((await start(`name ${guess}`, `2001:db8:0:1::${guess + 1}`)).code).toBe('')
    expect((await start('another', '2001:db8:0:1:ffff::1')).code).toBe('locked_out')
    expect((await start('another', '2001:db8:0:2::1')).code).toBe('')
    const recovery = await server.call(contract.startRecoverySignIn, {
      body: { locator: '00'.repeat(32) },
      address: '2001:db8:0:1::99',
    })
    expect(recovery.code).toBe('locked_out')
  })

  test('does not last for ever when the clock is set back', async () => {
    server.now += 365 * 24 * 3600_000
    for (let guess = 0; guess < 5; guess++) await ada.provePassword('wrong')
    server.now -= 365 * 24 * 3600_000
    expect((await ada.signIn()).code).toBe('')
  })
})
