/** What each scope may do, act by act, and who is let in at all. */
import {
  listRepositoryCredentials,
  removeRepository,
  removeRepositoryCredential,
  type Repository,
  type RepositoryScope,
  updateMember,
} from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dayMs, House, type Key, newObject } from './repository-house.ts'

let house: House
let repository: Repository
const keys = {} as Record<RepositoryScope, Key>
beforeAll(async () => {
  house = await House.open()
  repository = await house.create('backup')
  for (const scope of ['append', 'read', 'maintain'] as const)
    keys[scope] = await house.key(repository, scope)
})
afterAll(() => house.close())

const types = ['data', 'index', 'keys', 'snapshots'] as const

describe('each scope, each act', () => {
  it.each(['append', 'read', 'maintain'] as const)('%s', async (scope) => {
    const key = keys[scope]
    const adds = scope !== 'read'
    const deletes = scope === 'maintain'
    const seen: Record<string, unknown> = {}
    const wanted: Record<string, unknown> = {}
    for (const type of types) {
      const there = newObject(type)
      expect(await house.put(keys.maintain, there)).toBe(200)
      const fresh = newObject(type)
      seen[type] = [
        await house.fetch(key, there),
        (await house.ask(key, 'HEAD', `${type}/${there.id}`)).headers['content-length'],
        (await house.list(key, type)).includes(there.id),
        await house.put(key, fresh),
        await house.put(key, there),
        await house.remove(key, there),
        await house.fetch(key, there),
      ]
      wanted[type] = [
        there.bytes,
        '100',
        true,
        adds ? 200 : 403,
        adds ? 200 : 403,
        deletes ? 200 : 403,
        deletes ? 404 : there.bytes,
      ]
    }
    const lock = newObject('locks')
    seen['locks'] = [
      await house.put(key, lock),
      await house.list(key, 'locks'),
      await house.remove(key, lock),
      await house.list(key, 'locks'),
    ]
    wanted['locks'] = [200, [lock.id], 200, []]
    expect(seen).toEqual(wanted)
  })

  it('nobody overwrites, and the config is written once', async () => {
    const config = newObject('config').bytes
    const write = (key: Key, body: Buffer) => house.ask(key, 'POST', 'config', { body })
    expect((await write(keys.read, config)).status).toBe(403)
    expect((await write(keys.append, config)).status).toBe(200)
    expect((await write(keys.append, config)).status).toBe(200)
    for (const key of [keys.append, keys.maintain])
      expect((await write(key, newObject('config').bytes)).status).toBe(403)
    expect((await house.ask(keys.append, 'DELETE', 'config')).status).toBe(403)
    expect((await house.ask(keys.read, 'GET', 'config')).body).toEqual(config)
    expect((await house.ask(keys.maintain, 'DELETE', 'config')).status).toBe(200)
    expect((await house.ask(keys.read, 'HEAD', 'config')).status).toBe(404)
  })

  it('a lock is no place for data', async () => {
    const large = newObject('locks', 1024 * 1024 + 1)
    expect(await house.put(keys.read, large)).toBe(507)
    expect(await house.put(keys.read, newObject('locks', 1024 * 1024))).toBe(200)
  })
})

describe('who is let in', () => {
  const statuses = async (key: Key): Promise<number[]> => [
    (await house.ask(key, 'GET', 'keys/')).status,
    await house.put(key, newObject('data')),
  ]

  it('nobody without a credential, and it is said how to show one', async () => {
    const { path } = repository
    for (const headers of [{}, { authorization: `Bearer ${house.member.token}` }] as const) {
      const answer = await house.raw('GET', `${path}keys/`, { headers })
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([
        401,
        expect.stringMatching(/^Basic realm="Hearthold"/),
      ])
    }
    const wrong = { ...keys.append, secret: keys.read.secret }
    expect(await statuses(wrong)).toEqual([401, 401])
    expect(await statuses({ ...keys.append, name: 'nobody-aaaaaaaa' })).toEqual([401, 401])
  })

  it("a credential opens its own repository and tells nothing of another's", async () => {
    const other = await house.create('other')
    for (const path of [other.path, `/repositories/${repository.account}/none/`])
      expect(await statuses({ ...keys.maintain, path })).toEqual([403, 403])
    expect((await house.ask(keys.append, 'GET', 'sub/keys/')).status).toBe(404)
    expect((await house.ask(keys.append, 'GET', '%2e%2e/x/keys/')).status).toBe(404)
  })

  it('not one that has expired, and two overlap', async () => {
    const old = await house.key(repository, 'append', 1)
    const next = await house.key(repository, 'append')
    expect([await statuses(old), await statuses(next)]).toEqual([
      [200, 200],
      [200, 200],
    ])
    house.instance.now += dayMs
    Object.assign(house.member, await house.member.newSession())
    expect([await statuses(old), await statuses(next)]).toEqual([
      [401, 401],
      [200, 200],
    ])
  })

  it('not one that is revoked', async () => {
    const key = await house.key(repository, 'append')
    const params = { repository: repository.repository, credential: key.name }
    expect(await house.call(removeRepositoryCredential, { params })).toEqual({ removed: true })
    expect(await house.call(removeRepositoryCredential, { params })).toEqual({ removed: false })
    expect(await statuses(key)).toEqual([401, 401])
  })

  it("not one of a suspended member's, until they are let in again", async () => {
    Object.assign(house.host, await house.host.newSession())
    const params = { account: house.member.account }
    await house.call(updateMember, { params, body: { suspended: true } }, house.host)
    expect(await statuses(keys.append)).toEqual([401, 401])
    await house.call(updateMember, { params, body: { suspended: false } }, house.host)
    expect(await statuses(keys.append)).toEqual([200, 200])
    Object.assign(house.member, await house.member.newSession())
  })

  it('not one of a repository in the bin', async () => {
    const removed = await house.create('removed')
    const key = await house.key(removed, 'read')
    expect((await house.ask(key, 'GET', 'keys/')).status).toBe(200)
    await house.call(removeRepository, { params: { repository: removed.repository } })
    expect((await house.ask(key, 'GET', 'keys/')).status).toBe(401)
  })

  it('wrong ones are slowed, right ones are not', async () => {
    const wrong = { ...keys.append, secret: 'a'.repeat(26) }
    const seen: number[] = []
    for (let tried = 0; tried < 40; tried++)
      seen.push((await house.ask(wrong, 'GET', 'keys/')).status)
    expect(new Set(seen)).toEqual(new Set([401, 429]))
    expect(seen.at(-1)).toBe(429)
    expect((await house.ask(keys.append, 'GET', 'keys/')).status).toBe(200)
  })

  it('what a credential did is counted, and when it was used', async () => {
    const key = await house.key(repository, 'append')
    const kept = newObject('data')
    await house.put(key, kept)
    await house.put(key, { ...newObject('data'), id: newObject('data').id })
    await house.remove(key, kept)
    const params = { repository: repository.repository }
    const { credentials } = await house.call(listRepositoryCredentials, { params })
    expect(credentials.find(({ credential }) => credential === key.name)).toMatchObject({
      label: 'the append machine',
      scope: 'append',
      writes: 1,
      deletions: 0,
      refusedDeletions: 1,
      failedVerifications: 1,
      lastUsedAt: expect.any(Number),
    })
    await house.restart()
    const again = await house.call(listRepositoryCredentials, { params })
    expect(again).toEqual({ credentials })
  })
})
