/** Sign-up without an invitation by the real command line: closed, with approval, open. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import { fails, newAccountFlags, setUpHost, signInFlags, startHouse, type House } from './house.ts'

type Request = { name: string; account: string; askedAt: number; expiresAt: number }

let house: House
let ada: DemoDevice
beforeAll(async () => {
  house = await startHouse()
  ada = await setUpHost(house, 'ada')
})
afterAll(() => house.stop())

const requests = async (): Promise<string[]> =>
  (await ada.json<{ requests: Request[] }>('members', 'requests')).requests.map(({ name }) => name)
const memberNames = async (): Promise<string[]> =>
  (await ada.json<{ members: { name: string }[] }>('members')).members.map(({ name }) => name)
const signUp = async (name: string) => {
  const device = await house.device(name)
  return { device, words: ['sign-up', ...newAccountFlags(device, name)] }
}

describe('registration', () => {
  it('is closed, and says so before anything is made', async () => {
    expect(await ada.json('registration')).toEqual({
      ...{ registration: 'closed', quotaBytes: null, waiting: 0 },
    })
    const { device, words } = await signUp('bea')
    expect(await fails(device, ...words)).toMatchObject({
      exit: 1,
      error: { code: 'registration_closed' },
    })
    expect(existsSync(device.secret('recovery-key'))).toBe(false)
    expect((await fails(ada, 'registration', 'ajar')).exit).toBe(2)
  })

  it('with approval: an account waits, signs in once it is approved, and only then', async () => {
    const set = ['registration', 'approval', '--quota', '2GiB']
    expect(await ada.json(...set)).toMatchObject({ registration: 'approval', quotaBytes: 2 ** 31 })
    const { device, words } = await signUp('bea')
    const made = await device.run(...words)
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toMatch(/^The account is made, and waits for a host of /)
    expect((await fails(device, 'whoami')).exit).toBe(3)
    const proof = ['sign-in', ...signInFlags(device, 'bea')]
    expect(await fails(device, ...proof)).toMatchObject({
      exit: 3,
      error: { code: 'approval_pending' },
    })
    expect([await requests(), await memberNames()]).toEqual([['bea'], ['ada']])
    expect((await ada.run('registration')).stdout).toContain('1 waiting')
    expect((await fails(ada, 'members', 'approve', 'nobody')).exit).toBe(4)
    await ada.json('members', 'approve', 'BEA')
    expect([await requests(), await memberNames()]).toEqual([[], ['ada', 'bea']])
    const keys = ['--recovery-key-file', device.secret('recovery-key')]
    const next = ['--recovery-key-out', device.secret('recovery-key-2')]
    expect(await device.json('sign-in', ...keys, ...next)).toMatchObject({
      ...{ name: 'bea', role: 'member', unlocked: true },
    })
    expect((await device.run('share', 'create', 'Papers')).code).toBe(0)
  })

  it('with approval: what a host denies is gone, and its name is free', async () => {
    const { device, words } = await signUp('cid')
    expect(await device.json(...words)).toMatchObject({ name: 'cid', backupCodes: 10 })
    const { words: again, device: other } = await signUp('cid-again')
    const asCid = again.map((word) => (word === 'cid-again' ? 'cid' : word))
    expect((await fails(other, ...asCid)).error.code).toBe('name_taken')
    await ada.json('members', 'deny', 'cid')
    expect([await requests(), await memberNames()]).toEqual([[], ['ada', 'bea']])
    expect(await fails(device, 'sign-in', ...signInFlags(device, 'cid'))).toMatchObject({
      exit: 3,
      error: { code: 'sign_in_failed' },
    })
    expect(existsSync(other.secret('recovery-key'))).toBe(false)
  })

  it('open: lets anybody in at once, three from one address', async () => {
    await ada.json('registration', 'open', '--quota', 'none')
    const { device, words } = await signUp('new-cid')
    const asCid = words.map((word) => (word === 'new-cid' ? 'cid' : word))
    expect((await device.run(...asCid)).stdout).toMatch(/^Welcome, cid: signed in and unlocked /)
    expect(await device.json('whoami')).toMatchObject({ name: 'cid', role: 'member' })
    const fourth = await signUp('dora')
    expect(await fails(fourth.device, ...fourth.words)).toMatchObject({
      exit: 1,
      error: { code: 'rate_limited' },
    })
    expect(existsSync(fourth.device.secret('recovery-key'))).toBe(false)
  })
})
