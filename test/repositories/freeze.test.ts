/** What a client deletes waits in the bin for as long as it was promised, whatever is set or said afterwards. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { getBin, type Repository, restoreBin, updateRepository } from '@hearthold/contract'
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
const bin = () => house.call(getBin, { params: params() })
const restore = (deletedSince?: number) =>
  house.call(restoreBin, {
    params: params(),
    body: deletedSince === undefined ? {} : { deletedSince },
  })
const putAll = async (objects: readonly StoredObject[]): Promise<void> => {
  for (const object of objects) expect(await house.put(key, object)).toBe(200)
}
const removeAll = async (objects: readonly StoredObject[]): Promise<void> => {
  for (const object of objects) expect(await house.remove(key, object)).toBe(200)
}
const there = async (objects: readonly StoredObject[]): Promise<boolean[]> => {
  const found = []
  for (const object of objects)
    found.push(Buffer.compare(object.bytes, Buffer.from(await bytesOf(object))) === 0)
  return found
}
const bytesOf = async (object: StoredObject): Promise<Uint8Array> => {
  const found = await house.fetch(key, object)
  return typeof found === 'number' ? new Uint8Array(0) : found
}
const some = (): StoredObject[] =>
  ['data', 'index', 'keys', 'snapshots'].map((type) => newObject(type))

describe('what is deleted', () => {
  it('waits in the bin, named so that the files alone tell all, and is in no list', async () => {
    const objects = some()
    await putAll(objects)
    const before = house.instance.now
    await removeAll(objects)
    for (const { type } of objects) expect(await house.list(key, type)).toEqual([])
    const { groups, ...all } = await bin()
    expect(all).toEqual({ objects: 4, bytes: 400 })
    expect(groups).toMatchObject([{ objects: 4, bytes: 400, snapshots: 1 }])
    const [group] = groups
    expect(group!.deletedAt).toBeGreaterThanOrEqual(before)
    expect(group!.keptUntil - group!.deletedAt).toBeGreaterThanOrEqual(30 * dayMs)
    for (const { type, id } of objects) {
      const [name = ''] = readdirSync(join(house.folderOf(repository), '.bin', type))
      const [named, deletedAt, keptUntil] = name.split('.')
      expect([named, Number(keptUntil) - Number(deletedAt)]).toEqual([id, 30 * dayMs])
    }
    expect(await house.get(repository)).toMatchObject({
      usedBytes: 0,
      objects: 0,
      binBytes: 400,
      binObjects: 4,
    })
  })

  it('comes back all at once, or what was deleted since a time', async () => {
    const [old, young] = [some(), some()]
    await putAll([...old, ...young])
    await removeAll(old)
    house.instance.now += 2 * hourMs
    const since = house.instance.now
    await removeAll(young)
    expect(await there([...old, ...young])).toEqual(Array(8).fill(false))
    expect(await restore(since)).toEqual({ objects: 4, bytes: 400 })
    expect(await there([...old, ...young])).toEqual([
      ...Array(4).fill(false),
      ...Array(4).fill(true),
    ])
    expect(await restore()).toEqual({ objects: 4, bytes: 400 })
    expect(await there(old)).toEqual(Array(4).fill(true))
    expect(await bin()).toEqual({ groups: [], objects: 0, bytes: 0 })
    expect(await house.get(repository)).toMatchObject({ usedBytes: 800, objects: 8, binBytes: 0 })
  })

  it('is only emptied out of the bin where the object is there again', async () => {
    const object = newObject('data')
    for (let round = 0; round < 2; round++) {
      await putAll([object])
      await removeAll([object])
      house.instance.now += 1000
    }
    await putAll([object])
    expect((await bin()).objects).toBe(2)
    expect(await restore()).toEqual({ objects: 0, bytes: 0 })
    expect(await there([object])).toEqual([true])
    expect(await house.get(repository)).toMatchObject({ usedBytes: 100, objects: 1, binBytes: 0 })
  })

  it('brings the config back that another has taken the place of', async () => {
    const [right, wrong, worse] = [newObject('config'), newObject('config'), newObject('config')]
    const write = async ({ bytes }: StoredObject): Promise<void> => {
      expect((await house.ask(key, 'POST', 'config', { body: bytes })).status).toBe(200)
    }
    const drop = async (): Promise<void> => {
      expect((await house.ask(key, 'DELETE', 'config')).status).toBe(200)
      house.instance.now += 1000
    }
    await write(right)
    await drop()
    await write(wrong)
    await drop()
    await write(worse)
    const config = async () => (await house.ask(key, 'GET', 'config')).body
    expect(await restore()).toEqual({ objects: 1, bytes: 100 })
    expect(await config()).toEqual(right.bytes)
    expect(await bin()).toMatchObject({ objects: 2, bytes: 200 })
    expect(await house.get(repository)).toMatchObject({ objects: 1, usedBytes: 100, binBytes: 200 })
    // The first that was deleted since then.
    await restore()
    expect(await config()).toEqual(wrong.bytes)
  })

  it('a lock is gone at once', async () => {
    const lock = newObject('locks')
    await putAll([lock])
    await removeAll([lock])
    expect((await bin()).objects).toBe(0)
    expect(existsSync(join(house.folderOf(repository), 'locks', lock.id))).toBe(false)
  })
})

describe('the time lock', () => {
  it('holds under a shorter setting, which needs a fresh proof', async () => {
    const [old, young] = [newObject('data'), newObject('data')]
    await putAll([old, young])
    await removeAll([old])
    const shorter = { params: params(), body: { freezeDays: 1 } }
    house.instance.now += hourMs
    expect(await house.codeOf(updateRepository, shorter)).toBe('step_up_needed')
    const longer = { params: params(), body: { freezeDays: 31 } }
    expect(await house.codeOf(updateRepository, longer)).toBe('')
    await house.signInAnew()
    expect(await house.codeOf(updateRepository, shorter)).toBe('')
    await removeAll([young])
    await house.passDays(3)
    expect((await bin()).objects).toBe(1)
    await restore()
    expect(await there([old, young])).toEqual([true, false])
    await removeAll([old])
  })

  it('ends when it was said to, not before', async () => {
    await house.call(updateRepository, { params: params(), body: { freezeDays: 3 } })
    const object = newObject('data')
    await putAll([object])
    await removeAll([object])
    await house.passDays(2)
    expect((await bin()).objects).toBe(1)
    await house.passDays(2)
    expect(await bin()).toEqual({ groups: [], objects: 0, bytes: 0 })
    expect(readdirSync(join(house.folderOf(repository), '.bin', 'data'))).toEqual([])
  })

  it('a clock that jumps a year ahead destroys nothing on that day', async () => {
    const object = newObject('data')
    await putAll([object])
    await removeAll([object])
    const right = house.instance.now
    const inBin = () => readdirSync(join(house.folderOf(repository), '.bin', 'data')).length
    for (const later of [365 * dayMs, 20 * hourMs, 3 * hourMs]) {
      await house.pass(later)
      expect(inBin()).toBe(1)
    }
    house.instance.now = right
    await house.pass(hourMs)
    await house.signInAnew()
    expect(await restore()).toEqual({ objects: 1, bytes: 100 })
    expect(await there([object])).toEqual([true])
  })

  it('a clock that is set back shortens nothing', async () => {
    const object = newObject('data')
    await putAll([object])
    const right = house.instance.now
    house.instance.now -= 400 * dayMs
    await house.restart()
    await removeAll([object])
    house.instance.now = right + dayMs / 2
    await house.pass(hourMs)
    await house.signInAnew()
    expect((await bin()).groups[0]!.keptUntil).toBeGreaterThanOrEqual(right + 29 * dayMs)
  })
})
