/**
 * ID-12 from outside: how often one may try, what the answer says, that each way to sign in is counted by itself, and
 * that a restart forgets no failure.
 */
import {
  allEndpoints,
  type Endpoint,
  finishChallengeSignIn,
  finishPasswordSignIn,
  finishSecondFactor,
  getInstance,
  getSession,
  getUsage,
  listSessions,
  startDeviceSignIn,
  startPasskeySignIn,
  startPasskeyUnlock,
  finishPasskeySignIn,
  finishPasskeyUnlock,
  startPasswordSignIn,
  startPasswordUnlock,
  startRecoverySignIn,
  startSignUp,
} from '@hearthold/contract'
import { methodType, randomBytes, recoveryLocator, toB64, toHex } from '@hearthold/crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { beginLogin } from '../../apps/server/src/features/identity/test-person.ts'
import { speak, statusesOf } from '../fuzz/connections.ts'
import { done } from './foreign-ids.ts'
import { addMember, codeOf, type Input, Instance, invite, type Person } from './instance.ts'

const quarterHourMs = 15 * 60_000
const home = '203.0.113.7'

let instance: Instance
let host: Person
beforeAll(async () => {
  instance = await Instance.open()
  host = await instance.host()
})
afterAll(() => instance.close())

let people = 0
let person: Person
/** With a device method, so that there are three ways in. */
let device: { type: typeof methodType.device; id: string; secret: Uint8Array<ArrayBuffer> }
beforeEach(async () => {
  person = await addMember(host, `person ${++people}`)
  device = { type: methodType.device, id: person.device.id, secret: randomBytes(32) }
  const method = await person.method(device.type, device.secret, person.device.idBytes)
  await person.appendMethods([...person.methods, method])
  instance.nextStep()
})
afterEach(() => void (instance.now += quarterHourMs))

const ask = async (
  endpoint: Endpoint,
  input: Input,
): Promise<{ code: string; retryAfter: number }> => {
  const answer = await instance.ask(endpoint, input)
  return { code: codeOf(answer), retryAfter: Number(answer.headers['retry-after'] ?? 0) }
}

/** The ways to guess at an account; each answers the code of its last request. */
const guess = {
  password: async (): Promise<string> => {
    const { started, finished } = await person.provePassword('not the password')
    return finished?.code ?? started.code
  },
  totp: async (): Promise<string> => {
    const { finished } = await person.provePassword()
    const body = { pending: finished!.body.pending, code: '000000', transport: 'bearer' }
    return (await ask(finishSecondFactor, { body })).code
  },
  recovery: async (): Promise<string> => {
    const locator = toHex(recoveryLocator(person.recovery))
    const begun = await instance.call(startRecoverySignIn, { body: { locator } })
    return begun.code || answerWrongly(begun.body as { signIn: string })
  },
  device: async (): Promise<string> => {
    const body = { account: person.account, method: device.id }
    const begun = await instance.call(startDeviceSignIn, { body })
    return begun.code || answerWrongly(begun.body as { signIn: string })
  },
} as const
const answerWrongly = async ({ signIn }: { signIn: string }): Promise<string> => {
  const body = { signIn, signature: toHex(randomBytes(64)), transport: 'bearer' }
  return (await ask(finishChallengeSignIn, { body })).code
}

/** The honest owner, by each way. */
const enter = {
  password: async (): Promise<string> => {
    instance.nextStep()
    const { started, finished } = await person.provePassword()
    if (finished?.code !== '') return finished?.code ?? started.code
    const body = { pending: finished.body.pending, code: person.code(), transport: 'bearer' }
    return (await ask(finishSecondFactor, { body })).code
  },
  recovery: async (): Promise<string> => (await person.recover()).code,
  device: async (): Promise<string> => {
    const body = { account: person.account, method: device.id }
    const begun = await done(instance, startDeviceSignIn, { body })
    const { signIn = '', challenge = '' } = begun
    return (await person.answerChallenge({ signIn, challenge }, device)).code
  },
} as const

const wrong = {
  password: 'sign_in_failed',
  totp: 'second_factor_wrong',
  recovery: 'sign_in_failed',
  device: 'sign_in_failed',
} as const
type Way = keyof typeof guess
const ways = Object.keys(guess) as Way[]

describe('five wrong guesses', () => {
  it.each(ways)('at the %s lock it, from wherever they come, and nothing else', async (way) => {
    for (let failed = 0; failed < 5; failed++) expect(await guess[way]()).toBe(wrong[way])
    expect(await guess[way]()).toBe('locked_out')
    for (const other of ['password', 'recovery', 'device'] as const) {
      // The second factor belongs to the password's way in: it alone is behind both.
      const shut = other === way || (other === 'password' && way === 'totp')
      if (shut) continue
      expect([other, await enter[other]()]).toEqual([other, ''])
    }
    expect(await ask(getSession, { token: person.token })).toEqual({ code: '', retryAfter: 0 })
  })

  it.each(ways)(
    'at the %s are remembered through a restart, and forgotten after a quarter of an hour',
    async (way) => {
      const began = instance.now
      for (let failed = 0; failed < 5; failed++) await guess[way]()
      await instance.restart()
      expect(await guess[way]()).toBe('locked_out')
      instance.now = began + quarterHourMs - 20_000
      expect(await guess[way]()).toBe('locked_out')
      instance.now = began + quarterHourMs + 60_000
      expect(await guess[way]()).toBe(wrong[way])
      expect(await enter[way === 'totp' ? 'password' : way]()).toBe('')
    },
  )

  it('tell how long to wait, and waiting that long helps', async () => {
    for (let failed = 0; failed < 5; failed++) await guess.password()
    instance.now += 60_000
    const { request: startLoginRequest } = await beginLogin('x')
    const body = { name: person.name, startLoginRequest }
    const { code, retryAfter } = await ask(startPasswordSignIn, { body })
    expect(code).toBe('locked_out')
    expect(retryAfter).toBeGreaterThan(13 * 60)
    expect(retryAfter).toBeLessThanOrEqual(14 * 60)
    instance.now += retryAfter * 1000
    expect(await enter.password()).toBe('')
  })

  it('are counted where the member unlocks too', async () => {
    for (let failed = 0; failed < 5; failed++) await guess.password()
    const { request: startLoginRequest } = await beginLogin(person.password)
    const unlock = await ask(startPasswordUnlock, {
      token: person.token,
      body: { startLoginRequest },
    })
    expect(unlock.code).toBe('locked_out')
  })

  it('do not grow in number by being made at once', async () => {
    const codes = await Promise.all(Array.from({ length: 12 }, () => guess.password()))
    expect(codes.filter((code) => code === 'sign_in_failed')).toHaveLength(5)
    expect(codes.filter((code) => code === 'locked_out')).toHaveLength(7)
  })

  it('do not stand between a member and a sign-in that is right each time', async () => {
    for (let round = 0; round < 7; round++) {
      expect(await enter.password()).toBe('')
      expect(await enter.device()).toBe('')
    }
  })
})

describe('twenty failures from one address', () => {
  it('shut every way in from there, and from nowhere else', async () => {
    const { request: startLoginRequest } = await beginLogin('x')
    const start = (name: string, address: string) =>
      ask(startPasswordSignIn, { address, body: { name, startLoginRequest } })
    for (let failed = 0; failed < 20; failed++)
      expect((await start(`nobody ${failed}`, home)).code).toBe('')
    const refused = await start('nobody else', home)
    expect(refused.code).toBe('locked_out')
    expect(refused.retryAfter).toBeGreaterThan(14 * 60)
    await instance.restart()
    const locator = toHex(randomBytes(32))
    expect((await ask(startRecoverySignIn, { address: home, body: { locator } })).code).toBe(
      'locked_out',
    )
    const named = { account: person.account, method: device.id }
    expect((await ask(startDeviceSignIn, { address: home, body: named })).code).toBe('locked_out')
    const guessed = { ...signUpBody(), invitation: toB64(randomBytes(32)) }
    expect((await ask(startSignUp, { address: home, body: guessed })).code).toBe('locked_out')
    expect((await start(person.name, '203.0.113.8')).code).toBe('')
    expect((await ask(getSession, { address: home, token: person.token })).code).toBe('')
  })

  it('count guessed invitations, too', async () => {
    const address = '203.0.113.99'
    const guessOne = () =>
      ask(startSignUp, { address, body: { ...signUpBody(), invitation: toB64(randomBytes(32)) } })
    for (let failed = 0; failed < 20; failed++)
      expect((await guessOne()).code).toBe('invitation_invalid')
    expect((await guessOne()).code).toBe('locked_out')
    const invitation = await invite(host)
    const elsewhere = await ask(startSignUp, { body: { ...signUpBody(), invitation } })
    expect(elsewhere.code).toBe('bad_request')
  })

  const signUpBody = () => ({
    name: 'somebody',
    account: toHex(randomBytes(16)),
    // No point of the curve: refused once the invitation was found good.
    way: {
      kind: 'password' as const,
      registrationRequest: toB64(new Uint8Array(32).fill(255)),
    },
  })
})

describe('ordinary requests', () => {
  /** The clock is turned back after each request, so that all happen at once. */
  const many = async (
    count: number,
    endpoint: Endpoint,
    input: Input,
  ): Promise<Map<string, number>> => {
    const codes = new Map<string, number>()
    const { now } = instance
    for (let asked = 0; asked < count; asked++) {
      const { code } = await ask(endpoint, input)
      codes.set(code, (codes.get(code) ?? 0) + 1)
      instance.now = now
    }
    return codes
  }

  it('are 600 a minute for a session, whatever its address, and refill evenly', async () => {
    const { token } = person
    instance.now += 60_000
    const codes = await many(603, listSessions, { token })
    expect([codes.get(''), codes.get('rate_limited')]).toEqual([600, 3])
    expect(await ask(listSessions, { token })).toEqual({ code: 'rate_limited', retryAfter: 1 })
    expect((await ask(listSessions, { token: host.token })).code).toBe('')
    // Objects and entries are not of this kind: they are bounded by quota and by what runs at once.
    expect((await ask(getUsage, { token })).code).toBe('')
    instance.now += 1000
    expect((await many(12, listSessions, { token })).get('')).toBeLessThanOrEqual(12)
    instance.now += 60_000
    expect((await many(600, listSessions, { token })).get('rate_limited')).toBeUndefined()
  })

  it('are 600 a minute for an address where nobody is signed in', async () => {
    const codes = await many(603, getInstance, { address: '198.51.100.9' })
    expect([codes.get(''), codes.get('rate_limited')]).toEqual([600, 3])
    expect((await ask(getInstance, { address: '198.51.100.10' })).code).toBe('')
    const forged = { address: '198.51.100.9', token: toB64(randomBytes(32)) }
    instance.now -= 120
    expect((await many(2, getSession, forged)).get('rate_limited')).toBeGreaterThan(0)
    // Who is signed in is not shut out by others of the same house.
    expect((await ask(getSession, { address: '198.51.100.9', token: person.token })).code).toBe('')
  })
})

describe('objects and entries', () => {
  it('are at most sixteen at a time for a session', async () => {
    await instance.app.start()
    const port = instance.app.http.port()!
    const status = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`http://127.0.0.1:${port}/api/usage`, { headers })).status
    }
    const { token } = person
    // Of each body only the beginning comes.
    const beginning = `POST /api/objects/bundle HTTP/1.1\r\nHost: localhost:8765\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nx`
    const held = await Promise.all(Array.from({ length: 17 }, () => speak(port, beginning)))
    await vi.waitFor(
      () => expect(held.flatMap((one) => statusesOf(one.answer()))).toEqual([429]),
      5000,
    )
    expect([await status(token), await status(host.token)]).toEqual([429, 200])
    for (const one of held) one.end()
    await vi.waitFor(async () => expect(await status(token)).toBe(200), 5000)
  })
})

it('every endpoint that may lock out lists it', () => {
  const guessed: readonly Endpoint[] = [
    startPasswordSignIn,
    finishPasswordSignIn,
    finishSecondFactor,
    startRecoverySignIn,
    startDeviceSignIn,
    finishChallengeSignIn,
    startPasswordUnlock,
    startPasskeySignIn,
    finishPasskeySignIn,
    startPasskeyUnlock,
    finishPasskeyUnlock,
    startSignUp,
  ]
  const listing = allEndpoints.filter(({ problems }) =>
    (problems as readonly string[]).includes('locked_out'),
  )
  expect(guessed.every((endpoint) => listing.some(({ name }) => name === endpoint.name))).toBe(true)
})
