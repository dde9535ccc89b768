/** What hosts do for others, by the real command line: members, quotas, suspension; and what members see of it. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import {
  fails,
  type House,
  newAccountFlags,
  setUpHost,
  signInFlags,
  signUpGuest,
  startHouse,
} from './house.ts'

let house: House
let ada: DemoDevice
let bea: DemoDevice
beforeAll(async () => {
  house = await startHouse()
  ada = await setUpHost(house, 'Ada')
  bea = await signUpGuest(house, ada, 'bea')
})
afterAll(() => house.stop())

type Member = {
  account: string
  name: string
  role: string
  suspended: boolean
  usedBytes: number
  quotaBytes: number | null
}
type Changed = { member: Member }
type Usage = { usedBytes: number; quotaBytes: number | null; band: number }

const members = async () => (await ada.json<{ members: Member[] }>('members')).members

describe('members', () => {
  it('are listed for hosts alone', async () => {
    const listed = (await members()).map(({ name, role }) => `${name} ${role}`)
    expect(listed.sort()).toEqual(['Ada host', 'bea member'])
    expect((await ada.run('members', 'list')).stdout).toMatch(
      /^Name +Role +Used +Quota +Suspended +Id\n/,
    )
    expect((await fails(bea, 'members')).error.code).toBe('forbidden')
  })

  it('get a quota by name or id, and lose it again', async () => {
    const { member } = await ada.json<Changed>('members', 'quota', 'BEA', '2MiB')
    expect(member).toMatchObject({ name: 'bea', quotaBytes: 2 ** 21 })
    const back = await ada.json<Changed>('members', 'quota', member.account, 'none')
    expect(back.member.quotaBytes).toBe(null)
    expect((await fails(ada, 'members', 'quota', 'eve', '1G')).exit).toBe(4)
    expect((await fails(ada, 'members', 'quota', '0'.repeat(32), '1G')).exit).toBe(4)
    expect((await fails(ada, 'members', 'quota', 'bea', 'much')).exit).toBe(2)
  })

  it('are suspended and let in again', async () => {
    const { stdout } = await ada.run('members', 'suspend', 'bea')
    expect(stdout).toBe('bea is suspended: all sessions have ended, and nothing was deleted.\n')
    expect((await members()).find(({ name }) => name === 'bea')?.suspended).toBe(true)
    expect((await fails(bea, 'whoami')).exit).toBe(3)
    expect((await ada.run('members', 'resume', 'bea')).stdout).toBe('bea may sign in again.\n')
    await bea.json('sign-in', ...signInFlags(bea, 'bea'))
    expect((await fails(ada, 'members', 'suspend', 'eve')).exit).toBe(4)
  })
})

describe('a quota', () => {
  it('is told, and warned of by put where it comes near', async () => {
    expect((await ada.run('usage')).stdout).toMatch(/ used; there is no quota\.\n$/)
    await bea.json('share', 'create', 'Docs')
    await ada.json('members', 'quota', 'bea', '1000000')
    const file = join(house.folder, 'file')
    writeFileSync(file, randomBytes(500_000))
    expect((await bea.run('put', file, 'Docs:/')).stderr).not.toContain('used')
    writeFileSync(file, randomBytes(300_000))
    const near = await bea.run('put', file, 'Docs:/')
    expect([near.code, near.stderr]).toEqual([
      0,
      expect.stringContaining('Three quarters or more are used. hearthold rm --forever'),
    ])
    const usage = await bea.json<Usage>('usage')
    expect(usage).toMatchObject({ quotaBytes: 1_000_000, band: 75 })
    expect(usage.usedBytes).toBeGreaterThan(800_000)
    expect((await bea.run('usage')).stdout).toMatch(/ used \(8\d %\)\.\nThree quarters/)
    const quiet = await bea.run('put', file, 'Docs:/', '--quiet')
    expect([quiet.code, quiet.stderr]).toEqual([0, ''])
    const full = await fails(bea, 'put', file, 'Docs:/', '--force')
    expect(full.error.code).toBe('over_quota')
  })
})

describe('a display name', () => {
  it('is sealed, and shown where the account is open', async () => {
    const invitation = join(house.folder, 'invitation-cid')
    await ada.json('invite', '--out', invitation)
    const cid = await house.device('cid')
    const flags = ['--invite-file', invitation, ...newAccountFlags(cid, 'cid')]
    expect((await fails(cid, 'sign-up', ...flags, '--display-name', ' ')).exit).toBe(2)
    const made = await cid.json('sign-up', ...flags, '--display-name', 'Cid Ek')
    expect(made).toMatchObject({ name: 'cid', displayName: 'Cid Ek' })
    expect(await cid.json('whoami')).toMatchObject({ name: 'cid', displayName: 'Cid Ek' })
    expect((await cid.run('whoami')).stdout).toMatch(/^Cid Ek, cid \(member\) at /)
    expect((await bea.run('whoami')).stdout).toMatch(/^bea \(member\) at /)
    expect(JSON.stringify(await members())).not.toContain('Cid Ek')
  })
})
