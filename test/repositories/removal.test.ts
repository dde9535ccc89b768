/** A whole repository goes to the bin and comes back; only a host with a second factor destroys before its time. */
import { existsSync } from 'node:fs'
import {
  createRepository,
  createRepositoryCredential,
  getBin,
  getRepository,
  listEveryRepository,
  listRepositories,
  purgeRepository,
  removeRepository,
  type Repository,
  restoreBin,
  restoreRepository,
} from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hourMs, House, type Key, newObject } from './repository-house.ts'

let house: House
let repository: Repository
let key: Key
beforeEach(async () => {
  house = await House.open()
  repository = await house.create('backup', { freezeDays: 2 })
  key = await house.key(repository, 'maintain')
})
afterEach(() => house.close())

const params = () => ({ repository: repository.repository })

describe('a repository in the bin', () => {
  it('needs a fresh proof to get there, rests, and comes back with everything', async () => {
    const object = newObject('data')
    await house.put(key, object)
    house.instance.now += hourMs
    expect(await house.codeOf(removeRepository, { params: params() })).toBe('step_up_needed')
    await house.signInAnew()
    const removed = await house.call(removeRepository, { params: params() })
    expect(removed.destroyedAt! - removed.removedAt!).toBe(48 * hourMs)
    expect(await house.fetch(key, object)).toBe(401)
    for (const [endpoint, input, code] of [
      [removeRepository, { params: params() }, 'repository_removed'],
      [
        createRepositoryCredential,
        { params: params(), body: { label: 'x', scope: 'read', validDays: null } },
        'repository_removed',
      ],
      [createRepository, { body: { name: 'backup' } }, 'repository_exists'],
    ] as const)
      expect(await house.codeOf(endpoint, input)).toBe(code)
    const { repositories } = await house.call(listRepositories, {})
    expect(repositories).toMatchObject([{ removedAt: removed.removedAt, alarms: [] }])
    await house.restart()
    expect(await house.call(restoreRepository, { params: params() })).toMatchObject({
      removedAt: null,
      destroyedAt: null,
    })
    expect(await house.fetch(key, object)).toEqual(object.bytes)
  })

  it('is destroyed with all it holds when its time is over, and its name is free', async () => {
    await house.put(key, newObject('data'))
    await house.call(removeRepository, { params: params() })
    await house.passDays(1)
    expect(existsSync(house.folderOf(repository))).toBe(true)
    await house.passDays(2)
    await house.signInAnew()
    expect(existsSync(house.folderOf(repository))).toBe(false)
    expect(await house.codeOf(getRepository, { params: params() })).toBe('not_found')
    expect(await house.codeOf(restoreRepository, { params: params() })).toBe('not_found')
    expect((await house.ask(key, 'GET', 'keys/')).status).toBe(401)
    expect(await house.create('backup')).toMatchObject({ objects: 0, usedBytes: 0 })
  })
})

describe('a host', () => {
  const purge = (body: object, person = house.host) =>
    house.codeOf(purgeRepository, { params: params(), body }, person)
  const anew = async (): Promise<void> => {
    await house.signInAnew()
    house.instance.nextStep()
  }

  it('sees the repositories of others, and neither restores nor reads them', async () => {
    const { repositories } = await house.call(listEveryRepository, {}, house.host)
    expect(repositories.map(({ account }) => account)).toEqual([house.member.account])
    expect(await house.codeOf(getRepository, { params: params() }, house.host)).toBe('')
    for (const endpoint of [getBin, restoreRepository, removeRepository])
      expect(await house.codeOf(endpoint, { params: params() }, house.host)).toBe('not_found')
    const restore = { params: params(), body: {} }
    expect(await house.codeOf(restoreBin, restore, house.host)).toBe('not_found')
  })

  it('destroys only with fresh proof, second factor and the name', async () => {
    const object = newObject('data')
    await house.put(key, object)
    await house.remove(key, object)
    const secondFactor = () => ({ secondFactor: house.host.code() })
    house.instance.now += hourMs
    expect(await purge({ name: 'backup', ...secondFactor() })).toBe('step_up_needed')
    await anew()
    expect(await purge({ name: 'backup', secondFactor: house.member.code() }, house.member)).toBe(
      'forbidden',
    )
    expect(await purge({ name: 'other', ...secondFactor() })).toBe('bad_request')
    expect(await purge({ name: 'backup' })).toBe('second_factor_needed')
    expect(await purge({ name: 'backup', secondFactor: '000000' })).toBe('second_factor_wrong')
    expect((await house.call(getBin, { params: params() })).objects).toBe(1)
    const answer = await house.call(
      purgeRepository,
      { params: params(), body: { name: 'backup', ...secondFactor() } },
      house.host,
    )
    expect(answer).toEqual({ objects: 1, bytes: 100 })
    expect((await house.call(getBin, { params: params() })).objects).toBe(0)
    expect((await house.ask(key, 'GET', 'keys/')).status).toBe(200)
  })

  it('destroys a whole one that is in the bin', async () => {
    const [kept, binned] = [newObject('data', 300), newObject('snapshots', 200)]
    for (const object of [kept, binned]) await house.put(key, object)
    await house.remove(key, binned)
    await house.call(removeRepository, { params: params() })
    await anew()
    const body = { name: 'backup', secondFactor: house.host.code() }
    const answer = await house.call(purgeRepository, { params: params(), body }, house.host)
    expect(answer).toEqual({ objects: 2, bytes: 500 })
    expect(existsSync(house.folderOf(repository))).toBe(false)
    await house.signInAnew()
    expect(await house.call(listRepositories, {})).toEqual({ repositories: [] })
  })
})
