/** What raises an alarm, what ends it, and that the log hears of each once. */
import {
  addReport,
  type Repository,
  restoreBin,
  startScrub,
  updateRepository,
} from '@hearthold/contract'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dayMs, hourMs, House, type Key, newObject, type StoredObject } from './repository-house.ts'

let house: House
let repository: Repository
let key: Key
beforeEach(async () => {
  house = await House.open()
  repository = await house.create('backup')
  key = await house.key(repository, 'maintain')
})
afterEach(() => house.close())

const params = () => ({ repository: repository.repository })
const alarms = async () => (await house.get(repository)).alarms
const kinds = async () => (await alarms()).map(({ kind }) => kind)
const told = (kind: string) =>
  house.instance.log.lines.filter(
    ({ level, fields }) => level === 'warn' && fields['alarm'] === kind,
  )
const put = async (type: string, count: number, sizeBytes = 100): Promise<StoredObject[]> => {
  const objects = Array.from({ length: count }, () => newObject(type, sizeBytes))
  for (const object of objects) expect(await house.put(key, object)).toBe(200)
  return objects
}
const remove = async (objects: readonly StoredObject[]): Promise<void> => {
  for (const object of objects) expect(await house.remove(key, object)).toBe(200)
}

describe('many deletions at once', () => {
  it('of snapshots: more than half, and at least five, within a day', async () => {
    const snapshots = await put('snapshots', 11)
    await remove(snapshots.slice(0, 5))
    expect(await kinds()).toEqual([])
    await remove(snapshots.slice(5, 6))
    expect(await kinds()).toEqual(['burst'])
    expect(told('burst').length).toBe(1)
    await house.restart()
    expect(await kinds()).toEqual(['burst'])
    await house.call(updateRepository, { params: params(), body: { burstSeen: true } })
    expect(await kinds()).toEqual([])
    await house.restart()
    await house.tended()
    await put('snapshots', 1)
    expect([await kinds(), told('burst').length]).toEqual([[], 1])
  })

  it('a few, or slowly, is no burst', async () => {
    await house.call(updateRepository, { params: params(), body: { alarmAfterHours: null } })
    await remove(await put('snapshots', 4))
    expect(await kinds()).toEqual([])
    await house.pass(25 * hourMs)
    const snapshots = await put('snapshots', 9)
    await remove(snapshots.slice(0, 4))
    await house.pass(25 * hourMs)
    await remove(snapshots.slice(4, 8))
    await house.signInAnew()
    expect(await kinds()).toEqual([])
  })

  it('of data: more than half of the bytes, and a hundred objects', async () => {
    const data = await put('data', 210)
    await remove(data.slice(0, 100))
    expect(await kinds()).toEqual([])
    await remove(data.slice(100, 106))
    expect(await kinds()).toEqual(['burst'])
    await house.call(restoreBin, { params: params(), body: {} })
    expect(await kinds()).toEqual([])
  })
})

describe('the newest snapshot', () => {
  it('is overdue after its hours, told once, and a new one ends it', async () => {
    await put('snapshots', 1)
    await house.pass(35 * hourMs)
    await house.signInAnew()
    expect(await kinds()).toEqual([])
    await house.pass(2 * hourMs)
    expect(await kinds()).toEqual(['overdue'])
    await house.pass(hourMs)
    expect(told('overdue').length).toBe(1)
    expect((await house.get(repository)).newestSnapshotAt).toBeLessThan(
      house.instance.now - 36 * hourMs,
    )
    await put('snapshots', 1)
    expect(await kinds()).toEqual([])
  })

  it('where there is none, counts from the beginning; and not at all where it is not wanted', async () => {
    const quiet = await house.create('archive', { alarmAfterHours: null })
    await house.pass(37 * hourMs)
    await house.signInAnew()
    expect(await kinds()).toEqual(['overdue'])
    expect((await house.get(quiet)).alarms).toEqual([])
    await house.call(updateRepository, { params: params(), body: { alarmAfterHours: 48 } })
    expect(await kinds()).toEqual([])
  })
})

describe('reports', () => {
  const report = (kind: 'maintain' | 'drill', ok: boolean, expectedEveryHours: number | null) =>
    house.call(addReport, {
      params: params(),
      body: { kind, ok, startedAt: house.instance.now, files: 3, bytes: 300, expectedEveryHours },
    })

  it('of failure alarm until the next success', async () => {
    await report('drill', false, null)
    await report('maintain', true, null)
    expect(await kinds()).toEqual(['drill'])
    expect(await house.get(repository)).toMatchObject({
      drill: { ok: false, files: 3, bytes: 300 },
      maintain: { ok: true, expectedEveryHours: null },
    })
    await report('drill', true, null)
    expect(await kinds()).toEqual([])
  })

  it('that do not come alarm after their time and a third', async () => {
    await house.call(updateRepository, { params: params(), body: { alarmAfterHours: null } })
    await report('maintain', true, 24)
    await house.pass(31 * hourMs)
    await house.signInAnew()
    expect(await kinds()).toEqual([])
    await house.pass(2 * hourMs)
    expect(await kinds()).toEqual(['maintain'])
  })
})

describe('the scrub', () => {
  const flip = ({ type, id }: StoredObject): void => {
    const shard = type === 'data' ? [id.slice(0, 2)] : []
    const path = join(house.folderOf(repository), type, ...shard, id)
    const bytes = readFileSync(path)
    bytes[7]! ^= 1
    writeFileSync(path, bytes)
  }
  const scrubbed = async (): Promise<Repository['scrub']> => {
    await house.call(startScrub, { params: params() })
    await expect
      .poll(async () => (await house.get(repository)).scrub.finishedAt, { timeout: 20_000 })
      .not.toBeNull()
    return (await house.get(repository)).scrub
  }

  it('finds a flipped bit, and the upload of the same object heals it', async () => {
    const objects = [
      ...(await put('data', 20, 70_000)),
      ...(await put('index', 3)),
      ...(await put('snapshots', 2)),
    ]
    await house.ask(key, 'POST', 'config', { body: newObject('config').bytes })
    const used = (await house.get(repository)).usedBytes
    expect(await scrubbed()).toMatchObject({
      checkedObjects: 26,
      checkedBytes: used,
      damaged: [],
      damagedCount: 0,
    })
    const [first, second] = [objects[4]!, objects[21]!]
    for (const object of [first, second]) flip(object)
    expect(await scrubbed()).toMatchObject({
      damaged: expect.arrayContaining([`data/${first.id}`, `index/${second.id}`]),
      damagedCount: 2,
    })
    expect(await kinds()).toEqual(['damaged'])
    expect(told('damaged').length).toBe(1)
    await house.restart()
    expect((await house.get(repository)).scrub.damagedCount).toBe(2)
    expect(await house.put(key, first)).toBe(200)
    expect(await house.fetch(key, first)).toEqual(first.bytes)
    expect((await house.get(repository)).scrub.damaged).toEqual([`index/${second.id}`])
    expect(await house.remove(key, second)).toBe(200)
    expect(await house.get(repository)).toMatchObject({ alarms: [], usedBytes: used - 100 })
  })

  it('heals what it had not found yet, and counts no byte twice', async () => {
    const [object] = await put('data', 1, 5000)
    flip(object!)
    expect(await house.put(key, object!)).toBe(200)
    expect(await house.fetch(key, object!)).toEqual(object!.bytes)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 5000, objects: 1 })
  })

  it('goes round by itself, some objects an hour, again within thirty days', async () => {
    await house.call(updateRepository, { params: params(), body: { alarmAfterHours: null } })
    const objects = await put('data', 40)
    await house.pass(hourMs)
    const state = async () => (await house.get(repository)).scrub
    await expect.poll(async () => (await state()).checkedObjects).toBe(32)
    expect((await state()).finishedAt).toBeNull()
    await house.pass(hourMs)
    await expect.poll(async () => (await state()).checkedObjects).toBe(40)
    await house.pass(hourMs)
    await expect.poll(async () => (await state()).finishedAt).not.toBeNull()
    const { startedAt } = await state()
    flip(objects[0]!)
    await house.pass(20 * dayMs)
    await house.signInAnew()
    expect((await state()).startedAt).toBe(startedAt)
    await house.pass(9 * dayMs)
    await house.signInAnew()
    // It may be among the last eight, and an hour that comes while one is still at work finds none to do.
    const damaged = async (): Promise<number> => {
      await house.pass(hourMs)
      return (await state()).damagedCount
    }
    await expect.poll(damaged, { interval: 300, timeout: 6000 }).toBe(1)
  })
})
