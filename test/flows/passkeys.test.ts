/** Passkeys from both ends: packages/member and an authenticator in software against the real server. */
import { createInvitation, getInstance, getSession, replaceBackupCodes } from '@hearthold/contract'
import {
  addPasskey,
  addPassword,
  bindDevice,
  type CreateAccountOptions,
  createAccount,
  createShare,
  listMethods,
  listPasskeys,
  listShares,
  type PasskeyReader,
  provePasskeyAgain,
  removeMethod,
  removePasskey,
  renamePasskey,
  replaceRecoveryKey,
  signInWithPasskey,
  signInWithRecoveryKey,
  totpCode,
  unlock,
} from '@hearthold/member'
import { toHex } from '@hearthold/crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoftAuthenticator, type SoftBehaviour } from '../passkeys/soft-authenticator.ts'
import { type FlowServer, type Person, startFlowServer } from './flow-server.ts'

let server: FlowServer
let host: Person
beforeAll(async () => {
  server = await startFlowServer()
  host = await server.host()
})
afterAll(() => server.stop())

const soft = (behaviour: Partial<SoftBehaviour> = {}) =>
  new SoftAuthenticator({ origin: server.origin, ...behaviour })

let count = 0
/** A new member who has a passkey and no password. */
const newMember = async (
  authenticator: SoftAuthenticator,
  more: Partial<CreateAccountOptions> = {},
) => {
  const device = server.device()
  const { invitation } = await host.device.client.call(createInvitation, {
    body: { role: 'member', uses: 1, validHours: 1 },
  })
  let recoveryKey = ''
  const created = await createAccount(device.context, {
    pass: { invitation },
    name: `eve ${++count}`,
    way: { kind: 'passkey', authenticator, label: 'Phone' },
    deviceLabel: 'browser',
    keepRecoveryKey: (text) => Promise.resolve(void (recoveryKey = text)),
    transport: 'bearer',
    ...more,
  })
  device.setToken(created.token)
  const member = await unlock(device.context, created, created.unlockBy, created.device)
  return { device, created, member, recoveryKey }
}

/** Signs in on a device that knows nothing. */
const elsewhere = async (authenticator: PasskeyReader) => {
  const device = server.device()
  const signedIn = await signInWithPasskey(device.context, { authenticator, transport: 'bearer' })
  device.setToken(signedIn.token)
  return { device, signedIn }
}

it('the server says that it offers passkeys', async () => {
  expect((await host.device.client.call(getInstance)).passkeys).toBe(true)
})

describe.each(['ES256', 'EdDSA'] as const)('a member with a passkey of %s only', (algorithm) => {
  it('reads their data on a device that knows nothing, by the passkey or the recovery key', async () => {
    const authenticator = soft({ algorithm, prf: 'at-get' })
    const { created, member, recoveryKey } = await newMember(authenticator)
    await createShare(member, 'Letters')
    const { device, signedIn } = await elsewhere(authenticator)
    expect(signedIn.account).toBe(created.account)
    const there = await unlock(device.context, signedIn, signedIn.unlockBy!)
    expect((await listShares(there)).map(({ name }) => name)).toEqual(['Letters'])

    const byPaper = server.device()
    const signed = await signInWithRecoveryKey(byPaper.context, {
      recoveryKey,
      transport: 'bearer',
    })
    byPaper.setToken(signed.token)
    const recovered = await unlock(byPaper.context, signed, signed.unlockBy)
    expect((await listShares(recovered)).map(({ name }) => name)).toEqual(['Letters'])
  })
})

describe('the passkeys of a member', () => {
  it('come and go with fresh proofs', async () => {
    const first = soft()
    const { device, member, created } = await newMember(first)
    await bindDevice(member, created.session!)
    server.advance(11 * 60_000)
    const second = soft()
    const wanted = { authenticator: second, label: 'Laptop' }
    await expect(addPasskey(member, wanted)).rejects.toMatchObject({ code: 'step_up_needed' })
    expect(second.ran).toEqual([])
    const proof = await provePasskeyAgain(device.context, first)
    expect(proof).toMatchObject({ account: created.account, locked: undefined })
    const added = await addPasskey(member, wanted)
    const signInOnly = await addPasskey(member, {
      authenticator: soft({ prf: 'never' }),
      label: 'Old key',
    })
    await renamePasskey(member, added.id, 'Work laptop')
    expect((await listPasskeys(member)).map(({ label, canUnlock }) => [label, canUnlock])).toEqual(
      expect.arrayContaining([
        ['Phone', true],
        ['Work laptop', true],
        ['Old key', false],
      ]),
    )
    await removePasskey(member, signInOnly.id)
    // The one that made the account may go: another one is left.
    const { device: other, signedIn } = await elsewhere(second)
    const bySecond = await unlock(other.context, signedIn, signedIn.unlockBy!, created.device)
    await removePasskey(bySecond, toHex(created.unlockBy.id))
    await expect(elsewhere(first)).rejects.toMatchObject({ code: 'sign_in_failed' })
    expect((await listMethods(bySecond)).map(({ type }) => type).toSorted()).toEqual([
      'passkey',
      'recovery',
    ])
    await expect(removePasskey(bySecond, added.id)).rejects.toMatchObject({
      code: 'method_required',
    })
  })

  it('stand beside a password, and replace a lost authenticator', async () => {
    const authenticator = soft()
    const ben = await server.invited(host, 'ben')
    await addPasskey(ben.member, { authenticator, label: 'Phone' })
    const { device, signedIn } = await elsewhere(authenticator)
    const { hasPassword, hasPasskey, session } = await device.client.call(getSession)
    expect([hasPassword, hasPasskey, session.method]).toEqual([true, true, 'passkey'])
    const there = await unlock(device.context, signedIn, signedIn.unlockBy!)
    expect(there.keys.accountKey).toEqual(ben.member.keys.accountKey)
    // By password alone this asks for a code of the authenticator.
    const { backupCodes } = await device.client.call(replaceBackupCodes, { body: {} })
    expect(backupCodes.length).toBe(10)
  })

  it('that only sign in leave unlocking to another method', async () => {
    const ben = await server.invited(host, 'cem')
    const authenticator = soft({ prf: 'never' })
    await addPasskey(ben.member, { authenticator, label: 'Old key' })
    const { signedIn } = await elsewhere(authenticator)
    expect(signedIn).toMatchObject({ unlockBy: undefined, locked: 'sign-in-only' })
  })
})

describe('a member without a password', () => {
  it('adds one with an authenticator later, and may then drop the passkey', async () => {
    const authenticator = soft()
    const { member, created, recoveryKey } = await newMember(authenticator)
    const { backupCodes } = await addPassword(member, {
      password: 'a first long password',
      keepTotp: ({ secret }) => {
        const made = totpCode(secret, member.context.now!())
        return 'code' in made ? Promise.resolve(made.code) : Promise.reject(new Error('no code'))
      },
    })
    expect(backupCodes.length).toBe(10)
    const device = server.device()
    const signedIn = await signInWithRecoveryKey(device.context, {
      recoveryKey,
      transport: 'bearer',
    })
    device.setToken(signedIn.token)
    const there = await unlock(device.context, signedIn, signedIn.unlockBy, created.device)
    await replaceRecoveryKey(there, () => Promise.resolve())
    await removeMethod(there, toHex(created.unlockBy.id))
    expect((await listMethods(there)).map(({ type }) => type).toSorted()).toEqual([
      'password',
      'recovery',
    ])
    await expect(elsewhere(authenticator)).rejects.toMatchObject({ code: 'sign_in_failed' })
    expect((await device.client.call(getSession)).hasPasskey).toBe(false)
  })
})
