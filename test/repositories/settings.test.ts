/** What a session may change without a fresh proof: nothing that protects a repository less. */
import { type BodyOf, restoreBin, type Repository, updateRepository } from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hourMs, House, type Key, newObject } from './repository-house.ts'

let house: House
let repository: Repository
let key: Key
beforeEach(async () => {
  house = await House.open()
  const settings = { quotaBytes: 10_000, freezeDays: 10, alarmAfterHours: 24 }
  repository = await house.create('backup', settings)
  key = await house.key(repository, 'maintain')
})
afterEach(() => house.close())

type Settings = BodyOf<typeof updateRepository>
const params = () => ({ repository: repository.repository })
const codeOf = (body: Settings) => house.codeOf(updateRepository, { params: params(), body })
const kinds = async () => (await house.get(repository)).alarms.map(({ kind }) => kind)

/** Each weakens what `beforeEach` set, alone or beside something harmless. */
const weaker: readonly Settings[] = [
  { quotaBytes: 9_999 },
  { quotaBytes: 0 },
  { alarmAfterHours: null },
  { alarmAfterHours: 25 },
  { freezeDays: 9 },
  { quotaBytes: 9_999, freezeDays: 11 },
  { alarmAfterHours: 25, quotaBytes: null, freezeDays: 11 },
  { burstSeen: true },
]
const stronger: readonly Settings[] = [
  { quotaBytes: 10_000, alarmAfterHours: 24, freezeDays: 10 },
  { quotaBytes: 10_001 },
  { quotaBytes: null },
  { alarmAfterHours: 1 },
  { freezeDays: 11 },
  {},
]

describe('a session without a fresh proof', () => {
  it('changes nothing that protects less', async () => {
    house.instance.now += hourMs
    const before = await house.get(repository)
    for (const body of weaker) expect([body, await codeOf(body)]).toEqual([body, 'step_up_needed'])
    expect(await house.get(repository)).toEqual(before)
    for (const body of stronger) expect([body, await codeOf(body)]).toEqual([body, ''])
  })

  it('lowers no limit where there was none, and asks for no alarm where there was none', async () => {
    await house.call(updateRepository, {
      params: params(),
      body: { quotaBytes: null, alarmAfterHours: null },
    })
    house.instance.now += hourMs
    expect(await codeOf({ quotaBytes: 2 ** 50 })).toBe('step_up_needed')
    expect(await codeOf({ alarmAfterHours: null, quotaBytes: null })).toBe('')
    expect(await codeOf({ alarmAfterHours: 24 * 366 })).toBe('')
  })

  it('changes all of it after one', async () => {
    house.instance.now += hourMs
    expect(await codeOf({ quotaBytes: 1 })).toBe('step_up_needed')
    await house.signInAnew()
    for (const body of weaker) expect([body, await codeOf(body)]).toEqual([body, ''])
  })

  it('ends no alarm about many deletions by bringing next to nothing back', async () => {
    await house.call(updateRepository, { params: params(), body: { quotaBytes: null } })
    const snapshots = Array.from({ length: 11 }, () => newObject('snapshots'))
    for (const object of snapshots) await house.put(key, object)
    for (const object of snapshots.slice(0, 9)) await house.remove(key, object)
    house.instance.now += hourMs
    await house.remove(key, snapshots[9]!)
    expect(await kinds()).toEqual(['burst'])
    const restore = (deletedSince: number) =>
      house.call(restoreBin, { params: params(), body: { deletedSince } })
    expect(await restore(house.instance.now + hourMs)).toMatchObject({ objects: 0 })
    expect(await kinds()).toEqual(['burst'])
    expect(await restore(house.instance.now - hourMs / 2)).toMatchObject({ objects: 1 })
    expect(await kinds()).toEqual(['burst'])
    await house.restart()
    expect(await kinds()).toEqual(['burst'])
    expect(await restore(0)).toMatchObject({ objects: 9 })
    expect(await kinds()).toEqual([])
  })
})
