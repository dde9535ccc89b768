import { toHex } from '@hearthold/crypto'
import {
  addDeviceMethod,
  bindDevice,
  changePassword,
  createShare,
  enrolDevice,
  forgetDevice,
  listDevices,
  listMethods,
  listShares,
  makeFolder,
  openShare,
  provePasswordAgain,
  removeMethod,
  replaceRecoveryKey,
  revokeDevice,
  signInWithDevice,
  signInWithPassword,
  signInWithRecoveryKey,
  unlock,
} from '@hearthold/member'
import { getSession } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FlowServer, type Person, signInElsewhere, startFlowServer } from './flow-server.ts'

const bearer = { transport: 'bearer' } as const

let server: FlowServer
let ada: Person
beforeAll(async () => {
  server = await startFlowServer()
  ada = await server.host()
})
afterAll(() => server.stop())

describe('accounts at a real server', () => {
  it('are made by set-up and by invitation, and see nothing of each other', async () => {
    const bob = await server.invited(ada, 'bob')
    expect(bob.created.role).toBe('member')
    expect(ada.created.role).toBe('host')
    expect(ada.created.backupCodes).toHaveLength(10)
    const share = await createShare(ada.member, 'private')
    expect(await listShares(bob.member)).toEqual([])
    await expect(openShare(bob.member, share.log)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('open by password and code, by recovery key alone, and by device', async () => {
    const eve = await server.invited(ada, 'eve')
    const key = eve.member.keys.accountKey
    const { member } = await signInElsewhere(server, eve)
    expect(member.keys.accountKey).toEqual(key)
    const wrong = { name: 'eve', password: 'not this password', secondFactor: eve.code, ...bearer }
    await expect(signInWithPassword(server.device().context, wrong)).rejects.toMatchObject({
      code: 'sign_in_failed',
    })

    const paper = server.device()
    const byPaper = await signInWithRecoveryKey(paper.context, {
      recoveryKey: eve.recoveryKey,
      ...bearer,
    })
    paper.setToken(byPaper.token)
    expect((await unlock(paper.context, byPaper, byPaper.unlockBy)).keys.accountKey).toEqual(key)

    const { account, unlockBy } = eve.created
    const again = server.device()
    const byDevice = await signInWithDevice(again.context, {
      account,
      method: toHex(unlockBy.id),
      secret: unlockBy.secret,
      ...bearer,
    })
    again.setToken(byDevice.token)
    expect((await unlock(again.context, byDevice, byDevice.unlockBy)).keys.accountKey).toEqual(key)
  })

  it('come back on a new device by the recovery key, which is then replaced', async () => {
    const dan = await server.invited(ada, 'dan')
    const share = await createShare(dan.member, 'kept')
    await makeFolder(share, '/inside')
    const device = server.device()
    const signedIn = await signInWithRecoveryKey(device.context, {
      recoveryKey: dan.recoveryKey,
      ...bearer,
    })
    device.setToken(signedIn.token)
    const member = await unlock(device.context, signedIn, signedIn.unlockBy)
    await enrolDevice(member, 'second')
    await bindDevice(member, signedIn.session)
    let kept = ''
    await replaceRecoveryKey(member, (text) => Promise.resolve(void (kept = text)))
    const [summary] = await listShares(member)
    expect(summary).toMatchObject({ name: 'kept', nodes: 1 })
    expect((await openShare(member, share.log)).view.epoch).toBe(2)
    await expect(
      signInWithRecoveryKey(server.device().context, { recoveryKey: dan.recoveryKey, ...bearer }),
    ).rejects.toMatchObject({ code: 'sign_in_failed' })
    const third = server.device()
    expect(
      (await signInWithRecoveryKey(third.context, { recoveryKey: kept, ...bearer })).account,
    ).toBe(dan.created.account)
  })

  it('change their password after a fresh proof, which ends the other sessions', async () => {
    const fay = await server.invited(ada, 'fay')
    const other = await signInElsewhere(server, fay)
    server.advance(11 * 60_000)
    const password = 'a quite different password'
    await expect(changePassword(fay.member, { password })).rejects.toMatchObject({
      code: 'step_up_needed',
    })
    await provePasswordAgain(fay.device.context, fay.password)
    const { sessionsEnded } = await changePassword(fay.member, { password })
    expect(sessionsEnded).toBeGreaterThanOrEqual(1)
    await expect(other.device.client.call(getSession)).rejects.toMatchObject({
      code: 'unauthenticated',
    })
    const again = await signInElsewhere(server, { ...fay, password })
    expect(again.member.keys.accountKey).toEqual(fay.member.keys.accountKey)
  })

  it('forget and revoke devices; a revoked one neither reads nor writes what comes after', async () => {
    const gus = await server.invited(ada, 'gus')
    const share = await createShare(gus.member, 'work')
    await makeFolder(share, '/before')
    const { member, signedIn } = await signInElsewhere(server, gus)
    const laptop = await enrolDevice(member, 'laptop')
    await bindDevice(member, signedIn.session)
    await addDeviceMethod(member)
    expect(await listDevices(member)).toMatchObject([
      { label: "gus's first device" },
      { label: 'laptop', hasMethod: true },
    ])
    await revokeDevice(member, gus.created.device.id)
    expect((await listMethods(member)).map(({ type }) => type).toSorted()).toEqual([
      'device',
      'password',
      'recovery',
    ])
    const fresh = await openShare(member, share.log)
    expect(fresh.view.epoch).toBe(2)
    await makeFolder(fresh, '/after')
    await expect(makeFolder(share, '/late')).rejects.toMatchObject({
      code: expect.stringMatching(/unauthenticated|device_unknown/),
    })
    await forgetDevice(member, laptop.id)
    expect(member.device).toBeUndefined()
  })

  it('remove a password with a code, and keep what is required', async () => {
    const hal = await server.invited(ada, 'hal')
    const methods = await listMethods(hal.member)
    const password = methods.find(({ type }) => type === 'password')!
    await removeMethod(hal.member, password.id, await hal.code())
    expect(hal.member.keys.generation).toBe(2)
    const left = await listMethods(hal.member)
    const device = left.find(({ type }) => type === 'device')!
    await expect(removeMethod(hal.member, device.id)).rejects.toMatchObject({
      code: 'method_required',
    })
  })
})
