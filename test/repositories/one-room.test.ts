/** One room for files, backups and what comes back from the bin: taken in one step, however many ask in the same instant. */
import {
  createUpload,
  getUsage,
  putBundle,
  type Repository,
  restoreBin,
  updateMember,
} from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bundleOf } from '../access/foreign-ids.ts'
import { authorizationOf, answerTo, House, type Key, newObject } from './repository-house.ts'

let house: House
let repository: Repository
let key: Key
beforeEach(async () => {
  house = await House.open()
  repository = await house.create('backup')
  key = await house.key(repository, 'maintain')
})
afterEach(() => house.close())

const used = async () => (await house.call(getUsage, {})).usedBytes
/** @returns the sum of what may be kept */
const leaveRoom = async (bytes: number): Promise<number> => {
  const quotaBytes = (await used()) + bytes
  const params = { account: house.member.account }
  await house.signInAnew()
  await house.call(updateMember, { params, body: { quotaBytes } }, house.host)
  return quotaBytes
}
const upload = async (sizeBytes: number): Promise<string> =>
  house.codeOf(createUpload, { body: { object: newObject('data').id.slice(0, 32), sizeBytes } })
const bundle = async (sizeBytes: number): Promise<string> => {
  const { id, bytes } = newObject('data', sizeBytes)
  const body = bundleOf({ id: id.slice(0, 32), bytes })
  return house.codeOf(putBundle, { body })
}

describe('files and a backup in the same instant', () => {
  it('share the room of one: never both, and never neither', async () => {
    const size = 5000
    for (let round = 0; round < 12; round++) {
      const quotaBytes = await leaveRoom(size + 10)
      const file = round % 2 === 0 ? upload : bundle
      const asked = await Promise.all([
        house.put(key, newObject('data', size)).then((status) => status === 200),
        file(size).then((code) => code === ''),
        house.put(key, newObject('index', size)).then((status) => status === 200),
        file(size).then((code) => code === ''),
      ])
      expect([round, asked.filter(Boolean).length]).toEqual([round, 1])
      expect(await used()).toBe(quotaBytes - 10)
    }
  })
})

describe('what comes back from the bin', () => {
  it('holds its room while it comes', async () => {
    const objects = Array.from({ length: 60 }, () => newObject('data', 100))
    for (const object of objects) await house.put(key, object)
    for (const object of objects) await house.remove(key, object)
    const quotaBytes = await leaveRoom(6000)
    const params = { repository: repository.repository }
    const restoring = house.codeOf(restoreBin, { params, body: {} })
    const others = await Promise.all(
      Array.from({ length: 60 }, () => house.put(key, newObject('data', 100))),
    )
    // Either an upload was first, and not all fits; or all comes back, and no upload fits.
    const code = await restoring
    expect(await used()).toBeLessThanOrEqual(quotaBytes)
    expect(code === '' ? others.filter((status) => status === 200) : []).toEqual([])
  })
})

describe('what is sent again where nothing fits any more', () => {
  const post = async (id: string, body: Buffer, declared = body.length): Promise<number> => {
    const sending = house.begin('POST', `${key.path}data/${id}`, {
      authorization: authorizationOf(key),
      'content-length': String(declared),
    })
    sending.on('error', () => undefined)
    const answer = answerTo(sending)
    sending.end(body)
    return (await answer).status
  }

  it('is taken where it is the same; other bytes under its name are refused by their length', async () => {
    const object = newObject('data', 4000)
    expect(await house.put(key, object)).toBe(200)
    await leaveRoom(0)
    expect(await post(object.id, object.bytes)).toBe(200)
    expect(await post(object.id, Buffer.alloc(4001))).toBe(507)
    expect(await post(object.id, Buffer.alloc(4000))).toBe(403)
    // Several at once, as after a lost connection.
    const again = await Promise.all(Array.from({ length: 8 }, () => post(object.id, object.bytes)))
    expect(again).toEqual(Array(8).fill(200))
    expect(await house.put(key, newObject('data', 1))).toBe(507)
  })
})
