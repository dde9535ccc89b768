import { ProblemError } from '@hearthold/contract'
import {
  fromB64,
  fromHex,
  IntegrityError,
  passkeyId,
  passkeyPrfSalt,
  passkeyUserHandle,
  randomBytes,
  randomId,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  SoftAuthenticator,
  type SoftBehaviour,
} from '../../../../test/passkeys/soft-authenticator.ts'
import { memoryHeads } from '../logs/known-heads.ts'
import { memoryOrigin } from '../memory-passkeys.oracle.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, testClient, testPassword } from '../test-member.oracle.ts'
import { addPassword, listMethods, removeMethod } from './methods.ts'
import {
  type PasskeyAuthenticator,
  PasskeyPrfError,
  type PrfOutput,
  passkeySecret,
} from './passkey-ceremony.ts'
import { provePasskeyAgain, signInWithPasskey } from './passkey-sign-in.ts'
import { addPasskey, listPasskeys, removePasskey, renamePasskey } from './passkeys.ts'
import { signInWithPassword, signInWithRecoveryKey } from './sign-in.ts'
import { createAccount } from './sign-up.ts'
import { unlock } from './unlock.ts'

let server: MemoryServer
beforeEach(() => (server = new MemoryServer()))

const soft = (behaviour: Partial<SoftBehaviour> = {}) =>
  new SoftAuthenticator({ origin: memoryOrigin, ...behaviour })
const bearer = { transport: 'bearer' } as const
const byPasskey = (authenticator: PasskeyAuthenticator, label?: string) =>
  signUp(server, 'eve', false, {
    way: { kind: 'passkey', authenticator, ...(label === undefined ? {} : { label }) },
  })

/** A device that knows nothing. */
const fresh = () => {
  const { client, setToken } = testClient(server.transport())
  return { context: { client, heads: memoryHeads() }, setToken }
}

/** Signs in on such a device. */
const signInAfresh = async (authenticator: PasskeyAuthenticator) => {
  const { context, setToken } = fresh()
  const signedIn = await signInWithPasskey(context, { authenticator, ...bearer })
  setToken(signedIn.token!)
  return { context, signedIn }
}

/** The same authenticator with another PRF output. */
const giving = (authenticator: SoftAuthenticator, prf: unknown): PasskeyAuthenticator => ({
  create: async (options) => ({ ...(await authenticator.create(options)), prf: undefined }),
  get: async (options) => ({ ...(await authenticator.get(options)), prf: prf as PrfOutput }),
})

describe('a PRF output', () => {
  it('is asked for with one constant input', () => {
    // By: printf %s hearthold/v1/passkey-prf | sha256sum
    const known = 'e80c7f86322ff4080d9829a7d5ef338c785c3e27d4c2d0b76a1459a2690629c0'
    expect(toHex(passkeyPrfSalt())).toBe(known)
  })

  it('is 32 bytes, copied', () => {
    const bytes = randomBytes(32)
    for (const given of [bytes, bytes.buffer]) {
      const secret = passkeySecret(given)
      expect(secret).toEqual(bytes)
      expect(secret.buffer).not.toBe(bytes.buffer)
    }
  })

  const wrongs: [string, unknown, 'absent' | 'malformed'][] = [
    ['undefined', undefined, 'absent'],
    ['null', null, 'absent'],
    ['no bytes', new ArrayBuffer(0), 'malformed'],
    ['31 bytes', randomBytes(31), 'malformed'],
    ['64 bytes', randomBytes(64), 'malformed'],
    ['zeros', new Uint8Array(32), 'malformed'],
    ['base64url', toB64(randomBytes(32)), 'malformed'],
    ['what JSON makes of a buffer', {}, 'malformed'],
    ['an array', [...randomBytes(32)], 'malformed'],
  ]
  it.each(wrongs)('is never made from %s', (_what, given, reason) => {
    expect(() => passkeySecret(given)).toThrow(new PasskeyPrfError(reason))
  })
})

describe('a sign-up by passkey', () => {
  it('makes an account that the passkey alone signs in to and unlocks', async () => {
    const authenticator = soft()
    const { member, created } = await byPasskey(authenticator, 'My phone')
    expect(authenticator.ran).toEqual(['create'])
    expect(created.backupCodes).toEqual([])
    const { id } = authenticator.credentials[0]!
    expect(toHex(created.unlockBy.id)).toBe(toHex(passkeyId(fromB64(id))))
    expect((await listMethods(member)).map(({ type }) => type).toSorted()).toEqual([
      'passkey',
      'recovery',
    ])
    const { context, signedIn } = await signInAfresh(authenticator)
    expect(signedIn).toMatchObject({ account: created.account, locked: undefined })
    const again = await unlock(context, signedIn, signedIn.unlockBy!)
    expect(again.keys.accountKey).toEqual(member.keys.accountKey)
    expect(await listPasskeys(again)).toMatchObject([
      { label: 'My phone', canUnlock: true, current: true },
    ])
  })

  it('asks once more where creating gives no PRF output', async () => {
    const authenticator = soft({ prf: 'at-get' })
    await byPasskey(authenticator)
    expect(authenticator.ran).toEqual(['create', 'get'])
    const { context, signedIn } = await signInAfresh(authenticator)
    await unlock(context, signedIn, signedIn.unlockBy!)
  })

  it.each([
    ['gives no PRF output', () => soft({ prf: 'never' }), 'absent'],
    ['gives an empty one', () => giving(soft(), new ArrayBuffer(0)), 'malformed'],
    ['gives zeros', () => giving(soft(), new Uint8Array(32)), 'malformed'],
  ] as const)('is not made where the passkey %s', async (_what, authenticator, reason) => {
    let kept = false
    const { client } = testClient(server.transport())
    const made = createAccount(
      { client, heads: memoryHeads() },
      {
        pass: { invitation: 'i'.repeat(43) },
        name: 'eve',
        way: { kind: 'passkey', authenticator: authenticator() },
        deviceLabel: 'x',
        deviceMethod: true,
        keepRecoveryKey: () => Promise.resolve(void (kept = true)),
        ...bearer,
      },
    )
    await expect(made).rejects.toThrow(new PasskeyPrfError(reason))
    expect(kept).toBe(false)
    expect(server.calls).not.toContain('finishSignUp')
  })

  it('is not made when the person cancels', async () => {
    const cancelled = new DOMException('cancelled', 'NotAllowedError')
    const made = byPasskey({
      ...giving(soft(), undefined),
      create: () => Promise.reject(cancelled),
    })
    await expect(made).rejects.toBe(cancelled)
    expect(server.accounts).toEqual([])
  })

  it('names the account to the authenticator by a handle that tells nothing', async () => {
    const authenticator = soft()
    const { created } = await byPasskey(authenticator)
    const handle = toB64(passkeyUserHandle(fromHex(created.account)))
    expect(authenticator.credentials[0]!.userHandle).toBe(handle)
    expect(authenticator.credentials[0]!.userHandle).not.toContain(created.account)
  })
})

describe('what is sent', () => {
  it('never holds a PRF output, whatever the page hands in', async () => {
    const authenticator = soft()
    const secrets: string[] = []
    const note = <T extends { prf: PrfOutput }>(given: T) => {
      const bytes = new Uint8Array(given.prf!)
      secrets.push(toB64(bytes), toHex(bytes))
      // As a careless page would: the whole of toJSON() beside the fields.
      const results = { first: toB64(bytes) }
      return { ...given, clientExtensionResults: { prf: { enabled: true, results } }, results }
    }
    const careless: PasskeyAuthenticator = {
      create: async (options) => note(await authenticator.create(options)),
      get: async (options) => note(await authenticator.get(options)),
    }
    const wire: string[] = []
    const { transport } = server
    server.transport = () => {
      const real = transport.call(server)
      return {
        ...real,
        request: (request) => {
          wire.push(new TextDecoder().decode(request.body as Uint8Array | undefined))
          return real.request(request)
        },
      }
    }
    const { member, context } = await byPasskey(careless)
    await signInAfresh(careless)
    await provePasskeyAgain(context, careless)
    authenticator.credentials.splice(0)
    await addPasskey(member, { authenticator: careless, label: 'Second' })
    expect(secrets.length).toBe(8)
    expect(server.passkeys.sent.length).toBe(4)
    const sent = wire.join('\n')
    expect(sent).toContain('clientDataJSON')
    for (const secret of secrets) expect(sent).not.toContain(secret)
    expect(sent).not.toContain('clientExtensionResults')
  })
})

describe('a sign-in by passkey', () => {
  it('without PRF output signs in and leaves unlocking to another method', async () => {
    const authenticator = soft()
    const { recoveryKey } = await byPasskey(authenticator)
    authenticator.behaviour.prf = 'never'
    const { signedIn } = await signInAfresh(authenticator)
    expect(signedIn).toMatchObject({ unlockBy: undefined, locked: 'no-prf' })
    const other = fresh()
    const byPaper = await signInWithRecoveryKey(other.context, { recoveryKey, ...bearer })
    other.setToken(byPaper.token!)
    await unlock(other.context, byPaper, byPaper.unlockBy)
  })

  it('stops at a PRF output that is none, and proves nothing to the server', async () => {
    const authenticator = soft()
    await byPasskey(authenticator)
    const wrong = giving(authenticator, randomBytes(16))
    await expect(signInAfresh(wrong)).rejects.toThrow(new PasskeyPrfError('malformed'))
    expect(server.calls).not.toContain('finishPasskeySignIn')
  })

  it('with the PRF output of another input opens nothing', async () => {
    const authenticator = soft()
    await byPasskey(authenticator)
    const { context, signedIn } = await signInAfresh(giving(authenticator, randomBytes(32)))
    await expect(unlock(context, signedIn, signedIn.unlockBy!)).rejects.toBeInstanceOf(
      IntegrityError,
    )
  })

  it("into another member's account, as a lying server answers, opens nothing", async () => {
    const authenticator = soft()
    await byPasskey(authenticator)
    const { created: victim } = await signUp(server, 'ada')
    server.change = (name, answer) => {
      const { account, log } = victim
      return name === 'finishPasskeySignIn' ? { ...(answer as object), account, log } : answer
    }
    const { context, signedIn } = await signInAfresh(authenticator)
    expect(signedIn.account).toBe(victim.account)
    await expect(unlock(context, signedIn, signedIn.unlockBy!)).rejects.toBeInstanceOf(
      IntegrityError,
    )
  })

  it('fails for a passkey that the server does not know', async () => {
    const authenticator = soft()
    await byPasskey(authenticator)
    server.passkeys.known.splice(0)
    await expect(signInAfresh(authenticator)).rejects.toMatchObject({ code: 'sign_in_failed' })
  })

  it('in a session gives what unlocks, too', async () => {
    const authenticator = soft()
    const { context, created } = await byPasskey(authenticator)
    const proof = await provePasskeyAgain(context, authenticator)
    expect(proof).toMatchObject({ account: created.account, log: created.log, locked: undefined })
    await unlock(context, proof, proof.unlockBy!)
  })
})

describe('the passkeys of an account', () => {
  it('are added with a label, renamed, and removed with new keys', async () => {
    const { member } = await signUp(server, 'ada')
    const authenticator = soft()
    const added = await addPasskey(member, { authenticator, label: '  Kitchen tablet ' })
    expect(added.canUnlock).toBe(true)
    expect(await listPasskeys(member)).toMatchObject([{ id: added.id, label: 'Kitchen tablet' }])
    await renamePasskey(member, added.id, 'Tablet 🌲')
    expect(JSON.stringify(server.passkeys.known)).not.toContain('ablet')
    const { context, signedIn } = await signInAfresh(authenticator)
    const other = await unlock(context, signedIn, signedIn.unlockBy!)
    expect((await listPasskeys(other))[0]!.label).toBe('Tablet 🌲')
    const before = member.keys.accountKey
    await removePasskey(member, added.id)
    expect(member.keys.accountKey).not.toEqual(before)
    expect(await listPasskeys(member)).toEqual([])
    await expect(signInAfresh(authenticator)).rejects.toMatchObject({ code: 'sign_in_failed' })
  })

  it('keep their labels through a rotation', async () => {
    const { member } = await signUp(server, 'ada')
    const one = await addPasskey(member, { authenticator: soft(), label: 'One' })
    const two = await addPasskey(member, { authenticator: soft(), label: 'Two' })
    await removePasskey(member, one.id)
    expect(await listPasskeys(member)).toMatchObject([{ id: two.id, label: 'Two' }])
  })

  it('without PRF only sign in, in no signed state, and are removed without new keys', async () => {
    const { member } = await signUp(server, 'ada')
    const methods = await listMethods(member)
    const authenticator = soft({ prf: 'never' })
    const added = await addPasskey(member, { authenticator, label: 'Old key' })
    expect(added.canUnlock).toBe(false)
    expect(await listMethods(member)).toEqual(methods)
    expect(await listPasskeys(member)).toMatchObject([{ label: 'Old key', canUnlock: false }])
    const { signedIn } = await signInAfresh(authenticator)
    expect(signedIn).toMatchObject({ unlockBy: undefined, locked: 'sign-in-only' })
    const before = member.keys.accountKey
    await removePasskey(member, added.id)
    expect(member.keys.accountKey).toEqual(before)
    expect(await listPasskeys(member)).toEqual([])
  })

  it.each(['', '   ', 'x'.repeat(201)])('take no label of %j', async (label) => {
    const { member } = await signUp(server, 'ada')
    const authenticator = soft()
    await expect(addPasskey(member, { authenticator, label })).rejects.toThrow(RangeError)
    expect(authenticator.ran).toEqual([])
  })

  it('show no label that another account, passkey or server wrote', async () => {
    const { member } = await signUp(server, 'ada')
    await addPasskey(member, { authenticator: soft(), label: 'One' })
    await addPasskey(member, { authenticator: soft(), label: 'Two' })
    const [one, two] = server.passkeys.known
    ;[one!.label, two!.label] = [two!.label, 'AAAA']
    expect((await listPasskeys(member)).map(({ label }) => label)).toEqual([undefined, undefined])
  })

  it('are asked of the browser only after the server has found the proof fresh enough', async () => {
    const { member } = await signUp(server, 'ada')
    server.before = (name) => {
      if (name === 'startPasskeyChange') throw new ProblemError('step_up_needed')
    }
    const authenticator = soft()
    const added = addPasskey(member, { authenticator, label: 'x' })
    await expect(added).rejects.toMatchObject({ code: 'step_up_needed' })
    expect(authenticator.ran).toEqual([])
  })

  it('cannot all go: one method stays beside the recovery key', async () => {
    const { member, created } = await byPasskey(soft())
    const removed = removePasskey(member, toHex(created.unlockBy.id))
    await expect(removed).rejects.toMatchObject({ code: 'method_required' })
    await expect(removePasskey(member, toHex(randomId()))).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('a password for an account without one', () => {
  const add = (member: Parameters<typeof addPassword>[0]) =>
    addPassword(member, {
      password: testPassword,
      keepTotp: () => Promise.resolve('123456'),
    })

  it('comes with its authenticator and backup codes, and the passkey may then go', async () => {
    const { member, created } = await byPasskey(soft())
    const { backupCodes } = await add(member)
    expect(backupCodes).toEqual(['BBBBB-BBBBB'])
    const { context, setToken } = fresh()
    const signedIn = await signInWithPassword(context, {
      name: 'eve',
      password: testPassword,
      secondFactor: () => Promise.resolve('123456'),
      ...bearer,
    })
    setToken(signedIn.token!)
    const byPassword = await unlock(context, signedIn, signedIn.unlockBy, created.device)
    await removeMethod(byPassword, toHex(created.unlockBy.id))
    expect(server.passkeys.known).toEqual([])
  })

  it('is not added where the authenticator was not kept, nor twice', async () => {
    const { member } = await byPasskey(soft())
    const failing = addPassword(member, {
      password: testPassword,
      keepTotp: () => Promise.reject(new Error('cancelled')),
    })
    await expect(failing).rejects.toThrow('cancelled')
    expect((await listMethods(member)).map(({ type }) => type)).not.toContain('password')
    await add(member)
    await expect(add(member)).rejects.toMatchObject({ code: 'bad_request' })
  })
})
