/**
 * Who reaches what: every endpoint by every kind of caller. An endpoint that has no row fails, so what is new is
 * denied until somebody writes here who may call it.
 *
 * Requests carry an unknown query field, which is refused after everything that this table is about: whoever hears of
 * it was let in, and nothing was done.
 */
import {
  allEndpoints,
  bindSessionDevice,
  type Endpoint,
  endSession,
  finishPasswordSignIn,
  finishSecondFactor,
  getSession,
  startDeviceSignIn,
  updateMember,
  updateRegistration,
} from '@hearthold/contract'
import { fromHex, methodType, randomBytes, signSessionDevice, toHex } from '@hearthold/crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { beginLogin } from '../../apps/server/src/features/identity/test-person.ts'
import { TestDevice } from '../../apps/server/src/platform/logs/test-logs.ts'
import { TestSocket } from '../../apps/server/src/platform/socket/test-socket.ts'
import { sampleOf } from '../fuzz/arbitrary-of.ts'
import { done } from './foreign-ids.ts'
import { addMember, codeOf, Instance, invite, Person } from './instance.ts'

const endpoints: readonly Endpoint[] = allEndpoints

/**
 * nobody     no token
 * invited    an invitation, used as if it were a token
 * waiting    an account that no host has let in, its id used as if it were a token
 * pending    the first factor proven, its number used as if it were a token
 * suspended  a session of before the suspension
 * ended      signed out
 * revoked    a session bound to a device that was revoked since
 * locked     a session, while the password is locked out by another's guesses
 */
const callers = [
  'nobody',
  'invited',
  'waiting',
  'pending',
  'suspended',
  'ended',
  'revoked',
  'locked',
  'guest',
  'member',
  'host',
] as const
type Caller = (typeof callers)[number]

/** `+` let in, `-` 401 unauthenticated, `x` 403 forbidden, `d` 409 set_up_done; in the order of `callers`. */
const table = `
                     nobody inv wai pen sus end rev loc gue mem host
getSetUp              +     +   +   +   +   +   +   +   +   +   +
getInstance           +     +   +   +   +   +   +   +   +   +   +
startSetUp            d     d   d   d   d   d   d   d   d   d   d
finishSetUp           d     d   d   d   d   d   d   d   d   d   d
startSignUp           +     +   +   +   +   +   +   +   +   +   +
finishSignUp          +     +   +   +   +   +   +   +   +   +   +
startPasswordSignIn   +     +   +   +   +   +   +   +   +   +   +
finishPasswordSignIn  +     +   +   +   +   +   +   +   +   +   +
finishSecondFactor    +     +   +   +   +   +   +   +   +   +   +
startRecoverySignIn   +     +   +   +   +   +   +   +   +   +   +
startDeviceSignIn     +     +   +   +   +   +   +   +   +   +   +
finishChallengeSignIn +     +   +   +   +   +   +   +   +   +   +
getSession            -     -   -   -   -   -   -   +   +   +   +
renewSession          -     -   -   -   -   -   -   +   +   +   +
bindSessionDevice     -     -   -   -   -   -   -   +   +   +   +
endSession            -     -   -   -   -   -   -   +   +   +   +
listSessions          -     -   -   -   -   -   -   +   +   +   +
endOneSession         -     -   -   -   -   -   -   +   +   +   +
endManySessions       -     -   -   -   -   -   -   +   +   +   +
startPasswordUnlock   -     -   -   -   -   -   -   +   +   +   +
finishPasswordUnlock  -     -   -   -   -   -   -   +   +   +   +
startPasswordChange   -     -   -   -   -   -   -   +   +   +   +
startTotpChange       -     -   -   -   -   -   -   +   +   +   +
finishTotpChange      -     -   -   -   -   -   -   +   +   +   +
replaceBackupCodes    -     -   -   -   -   -   -   +   +   +   +
appendAccount         -     -   -   -   -   -   -   +   +   +   +
startPasskeySignIn    +     +   +   +   +   +   +   +   +   +   +
finishPasskeySignIn   +     +   +   +   +   +   +   +   +   +   +
startPasskeyUnlock    -     -   -   -   -   -   -   +   +   +   +
finishPasskeyUnlock   -     -   -   -   -   -   -   +   +   +   +
listPasskeys          -     -   -   -   -   -   -   +   +   +   +
startPasskeyChange    -     -   -   -   -   -   -   +   +   +   +
addPasskey            -     -   -   -   -   -   -   +   +   +   +
renamePasskey         -     -   -   -   -   -   -   +   +   +   +
removePasskey         -     -   -   -   -   -   -   +   +   +   +
createInvitation      -     -   -   -   -   -   -   x   x   x   +
listInvitations       -     -   -   -   -   -   -   x   x   x   +
removeInvitation      -     -   -   -   -   -   -   x   x   x   +
listMembers           -     -   -   -   -   -   -   x   x   x   +
updateMember          -     -   -   -   -   -   -   x   x   x   +
getRegistration       -     -   -   -   -   -   -   x   x   x   +
updateRegistration    -     -   -   -   -   -   -   x   x   x   +
listSignUpRequests    -     -   -   -   -   -   -   x   x   x   +
approveSignUp         -     -   -   -   -   -   -   x   x   x   +
denySignUp            -     -   -   -   -   -   -   x   x   x   +
appendLogs            -     -   -   -   -   -   -   +   +   +   +
listLogs              -     -   -   -   -   -   -   +   +   +   +
getLogHead            -     -   -   -   -   -   -   +   +   +   +
readLog               -     -   -   -   -   -   -   +   +   +   +
getCheckpoint         -     -   -   -   -   -   -   +   +   +   +
putCheckpoint         -     -   -   -   -   -   -   +   +   +   +
getRegister           -     -   -   -   -   -   -   +   +   +   +
putRegister           -     -   -   -   -   -   -   +   +   +   +
createUpload          -     -   -   -   -   -   -   +   +   +   +
getUpload             -     -   -   -   -   -   -   +   +   +   +
writeUpload           -     -   -   -   -   -   -   +   +   +   +
writeUploadBySocket   -     -   -   -   -   -   -   +   +   +   +
removeUpload          -     -   -   -   -   -   -   +   +   +   +
putBundle             -     -   -   -   -   -   -   +   +   +   +
getBundle             -     -   -   -   -   -   -   +   +   +   +
getObject             -     -   -   -   -   -   -   +   +   +   +
getUsage              -     -   -   -   -   -   -   +   +   +   +
listRepositories           -     -   -   -   -   -   -   +   +   +   +
createRepository           -     -   -   -   -   -   -   +   +   +   +
getRepository              -     -   -   -   -   -   -   +   +   +   +
updateRepository           -     -   -   -   -   -   -   +   +   +   +
removeRepository           -     -   -   -   -   -   -   +   +   +   +
restoreRepository          -     -   -   -   -   -   -   +   +   +   +
getBin                     -     -   -   -   -   -   -   +   +   +   +
restoreBin                 -     -   -   -   -   -   -   +   +   +   +
startScrub                 -     -   -   -   -   -   -   +   +   +   +
addReport                  -     -   -   -   -   -   -   +   +   +   +
listRepositoryObjects      -     -   -   -   -   -   -   +   +   +   +
readRepositoryObject       -     -   -   -   -   -   -   +   +   +   +
listRepositoryCredentials  -     -   -   -   -   -   -   +   +   +   +
createRepositoryCredential -     -   -   -   -   -   -   +   +   +   +
removeRepositoryCredential -     -   -   -   -   -   -   +   +   +   +
listEveryRepository        -     -   -   -   -   -   -   x   x   x   +
purgeRepository            -     -   -   -   -   -   -   x   x   x   +
listStorageChoices         -     -   -   -   -   -   -   +   +   +   +
listStorages               -     -   -   -   -   -   -   x   x   x   +
createStorage              -     -   -   -   -   -   -   x   x   x   +
updateStorage              -     -   -   -   -   -   -   x   x   x   +
testStorage                -     -   -   -   -   -   -   x   x   x   +
removeStorage              -     -   -   -   -   -   -   x   x   x   +
socket                -     -   -   -   -   -   -   +   +   +   +
`

const rows = new Map(
  table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/ +/))
    .map(([name = '', ...marks]) => [name, marks] as const),
)

const marksOfCodes: Readonly<Record<string, string>> = {
  unauthenticated: '-',
  forbidden: 'x',
  set_up_done: 'd',
}

let instance: Instance
const tokens = new Map<Caller, string>()
const people = new Map<Caller, Person>()

const wrongGuesses = async (person: Person): Promise<void> => {
  for (let guess = 0; guess < 5; guess++) await person.provePassword('not the password')
}

/** Somebody who signed up without an invitation, where a host must approve. */
const waitingPerson = async (host: Person): Promise<Person> => {
  const { token } = host
  await done(instance, updateRegistration, { token, body: { registration: 'approval' } })
  const person = await new Person(host.server, 'waiting').signUpUninvited()
  await done(instance, updateRegistration, { token, body: { registration: 'closed' } })
  return person
}

/** A session of a second device, which is then revoked by the first. */
const revokedSession = async (person: Person): Promise<string> => {
  const laptop = new TestDevice()
  await person.appendEntries([await person.enrol(laptop)])
  const { token, session } = await person.newSession()
  const signature = await signSessionDevice(laptop.seed, fromHex(session), laptop.idBytes)
  const body = { device: laptop.id, signature: toHex(signature) }
  await done(instance, bindSessionDevice, { token, body })
  const revoked = await person.appendEntries([await person.retire(laptop)])
  if (revoked.status !== 200) throw new Error(`revoking answered ${revoked.code}`)
  return token
}

beforeAll(async () => {
  instance = await Instance.open()
  await instance.app.start()
  const host = await instance.host()
  for (const caller of ['member', 'suspended', 'ended', 'revoked', 'locked', 'pending'] as const)
    people.set(caller, await addMember(host, caller))
  people.set('waiting', await waitingPerson(host))
  people.set('guest', await instance.guest(host, 'guest'))
  people.set('host', host)
  for (const [caller, { token }] of people) tokens.set(caller, token)
  const of = (caller: Caller): Person => people.get(caller)!

  tokens.set('invited', await invite(host))
  // As long as a token, as below.
  tokens.set('waiting', of('waiting').account.padEnd(43, '0'))
  instance.nextStep()
  const { finished } = await of('pending').provePassword()
  // As long as a token, so that its form alone does not refuse it.
  tokens.set('pending', finished!.body.pending.padEnd(43, '0'))
  await done(instance, updateMember, {
    token: host.token,
    params: { account: of('suspended').account },
    body: { suspended: true },
  })
  await done(instance, endSession, { token: of('ended').token })
  tokens.set('revoked', await revokedSession(of('revoked')))
  await wrongGuesses(of('locked'))
})
afterAll(() => instance.close())

describe('every endpoint by every caller', () => {
  it('has a row', () => {
    expect([...rows.keys()].toSorted()).toEqual(
      [...endpoints.map(({ name }) => name), 'socket'].toSorted(),
    )
    for (const [name, marks] of rows) expect([name, marks.length]).toEqual([name, callers.length])
  })

  it.each(endpoints.map((endpoint) => [endpoint.name, endpoint] as const))(
    '%s',
    async (name, endpoint) => {
      const sample = sampleOf(endpoint)
      const marks: string[] = []
      for (const caller of callers) {
        const token = tokens.get(caller)
        const answer = await instance.ask(endpoint, {
          ...sample,
          query: { ...sample.query, surprise: 1 },
          ...(token === undefined ? {} : { token }),
        })
        const code = codeOf(answer)
        marks.push(code === 'bad_request' ? '+' : (marksOfCodes[code] ?? code))
      }
      expect(marks.join(' ')).toBe(rows.get(name)?.join(' '))
    },
  )

  it('the socket', async () => {
    const port = instance.app.http.port()!
    const marks: string[] = []
    for (const caller of callers) {
      const token = tokens.get(caller)
      const socket = await TestSocket.open(port)
      socket.send({ frame: 'hello', ...(token === undefined ? {} : { token }) })
      const { frame } = await socket.next((message) => message.frame !== undefined)
      marks.push(
        frame?.frame === 'welcome'
          ? '+'
          : frame?.frame === 'problem'
            ? (marksOfCodes[frame.code] ?? frame.code)
            : '?',
      )
      socket.socket.close()
    }
    expect(marks.join(' ')).toBe(rows.get('socket')?.join(' '))
  })
})

describe('ways to sign in, by state', () => {
  const of = (caller: Caller): Person => people.get(caller)!
  const byPassword = async (person: Person): Promise<string> => {
    instance.nextStep()
    const { started, finished } = await person.provePassword()
    if (finished === undefined) return started.code
    if (finished.code !== '') return finished.code
    const body = { pending: finished.body.pending, code: person.code(), transport: 'bearer' }
    return (await instance.call(finishSecondFactor, { body })).code
  }

  it.each([
    //           password             recovery key
    ['member', '', ''],
    ['guest', '', ''],
    ['host', '', ''],
    ['ended', '', ''],
    ['revoked', '', ''],
    ['locked', 'locked_out', ''],
    ['suspended', 'account_suspended', 'account_suspended'],
    ['waiting', 'approval_pending', 'approval_pending'],
  ] as const)('%s', async (caller, password, recovery) => {
    expect(await byPassword(of(caller))).toBe(password)
    expect((await of(caller).recover()).code).toBe(recovery)
  })

  it('a suspended member learns of it only with both factors', async () => {
    const { finished } = await of('suspended').provePassword()
    expect(finished!.body).toMatchObject({ next: 'second-factor' })
    const body = { pending: finished!.body.pending, code: '000000', transport: 'bearer' }
    expect((await instance.call(finishSecondFactor, { body })).code).toBe('second_factor_wrong')
  })

  it('a waiting member learns of it only with both factors', async () => {
    const { finished } = await of('waiting').provePassword()
    expect(finished!.body).toMatchObject({ next: 'second-factor' })
    const body = { pending: finished!.body.pending, code: '000000', transport: 'bearer' }
    expect((await instance.call(finishSecondFactor, { body })).code).toBe('second_factor_wrong')
    expect((await of('waiting').provePassword('wrong')).finished?.code).toBe('sign_in_failed')
  })

  it("a revoked device's method signs in no more", async () => {
    const person = await addMember(of('host'), 'with a device')
    const laptop = new TestDevice()
    await person.appendEntries([await person.enrol(laptop)])
    const secret = randomBytes(32)
    const method = await person.method(methodType.device, secret, laptop.idBytes)
    expect((await person.appendMethods([...person.methods, method])).code).toBe('')
    const signIn = async (): Promise<string> => {
      const started = await done(instance, startDeviceSignIn, {
        body: { account: person.account, method: laptop.id },
      })
      const begun = { signIn: started['signIn']!, challenge: started['challenge']! }
      const answer = await person.answerChallenge(begun, {
        type: methodType.device,
        id: laptop.id,
        secret,
      })
      return answer.code
    }
    expect(await signIn()).toBe('')
    const revoked = await person.appendEntries([await person.retire(laptop)])
    expect(revoked.code).toBe('')
    expect(await signIn()).toBe('sign_in_failed')
  })

  it('a resumed member is let in again, with new sessions only', async () => {
    const { token } = of('host')
    const account = of('suspended').account
    await done(instance, updateMember, { token, params: { account }, body: { suspended: false } })
    expect((await instance.call(getSession, { token: tokens.get('suspended') })).code).toBe(
      'unauthenticated',
    )
    expect(await byPassword(of('suspended'))).toBe('')
  })

  it('a pending second factor opens nothing by itself, and not for another account', async () => {
    const { finished } = await of('pending').provePassword()
    const { pending } = finished!.body
    const code = of('member').code()
    const body = { pending, code, transport: 'bearer' }
    expect((await instance.call(finishSecondFactor, { body })).code).toBe('second_factor_wrong')
    const login = await beginLogin('x')
    const asSignIn = { signIn: pending, finishLoginRequest: login.request.slice(0, 86) }
    expect((await instance.call(finishPasswordSignIn, { body: asSignIn })).code).toBe(
      'sign_in_expired',
    )
  })
})
