/** Uploads while something happens, and repositories that were there before Hearthold. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createRepository,
  listRepositoryObjects,
  readRepositoryObject,
  removeRepository,
  removeRepositoryCredential,
  type Repository,
} from '@hearthold/contract'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Instance } from '../access/instance.ts'
import { answerTo, authorizationOf, House, type Key, newObject } from './repository-house.ts'

let house: House
beforeEach(async () => void (house = await House.open()))
afterEach(() => house.close())

describe('in the middle of an upload', () => {
  let repository: Repository
  let key: Key
  beforeEach(async () => {
    repository = await house.create('backup')
    key = await house.key(repository, 'append')
  })
  /** Files of one type, temporary ones too. */
  const filesOf = (type: string): string[] =>
    readdirSync(join(house.folderOf(repository), type), {
      recursive: true,
      encoding: 'utf8',
    }).filter((name) => name.includes('.') || /[0-9a-f]{64}$/.test(name))
  const during = async (act: () => Promise<unknown>): Promise<number> => {
    const object = newObject('data', 3_000_000)
    const sending = house.begin('POST', `${key.path}data/${object.id}`, {
      authorization: authorizationOf(key),
      'content-length': String(object.bytes.length),
    })
    const answer = answerTo(sending)
    sending.write(object.bytes.subarray(0, 2_000_000))
    await delay(200)
    await act()
    sending.end(object.bytes.subarray(2_000_000))
    return (await answer).status
  }

  it('a revoked credential ends it, and nothing of it stays', async () => {
    const params = { repository: repository.repository, credential: key.name }
    expect(await during(() => house.call(removeRepositoryCredential, { params }))).toBe(401)
    await expect.poll(() => filesOf('data')).toEqual([])
    expect(await house.get(repository)).toMatchObject({ usedBytes: 0, objects: 0 })
  })

  it('a repository that is removed ends it as well', async () => {
    const params = { repository: repository.repository }
    expect(await during(() => house.call(removeRepository, { params }))).toBe(401)
    await expect.poll(() => filesOf('data')).toEqual([])
  })

  it('one credential has at most 64 requests under way, and others go on', async () => {
    const other = await house.key(repository, 'append')
    const stalled = Array.from({ length: 64 }, () => {
      const sending = house.begin('POST', `${key.path}data/${newObject('data').id}`, {
        authorization: authorizationOf(key),
        'content-length': '1000',
      })
      sending.on('error', () => undefined)
      sending.write('begun')
      return sending
    })
    const status = async (by: Key) => (await house.ask(by, 'GET', 'keys/')).status
    await expect.poll(() => status(key)).toBe(429)
    expect(await status(other)).toBe(200)
    for (const sending of stalled) sending.destroy()
    await expect.poll(() => status(key)).toBe(200)
    await expect.poll(() => filesOf('data')).toEqual([])
  })

  it('otherwise it goes on', async () => {
    expect(await during(() => house.get(repository))).toBe(200)
    expect(filesOf('data').length).toBe(1)
    expect(await house.get(repository)).toMatchObject({ usedBytes: 3_000_000, objects: 1 })
  })
})

describe('a folder that is there already', () => {
  it('of rest-server is taken up as it is, bin and all', async () => {
    const folder = house.folderOf({ account: house.member.account, name: 'old' })
    const [pack, snapshot, gone] = [
      newObject('data', 500),
      newObject('snapshots'),
      newObject('data'),
    ]
    for (const type of ['data', 'index', 'keys', 'locks', 'snapshots'])
      mkdirSync(join(folder, type), { recursive: true })
    mkdirSync(join(folder, 'data', pack.id.slice(0, 2)))
    mkdirSync(join(folder, '.bin', 'data'), { recursive: true })
    writeFileSync(join(folder, 'config'), 'sealed')
    writeFileSync(join(folder, 'data', pack.id.slice(0, 2), pack.id), pack.bytes)
    writeFileSync(join(folder, 'snapshots', snapshot.id), snapshot.bytes)
    const name = `${gone.id}.${house.instance.now - 1000}.${house.instance.now + 10_000_000}`
    writeFileSync(join(folder, '.bin', 'data', name), gone.bytes)
    const taken = await house.create('old')
    expect(taken).toMatchObject({
      counted: true,
      usedBytes: 606,
      objects: 3,
      snapshots: 1,
      binBytes: 100,
      binObjects: 1,
    })
    const key = await house.key(taken, 'read')
    expect(await house.fetch(key, pack)).toEqual(pack.bytes)
    expect(await house.list(key, 'snapshots')).toEqual([snapshot.id])
    expect((await house.ask(key, 'GET', 'config')).body.toString()).toBe('sealed')
  })

  it('a name that restic keeps for itself is refused, and one that is taken', async () => {
    for (const name of ['data', 'config', 'keys'])
      expect(await house.codeOf(createRepository, { body: { name } })).toBe(
        'repository_name_invalid',
      )
    for (const name of ['..', '.bin', 'A', 'a/b', ''])
      expect(await house.codeOf(createRepository, { body: { name } })).toBe('bad_request')
    await house.create('backup')
    expect(await house.codeOf(createRepository, { body: { name: 'backup' } })).toBe(
      'repository_exists',
    )
    const elsewhere = { name: 'remote', storage: '0'.repeat(32) }
    expect(await house.codeOf(createRepository, { body: elsewhere })).toBe('not_found')
    expect(existsSync(house.folderOf({ account: house.member.account, name: 'remote' }))).toBe(
      false,
    )
  })
})

describe('the reader', () => {
  it('lists and reads what its owner has, whole and in part', async () => {
    const repository = await house.create('backup')
    const key = await house.key(repository, 'append')
    const [pack, index] = [newObject('data', 200_000), newObject('index')]
    for (const object of [pack, index]) await house.put(key, object)
    await house.ask(key, 'POST', 'config', { body: Buffer.from('sealed config') })
    const of = repository.repository
    const list = { params: { repository: of, type: 'index' } }
    expect(await house.call(listRepositoryObjects, list)).toEqual({
      objects: [{ id: index.id, sizeBytes: 100 }],
    })
    const read = (type: string, id: string, range?: string) =>
      house.instance.ask(readRepositoryObject, {
        token: house.member.token,
        params: { repository: of, type, id },
        ...(range === undefined ? {} : { headers: { range } }),
      })
    expect((await read('data', pack.id)).rawPayload).toEqual(pack.bytes)
    const part = await read('data', pack.id, 'bytes=100000-199998')
    expect([part.statusCode, part.headers['content-range']]).toEqual([
      206,
      'bytes 100000-199998/200000',
    ])
    expect(part.rawPayload).toEqual(pack.bytes.subarray(100_000, 199_999))
    expect((await read('config', '0'.repeat(64))).rawPayload.toString()).toBe('sealed config')
    for (const [type, id] of [
      ['config', '1'.repeat(64)],
      ['data', index.id],
    ] as const)
      expect((await read(type, id)).json<{ code: string }>().code).toBe('not_found')
    const beyond = await read('index', index.id, 'bytes=100-')
    expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, 'bytes */100'])
  })
})

it('before the set-up nobody is served', async () => {
  const fresh = await Instance.open()
  await fresh.app.start()
  const at = `http://127.0.0.1:${fresh.app.http.port()}/repositories/${'0'.repeat(32)}/backup/keys/`
  const answer = await fetch(at)
  expect(answer.status).toBe(503)
  await answer.body?.cancel()
  await fresh.close()
})
