/** Quotas: of a repository, and of a member over files and repositories together; exact, also after a stop in the middle. */
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createUpload,
  getUsage,
  listMembers,
  restoreBin,
  updateMember,
  updateRepository,
} from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answerTo, authorizationOf, House, newObject } from './repository-house.ts'

let house: House
beforeEach(async () => void (house = await House.open()))
afterEach(() => house.close())

const setMemberQuota = (quotaBytes: number | null) =>
  house.call(
    updateMember,
    { params: { account: house.member.account }, body: { quotaBytes } },
    house.host,
  )
const usage = () => house.call(getUsage, {})

describe('of a repository', () => {
  it('is kept to the byte, one upload after the other', async () => {
    const repository = await house.create('backup', { quotaBytes: 1000 })
    const key = await house.key(repository, 'maintain')
    const first = newObject('data', 600)
    expect(await house.put(key, first)).toBe(200)
    expect(await house.put(key, newObject('data', 401))).toBe(507)
    expect(await house.put(key, newObject('data', 400))).toBe(200)
    expect(await house.put(key, newObject('data', 1))).toBe(507)
    // What is there already needs no room, and what is deleted makes some.
    expect((await house.get(repository)).alarms.map(({ kind }) => kind)).toEqual(['quota'])
    await house.remove(key, first)
    expect(await house.put(key, newObject('data', 600))).toBe(200)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 1000, binBytes: 600 })
  })

  it('leaves room for locks where none is left: who is full must still restore and forget', async () => {
    const repository = await house.create('backup', { quotaBytes: 1000 })
    const key = await house.key(repository, 'read')
    const append = await house.key(repository, 'append')
    expect(await house.put(append, newObject('data', 1000))).toBe(200)
    const lock = newObject('locks', 300)
    expect(await house.put(key, lock)).toBe(200)
    expect(await house.put(key, newObject('locks', 64 * 1024))).toBe(507)
    expect(await house.put(append, newObject('data', 1))).toBe(507)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 1300, objects: 2 })
    await house.remove(key, lock)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 1000, objects: 1 })
  })

  it('is shared by uploads at the same time: none takes the room of another', async () => {
    const repository = await house.create('backup', { quotaBytes: 100_000 })
    const key = await house.key(repository, 'append')
    const sent = await Promise.all(
      Array.from({ length: 20 }, () => house.put(key, newObject('data', 10_000))),
    )
    expect(sent.filter((status) => status === 200).length).toBe(10)
    expect(sent.filter((status) => status === 507).length).toBe(10)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 100_000, objects: 10 })
  })

  it('gives back the room of uploads that fail, are cut off or were there already', async () => {
    const repository = await house.create('backup', { quotaBytes: 1000 })
    const key = await house.key(repository, 'append')
    const object = newObject('data', 500)
    expect(await house.put(key, { ...newObject('data', 900), id: object.id })).toBe(400)
    const cut = house.begin('POST', `${key.path}data/${object.id}`, {
      authorization: authorizationOf(key),
      'content-length': '500',
    })
    cut.on('error', () => undefined)
    cut.write(object.bytes.subarray(0, 100))
    await new Promise((resolve) => setTimeout(resolve, 100))
    cut.destroy()
    await expect.poll(() => house.put(key, newObject('data', 500))).toBe(200)
    for (let round = 0; round < 3; round++) expect(await house.put(key, object)).toBe(200)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 1000, objects: 2 })
  })

  it('needs to know the length; without a quota it need not', async () => {
    const limited = await house.create('limited', { quotaBytes: 1000 })
    const free = await house.create('free')
    const object = newObject('data')
    for (const [repository, status] of [
      [limited, 411],
      [free, 200],
    ] as const) {
      const key = await house.key(repository, 'append')
      const sending = house.begin('POST', `${key.path}data/${object.id}`, {
        authorization: authorizationOf(key),
        'transfer-encoding': 'chunked',
      })
      const answer = answerTo(sending)
      sending.end(object.bytes)
      expect((await answer).status).toBe(status)
    }
  })

  it('is counted anew from the disk after a stop, whatever the row says', async () => {
    const repository = await house.create('backup', { quotaBytes: 1000 })
    const key = await house.key(repository, 'append')
    await house.put(key, newObject('data', 300))
    const unseen = newObject('data', 250)
    const folder = join(house.folderOf(repository), 'data', unseen.id.slice(0, 2))
    await house.tended()
    await house.instance.app.stop()
    // As a crash leaves it: an object that nobody was told of, and a part of one.
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, unseen.id), unseen.bytes)
    writeFileSync(join(folder, `${newObject('data').id}.rest-server-temp1`), 'half')
    await house.restart()
    expect(await house.put(key, newObject('data', 451))).toBe(507)
    expect(await house.put(key, newObject('data', 450))).toBe(200)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 1000, objects: 3 })
  })

  it('the bin may hold twice as much, then nothing more is deleted', async () => {
    const repository = await house.create('backup', { quotaBytes: 1000 })
    const key = await house.key(repository, 'maintain')
    const [a, b, c] = [newObject('data', 900), newObject('data', 900), newObject('data', 900)]
    for (const object of [a, b]) {
      expect(await house.put(key, object)).toBe(200)
      expect(await house.remove(key, object)).toBe(200)
    }
    expect(await house.put(key, c)).toBe(200)
    expect(await house.remove(key, c)).toBe(507)
    expect(await house.fetch(key, c)).toEqual(c.bytes)
    const params = { repository: repository.repository }
    expect(await house.codeOf(restoreBin, { params, body: {} })).toBe('over_quota')
    expect(await house.get(repository)).toMatchObject({ usedBytes: 900, binBytes: 1800 })
    await house.call(updateRepository, { params, body: { quotaBytes: null } })
    expect(await house.codeOf(restoreBin, { params, body: {} })).toBe('')
    expect(await house.get(repository)).toMatchObject({ usedBytes: 2700, binBytes: 0 })
  })
})

describe('of a member', () => {
  it('covers all repositories and files together, both ways', async () => {
    const before = (await usage()).usedBytes
    await setMemberQuota(before + 10_000)
    const [one, two] = [await house.create('one'), await house.create('two')]
    const [first, second] = [await house.key(one, 'maintain'), await house.key(two, 'append')]
    const object = newObject('data', 4000)
    expect(await house.put(first, object)).toBe(200)
    expect(await house.put(second, newObject('data', 4000))).toBe(200)
    expect(await house.put(second, newObject('data', 2001))).toBe(507)
    expect(await usage()).toMatchObject({
      usedBytes: before + 8000,
      quotaBytes: before + 10_000,
    })
    const upload = (sizeBytes: number) =>
      house.codeOf(createUpload, {
        body: { object: newObject('data').id.slice(0, 32), sizeBytes },
      })
    expect(await upload(2001)).toBe('over_quota')
    expect(await upload(1500)).toBe('')
    expect(await house.put(second, newObject('data', 501))).toBe(507)
    expect(await house.put(second, newObject('data', 500))).toBe(200)
    expect(await usage()).toMatchObject({ usedBytes: before + 10_000, band: 100 })
    const { members } = await house.call(listMembers, {}, house.host)
    const { usedBytes } = members.find(({ account }) => account === house.member.account)!
    expect(usedBytes).toBe(before + 10_000)
    // The bin is counted apart.
    await house.remove(first, object)
    expect((await usage()).usedBytes).toBe(before + 6000)
    expect(await upload(4000)).toBe('')
  })

  it('is known at once after a restart', async () => {
    const before = (await usage()).usedBytes
    const key = await house.key(await house.create('one'), 'append')
    await house.put(key, newObject('data', 5000))
    await house.restart()
    expect((await usage()).usedBytes).toBe(before + 5000)
    await setMemberQuota(before + 6000)
    expect(await house.put(key, newObject('data', 1001))).toBe(507)
    expect(await house.put(key, newObject('data', 1000))).toBe(200)
  })
})

it('a folder with strangers in it is counted by its objects', async () => {
  const repository = await house.create('backup')
  const key = await house.key(repository, 'append')
  await house.put(key, newObject('data', 100))
  appendFileSync(join(house.folderOf(repository), 'notes.txt'), 'not ours')
  appendFileSync(join(house.folderOf(repository), 'data', 'notes.txt'), 'not ours')
  await house.restart()
  await house.tended()
  expect(await house.get(repository)).toMatchObject({ counted: true, usedBytes: 100, objects: 1 })
  expect(readdirSync(house.folderOf(repository))).toContain('notes.txt')
})
