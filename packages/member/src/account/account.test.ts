import { NetworkError } from '@hearthold/client'
import { generateSigningSeed, toHex } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createShare } from '../files/share-writer.ts'
import { openShare } from '../files/share.ts'
import { listShares } from '../files/share-list.ts'
import { memoryHeads } from '../logs/known-heads.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, testClient, testPassword } from '../test-member.oracle.ts'
import { bindDevice, enrolDevice, forgetDevice, listDevices, revokeDevice } from './devices.ts'
import {
  addDeviceMethod,
  changePassword,
  listMethods,
  removeMethod,
  replaceRecoveryKey,
} from './methods.ts'
import {
  provePasswordAgain,
  signInWithDevice,
  signInWithPassword,
  signInWithRecoveryKey,
} from './sign-in.ts'
import { refresh, unlock } from './unlock.ts'

/** Another device of the same person: no memory, no keys. */
const freshDevice = (server: MemoryServer) => {
  const { client, setToken } = testClient(server.transport())
  return { context: { client, heads: memoryHeads() }, setToken }
}

const bearer = { transport: 'bearer' } as const

let server: MemoryServer
beforeEach(() => {
  server = new MemoryServer()
})

describe('an account', () => {
  it('is made, unlocked, and shows its device and methods', async () => {
    const { member, created, recoveryKey } = await signUp(server)
    expect(member.keys.generation).toBe(1)
    expect(member.keys.counter).toBe(2)
    expect(member.account.view.instanceKey).toEqual(server.logs.instanceKey)
    expect(member.account.replica.refused).toEqual([])
    expect(recoveryKey).toMatch(/^([0-9A-Z]{4}-){8}[0-9A-Z]{4}$/)
    expect((await listMethods(member)).map(({ type }) => type).sort()).toEqual([
      'device',
      'password',
      'recovery',
    ])
    const [device] = await listDevices(member)
    expect(device).toMatchObject({
      id: created.device.id,
      label: 'first device',
      current: true,
      hasMethod: true,
    })
    expect(await member.account.openName(member.keys.keyring)).toBe('ada')
    const named = await signUp(server, 'ben', true, { displayName: 'Ben Ek 🌲' })
    expect(await named.member.account.openName(named.member.keys.keyring)).toBe('Ben Ek 🌲')
  })

  it('is not made when the recovery key could not be kept', async () => {
    const { client } = testClient(server.transport())
    const { createAccount } = await import('./sign-up.ts')
    const failing = createAccount(
      { client, heads: memoryHeads() },
      {
        pass: { invitation: 'i'.repeat(43) },
        name: 'eve',
        way: {
          kind: 'password',
          password: testPassword,
          keepTotp: () => Promise.resolve('123456'),
        },
        deviceLabel: 'x',
        keepRecoveryKey: () => Promise.reject(new Error('disk full')),
        ...bearer,
      },
    )
    await expect(failing).rejects.toThrow('disk full')
    expect(server.calls).not.toContain('finishSignUp')
    expect(server.accounts).toEqual([])
  })

  it('unlocks by password, recovery key and device method on a device without memory', async () => {
    const { created, recoveryKey, member } = await signUp(server)
    const byPassword = freshDevice(server)
    const one = await signInWithPassword(byPassword.context, {
      name: 'ada',
      password: testPassword,
      secondFactor: () => Promise.resolve('123456'),
      ...bearer,
    })
    byPassword.setToken(one.token!)
    const first = await unlock(byPassword.context, one, one.unlockBy)
    expect(first.keys.accountKey).toEqual(member.keys.accountKey)
    expect(first.device).toBeUndefined()

    const byPaper = freshDevice(server)
    const two = await signInWithRecoveryKey(byPaper.context, {
      recoveryKey: recoveryKey.toLowerCase(),
      ...bearer,
    })
    byPaper.setToken(two.token!)
    expect((await unlock(byPaper.context, two, two.unlockBy)).keys.accountKey).toEqual(
      member.keys.accountKey,
    )

    const byDevice = freshDevice(server)
    const { id, secret } = created.unlockBy
    const three = await signInWithDevice(byDevice.context, {
      account: created.account,
      method: toHex(id),
      secret,
      ...bearer,
    })
    byDevice.setToken(three.token!)
    expect((await unlock(byDevice.context, three, three.unlockBy)).keys.accountKey).toEqual(
      member.keys.accountKey,
    )
  })

  it('refuses a wrong password and an unknown name alike', async () => {
    await signUp(server)
    const { context } = freshDevice(server)
    const secondFactor = () => Promise.resolve('123456')
    const wrong = { name: 'ada', password: 'not the right one', secondFactor, ...bearer }
    await expect(signInWithPassword(context, wrong)).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
    const unknown = { name: 'nobody', password: testPassword, secondFactor, ...bearer }
    await expect(signInWithPassword(context, unknown)).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
  })

  it('proves the password again on a signed-in device', async () => {
    const { context, member } = await signUp(server)
    const { unlockBy, log } = await provePasswordAgain(context, testPassword)
    expect(log).toBe(member.account.log)
    expect(
      (
        await unlock(
          context,
          member.account.log === log ? { account: member.accountId, log } : never(),
          unlockBy,
        )
      ).keys.counter,
    ).toBe(2)
    await expect(provePasswordAgain(context, 'something else!')).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
  })
})

const never = (): never => {
  throw new Error('unreachable')
}

describe('methods', () => {
  it('replaces the recovery key after it was kept, with new keys and a fence in every share', async () => {
    const { member, recoveryKey } = await signUp(server)
    const share = await createShare(member, 'docs')
    let kept = ''
    await replaceRecoveryKey(member, (text) => {
      expect(server.calls.at(-1)).not.toBe('appendAccount')
      kept = text
      return Promise.resolve()
    })
    expect(kept).not.toBe(recoveryKey)
    expect(member.keys.generation).toBe(2)
    expect(share.view.epoch).toBe(2)
    const { context } = freshDevice(server)
    await expect(signInWithRecoveryKey(context, { recoveryKey, ...bearer })).rejects.toMatchObject({
      code: 'sign_in_failed',
    })
    const again = freshDevice(server)
    const signedIn = await signInWithRecoveryKey(again.context, { recoveryKey: kept, ...bearer })
    again.setToken(signedIn.token!)
    const other = await unlock(again.context, signedIn, signedIn.unlockBy)
    expect(other.keys.accountKey).toEqual(member.keys.accountKey)
    expect(await listShares(other)).toMatchObject([{ name: 'docs' }])
  })

  it('changes the password without rotating, and with it when asked', async () => {
    const { member } = await signUp(server)
    const before = member.keys.accountKey
    await changePassword(member, { password: 'another long password' })
    expect(member.keys.accountKey).toEqual(before)
    await changePassword(member, { password: 'yet another password', rotate: true })
    expect(member.keys.accountKey).not.toEqual(before)
    const { context, setToken } = freshDevice(server)
    const signedIn = await signInWithPassword(context, {
      name: 'ada',
      password: 'yet another password',
      secondFactor: () => Promise.resolve('1'.repeat(6)),
      ...bearer,
    })
    setToken(signedIn.token!)
    expect((await unlock(context, signedIn, signedIn.unlockBy)).keys.accountKey).toEqual(
      member.keys.accountKey,
    )
  })

  it('never removes the recovery key or the last other method', async () => {
    const { member } = await signUp(server, 'ada', false)
    const methods = await listMethods(member)
    const idOf = (type: string) => methods.find((method) => method.type === type)!.id
    await expect(removeMethod(member, idOf('recovery'))).rejects.toMatchObject({
      code: 'method_required',
    })
    await expect(removeMethod(member, idOf('password'), '123456')).rejects.toMatchObject({
      code: 'method_required',
    })
    expect(member.keys.generation).toBe(1)
  })

  it('follows a rotation that another device made', async () => {
    const { member } = await signUp(server)
    const { context, setToken } = freshDevice(server)
    const signedIn = await signInWithPassword(context, {
      name: 'ada',
      password: testPassword,
      secondFactor: () => Promise.resolve('123456'),
      ...bearer,
    })
    setToken(signedIn.token!)
    const other = await unlock(context, signedIn, signedIn.unlockBy)
    await enrolDevice(other, 'second')
    await replaceRecoveryKey(other, () => Promise.resolve())
    await refresh(member)
    expect(member.keys.accountKey).toEqual(other.keys.accountKey)
    expect(member.keys.generation).toBe(2)
  })
})

describe('a lost answer', () => {
  it('leaves the keys that went through', async () => {
    const { member } = await signUp(server)
    await createShare(member, 'docs')
    let lost = false
    server.change = (name, answer) => {
      if (name !== 'appendAccount' || lost) return answer
      lost = true
      throw new NetworkError('dropped', 'lost reply')
    }
    await replaceRecoveryKey(member, () => Promise.resolve())
    expect(lost).toBe(true)
    expect(member.keys.generation).toBe(2)
    expect(member.account.state().generation).toBe(2)
    const { context, setToken } = freshDevice(server)
    const signedIn = await signInWithPassword(context, {
      name: 'ada',
      password: testPassword,
      secondFactor: () => Promise.resolve('123456'),
      ...bearer,
    })
    setToken(signedIn.token!)
    const other = await unlock(context, signedIn, signedIn.unlockBy)
    expect(other.keys.accountKey).toEqual(member.keys.accountKey)
    expect(await listShares(other)).toMatchObject([{ name: 'docs' }])
  })
})

describe('devices', () => {
  const second = async (s: MemoryServer) => {
    const { context, setToken } = freshDevice(s)
    const signedIn = await signInWithPassword(context, {
      name: 'ada',
      password: testPassword,
      secondFactor: () => Promise.resolve('123456'),
      ...bearer,
    })
    setToken(signedIn.token!)
    const member = await unlock(context, signedIn, signedIn.unlockBy)
    return { member, session: signedIn.session }
  }

  it('enrols, binds the session, unlocks by itself, and is forgotten', async () => {
    const { member: first } = await signUp(server)
    const { member, session } = await second(server)
    const seed = generateSigningSeed()
    const device = await enrolDevice(member, 'laptop', seed)
    expect(await enrolDevice(member, 'laptop', seed)).toEqual(device)
    await bindDevice(member, session)
    await addDeviceMethod(member)
    expect(await listDevices(first)).toHaveLength(2)
    expect((await listMethods(first)).filter(({ type }) => type === 'device')).toHaveLength(2)
    await forgetDevice(member, device.id)
    expect(member.device).toBeUndefined()
    const devices = await listDevices(first)
    expect(devices[1]).toMatchObject({
      label: 'laptop',
      hasMethod: false,
      retired: { reason: 'forgotten' },
    })
    expect(first.keys.generation).toBe(1)
  })

  it('revokes a lost device in one append, which fences every share', async () => {
    const { member: lost } = await signUp(server)
    await createShare(lost, 'one')
    await createShare(lost, 'two')
    const { member } = await second(server)
    await enrolDevice(member, 'new one')
    server.calls.length = 0
    await revokeDevice(member, lost.device!.id)
    expect(server.calls.filter((name) => name.startsWith('append'))).toEqual(['appendAccount'])
    expect((await listMethods(member)).map(({ type }) => type).sort()).toEqual([
      'password',
      'recovery',
    ])
    for (const { log } of await listShares(member))
      expect((await openShare(member, log)).view.epoch).toBe(2)
    await expect(createShare(lost, 'three')).rejects.toMatchObject({ code: 'device_unknown' })
    await expect(revokeDevice(member, member.device!.id)).rejects.toMatchObject({
      code: 'bad_request',
    })
  })
})
