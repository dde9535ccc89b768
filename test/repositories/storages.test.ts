/** Repositories on storages over a network: configurations, what is kept of their secrets, and the protocol on top. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as contract from '@hearthold/contract'
import type { StorageSettings } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  testBucket,
  testKeys,
  TestS3Server,
} from '../../apps/server/src/platform/storage/s3/test-s3-server.ts'
import {
  testUser,
  TestWebDavServer,
} from '../../apps/server/src/platform/storage/webdav/test-webdav-server.ts'
import { hourMs, House, newObject } from './repository-house.ts'

let house: House
let s3: TestS3Server
let dav: TestWebDavServer
beforeAll(async () => {
  house = await House.open()
  s3 = await TestS3Server.start({ locks: 'ignored' })
  dav = await TestWebDavServer.start()
})
afterAll(async () => {
  await house.close()
  await s3.close()
  await dav.close()
})

type S3Settings = Extract<StorageSettings, { kind: 's3' }>
const s3Settings = (more: Partial<S3Settings> = {}): S3Settings => ({
  kind: 's3',
  endpoint: `http://127.0.0.1:${s3.port}`,
  region: testKeys.region,
  bucket: testBucket,
  prefix: 'house/',
  addressing: 'path',
  accessKey: testKeys.accessKey,
  objectLock: false,
  ...more,
})
const davSettings = (): StorageSettings => ({
  kind: 'webdav',
  url: `http://127.0.0.1:${dav.port}/dav/`,
  user: testUser.user,
})

const create = (name: string, settings: StorageSettings, secret: string) => {
  const body = { name, settings, secret }
  return house.call(contract.createStorage, { body }, house.host)
}
const refusal = (name: string, settings: StorageSettings, secret: string) =>
  house.codeOf(contract.createStorage, { body: { name, settings, secret } }, house.host)
const list = async () => (await house.call(contract.listStorages, {}, house.host)).storages
const remove = (storage: string) =>
  house.codeOf(contract.removeStorage, { params: { storage } }, house.host)

/** Every file below the data folder that holds the text. */
const filesWith = (text: string): string[] => {
  const folder = house.instance.folder
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => {
    const file = join(folder, path)
    return statSync(file).isFile() && readFileSync(file).includes(text)
  })
}

describe('a storage configuration', () => {
  it('is kept once it was tried, and shows its secret to nobody', async () => {
    const made = await create('bucket', s3Settings(), testKeys.secretKey)
    expect(made).toMatchObject({ name: 'bucket', settings: s3Settings(), repositories: 0 })
    // Nothing of the trial stays.
    expect([...s3.objects.keys()]).toEqual([])
    const cloud = await create('cloud', davSettings(), testUser.password)
    expect([...dav.files.keys()]).toEqual([])
    const storages = await list()
    expect(storages.map(({ name }) => name)).toEqual(['bucket', 'cloud'])
    for (const secret of [testKeys.secretKey, testUser.password]) {
      expect(JSON.stringify(storages)).not.toContain(secret)
      expect(filesWith(secret)).toEqual([])
    }
    expect(await house.call(contract.listStorageChoices, {})).toEqual({
      storages: [
        { storage: made.storage, name: 'bucket', kind: 's3' },
        { storage: cloud.storage, name: 'cloud', kind: 'webdav' },
      ],
    })
    expect(await refusal('bucket', s3Settings(), testKeys.secretKey)).toBe('storage_exists')
  })

  it('is refused where it is none, does not answer, or lets us not in', async () => {
    const before = await list()
    const closed = await TestS3Server.start()
    const { port } = closed
    await closed.close()
    for (const more of [
      { endpoint: 'https://host/bucket' },
      { prefix: 'a/../' },
      // They go into a header.
      { accessKey: 'ключ' },
      { accessKey: `${testKeys.accessKey}\r\nx-more: 1` },
      { region: 'us east' },
    ])
      expect(await refusal('a', s3Settings(more), 'x')).toBe('storage_invalid')
    expect(await refusal('a', s3Settings({ endpoint: `http://127.0.0.1:${port}` }), 'x')).toBe(
      'storage_failed',
    )
    expect(await refusal('a', s3Settings(), 'wrong')).toBe('storage_failed')
    expect(await refusal('a', s3Settings({ bucket: 'other-bucket' }), testKeys.secretKey)).toBe(
      'storage_failed',
    )
    expect(await refusal('a', davSettings(), 'wrong')).toBe('storage_failed')
    const plain: StorageSettings = { kind: 'webdav', url: 'http://cloud.example/', user: 'x' }
    expect(await refusal('a', plain, 'x')).toBe('storage_invalid')
    const answer = await house.instance.call(contract.createStorage, {
      token: house.host.token,
      body: { name: 'a', settings: s3Settings(), secret: 'a wrong secret' },
    })
    expect(answer.body).toMatchObject({
      detail: 'The storage does not accept the secret key, or the region is another.',
    })
    expect(await list()).toEqual(before)
  })

  it('with locks is refused where the store does not hold them', async () => {
    const settings = s3Settings({ objectLock: true })
    expect(await refusal('locked', settings, testKeys.secretKey)).toBe('storage_invalid')
    const without = await TestS3Server.start({ locks: 'refused' })
    const refused = { ...settings, endpoint: `http://127.0.0.1:${without.port}` }
    expect(await refusal('locked', refused, testKeys.secretKey)).toBe('storage_invalid')
    await without.close()
  })

  it('is tested and changed, by whom and where it is safe', async () => {
    const [bucket] = await list()
    const params = { storage: bucket!.storage }
    const { ms } = await house.call(contract.testStorage, { params }, house.host)
    expect(ms).toBeGreaterThanOrEqual(0)
    s3.failNext(4, 503, 'SlowDown')
    expect(await house.codeOf(contract.testStorage, { params }, house.host)).toBe('storage_failed')
    const change = (body: object) =>
      house.codeOf(contract.updateStorage, { params, body }, house.host)
    expect(await change({ secret: 'wrong' })).toBe('storage_failed')
    expect(await change({ settings: s3Settings({ prefix: 'flat/' }) })).toBe('')
    // The secret does not go to an address that its owner did not give it for.
    const elsewhere = s3Settings({ endpoint: `http://localhost:${s3.port}` })
    expect(await change({ settings: elsewhere })).toBe('storage_invalid')
    expect(await change({ settings: elsewhere, secret: testKeys.secretKey })).toBe('')
    expect((await list())[0]?.settings).toEqual(elsewhere)
    expect(await change({ settings: s3Settings(), secret: testKeys.secretKey })).toBe('')
    const nobody = { storage: '0'.repeat(32) }
    expect(await house.codeOf(contract.testStorage, { params: nobody }, house.host)).toBe(
      'not_found',
    )
    const gone = await house.call(contract.removeStorage, { params: nobody }, house.host)
    expect(gone).toEqual({ removed: false })
  })
})

describe.each(['bucket', 'cloud'])('a repository on %s', (name) => {
  const keys = (): string[] => (name === 'bucket' ? [...s3.objects.keys()] : [...dav.files.keys()])
  const storageOf = async () => (await list()).find((one) => one.name === name)!

  it('is served, append-only and frozen as on the disk', async () => {
    const { storage } = await storageOf()
    const repository = await house.create(`on-${name}`, { storage, freezeDays: 2 })
    const [append, maintain] = [
      await house.key(repository, 'append'),
      await house.key(repository, 'maintain'),
    ]
    const config = Buffer.from('sealed by restic')
    expect((await house.ask(append, 'POST', 'config', { body: config })).status).toBe(200)
    const pack = newObject('data', 1_000_000)
    const snapshot = newObject('snapshots')
    expect(await house.put(append, pack)).toBe(200)
    expect(await house.put(append, pack)).toBe(200)
    expect(await house.put(append, snapshot)).toBe(200)
    expect(await house.put(append, { ...newObject('data'), bytes: pack.bytes })).toBe(400)
    const read = await house.ask(append, 'GET', `data/${pack.id}`, {
      headers: { range: 'bytes=1000-1999' },
    })
    expect([read.status, read.body.equals(pack.bytes.subarray(1000, 2000))]).toEqual([206, true])
    expect((await house.ask(append, 'GET', `data/${pack.id}`)).body.equals(pack.bytes)).toBe(true)
    const listed = await house.ask(append, 'GET', 'data/', {
      headers: { accept: 'application/vnd.x.restic.rest.v2' },
    })
    expect(JSON.parse(listed.body.toString())).toEqual([{ name: pack.id, size: 1_000_000 }])
    expect(await house.remove(append, pack)).toBe(403)
    expect(await house.remove(maintain, pack)).toBe(200)
    expect((await house.ask(append, 'GET', `data/${pack.id}`)).status).toBe(404)
    const place = keys().filter((key) => key.includes(`on-${name}/`))
    expect(place.some((key) => key.includes(`/.bin/data/${pack.id}.`))).toBe(true)
    const params = { repository: repository.repository }
    await house.call(contract.restoreBin, { params, body: {} })
    expect((await house.ask(append, 'GET', `data/${pack.id}`)).body.equals(pack.bytes)).toBe(true)
    expect(await house.get(repository)).toMatchObject({ storage, objects: 3, snapshots: 1 })
    expect((await storageOf()).repositories).toBe(1)
    expect(await remove(storage)).toBe('storage_in_use')
  })

  it('at a full quota takes the same again, and streams nothing beyond what lies there', async () => {
    const { storage } = await storageOf()
    const repository = await house.create(`full-${name}`, { storage, freezeDays: 2 })
    const key = await house.key(repository, 'append')
    const pack = newObject('data', 300_000)
    expect(await house.put(key, pack)).toBe(200)
    const params = { repository: repository.repository }
    await house.call(contract.updateRepository, { params, body: { quotaBytes: 300_000 } })
    expect(await house.put(key, pack)).toBe(200)
    const more = { ...pack, bytes: Buffer.alloc(5_000_000) }
    expect(await house.put(key, more)).toBe(507)
    expect(await house.put(key, { ...pack, bytes: Buffer.alloc(300_000) })).toBe(403)
    // What lies there was damaged: only bytes of its length may come to heal it.
    const [, lies] = [...s3.objects, ...dav.files].find(([place]) => place.endsWith(pack.id))!
    const damaged = Buffer.from(lies.bytes)
    damaged[1000] = (damaged[1000] ?? 0) ^ 1
    lies.bytes = damaged
    const sent = () =>
      [...s3.requests, ...dav.requests].filter(({ method }) => method === 'PUT').length
    const before = sent()
    expect(await house.put(key, more)).toBe(507)
    expect(sent()).toBe(before)
    expect(await house.put(key, pack)).toBe(200)
    expect(await house.fetch(key, pack)).toEqual(pack.bytes)
    expect(await house.get(repository)).toMatchObject({ objects: 1, usedBytes: 300_000 })
    await house.call(contract.removeRepository, { params })
  })

  it('follows a change of its configuration at once', async () => {
    const { repositories } = await house.call(contract.listRepositories, {})
    const key = await house.key(
      repositories.find((one) => one.name === `on-${name}`)!,
      'append',
    )
    const { storage, settings } = await storageOf()
    const moved: StorageSettings =
      settings.kind === 's3'
        ? { ...settings, endpoint: settings.endpoint.replace('127.0.0.1', 'localhost') }
        : { ...settings, url: settings.url.replace('127.0.0.1', 'localhost') }
    const secret = name === 'bucket' ? testKeys.secretKey : testUser.password
    const update = { params: { storage }, body: { settings: moved, secret } }
    await house.call(contract.updateStorage, update, house.host)
    s3.requests.length = 0
    dav.requests.length = 0
    const pack = newObject('data', 300_000)
    expect(await house.put(key, pack)).toBe(200)
    expect(await house.fetch(key, pack)).toEqual(pack.bytes)
    const hosts = [
      ...s3.requests.map(({ headers }) => headers.host),
      ...dav.requests.map(({ host }) => host),
    ]
    expect(new Set(hosts.map((host) => host?.split(':')[0]))).toEqual(new Set(['localhost']))
  })

  it('outlives a restart, and its storage being away', async () => {
    if (name === 'bucket') s3.failNext(10_000, 503, 'SlowDown')
    else dav.failNext(10_000, 503)
    await house.restart()
    const { repositories } = await house.call(contract.listRepositories, {})
    const repository = repositories.find((one) => one.name === `on-${name}`)!
    const key = await house.key(repository, 'append')
    expect((await house.ask(key, 'GET', 'config')).status).toBeGreaterThanOrEqual(500)
    if (name === 'bucket') s3.failNext(0, 503, 'SlowDown')
    else dav.failNext(0, 503)
    expect((await house.ask(key, 'GET', 'config')).body.toString()).toBe('sealed by restic')
  })

  it('lets go of its storage once it is destroyed', async () => {
    const { repositories } = await house.call(contract.listRepositories, {})
    const repository = repositories.find((one) => one.name === `on-${name}`)!
    const params = { repository: repository.repository }
    const { storage } = await storageOf()
    await house.call(contract.removeRepository, { params })
    expect(await remove(storage)).toBe('storage_in_use')
    await house.passDays(4)
    expect(keys().filter((key) => key.includes(`${name}/`))).toEqual([])
    house.instance.now += hourMs
    expect(await remove(storage)).toBe('step_up_needed')
    await house.signInAnew()
    expect(await remove(storage)).toBe('')
    expect((await list()).map((one) => one.storage)).not.toContain(storage)
  })
})
