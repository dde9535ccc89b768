import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, toHex } from '@hearthold/crypto'
import type { Repository } from '@hearthold/contract'
import type { InjectOptions } from 'fastify'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Database, migrate, openDatabase } from '#platform/db/index.ts'
import {
  createTestHttp,
  type RecordingLog,
  recordingLog,
  type TestHttp,
  testSession,
  testToken,
} from '#platform/http/test-http.ts'
import { versionsOf } from '#platform/keys/secret-files.ts'
import { openDiskStorage } from '#platform/storage/disk/index.ts'
import {
  type ListedObject,
  type RepositoryStorage,
  type RepositoryStore,
  StorageError,
} from '#platform/storage/storage.ts'
import { openRepositories, type Repositories, repositoriesMigrations } from './public.ts'
import type { RepositoryTables } from './tables.ts'

const storageId = 'e'.repeat(32)
const session = testSession({ role: 'host' })

let folder: string
let db: Database<RepositoryTables>
let http: TestHttp
let log: RecordingLog
let repositories: Repositories
/** Whether the storage answers; with a name only the repository of this name is out of reach. */
let down: boolean | string
/** How often it did not. */
let unanswered: number
/** What the member may keep. */
let quotaBytes: number | undefined
/** Whether it destroys what it is told to. */
let destroys: boolean
/** Objects that it lists besides, of each type. */
let strangers: number

const listStrangers = async function* (count: number): AsyncGenerator<readonly ListedObject[]> {
  for (let from = 0; from < count; from += 1000)
    yield Array.from({ length: Math.min(1000, count - from) }, (_, n) => ({
      id: (from + n).toString(16).padStart(64, '0'),
      sizeBytes: 3,
      storedAt: 0,
    }))
}

/** A store of which every call fails while the storage is down. */
const failing = (store: RepositoryStore, repository: string): RepositoryStore => {
  const guarded = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name, of)
        if (name === 'bin') return guarded(value as object)
        if (name === 'list' && strangers > 0) return () => listStrangers(strangers)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (down === true || down === repository) {
            unanswered += 1
            throw new StorageError('unavailable', 'out of reach')
          }
          return Reflect.apply(value, of, args)
        }
      },
    })
  return guarded(store)
}

const openFeature = async (): Promise<void> => {
  const disk = openDiskStorage({ folder: join(folder, 'storage') })
  const remote: RepositoryStorage = {
    ...disk,
    open: (of) => failing(disk.open(of), of.at(-1) ?? ''),
    destroy: async (of) => {
      if (!destroys) throw new StorageError('unavailable', 'out of reach')
      await disk.destroy(of)
    },
  }
  const pepper = { version: 1, value: randomBytes(32) as Uint8Array<ArrayBuffer> }
  repositories = await openRepositories({
    db,
    clock: { now: () => Date.now() },
    log,
    peppers: versionsOf('pepper', [pepper]),
    openStorage: async (storage) => {
      if (storage !== storageId) throw new Error('asked for another storage')
      return remote
    },
    members: {
      checkFreshProof: async () => undefined,
      checkSecondFactor: async () => undefined,
      inactive: async () => new Set(),
      quotaBytes: async () => quotaBytes,
    },
    otherBytes: () => 0,
    sessions: { find: async () => undefined },
    setUpNeeded: () => false,
    metricsToken: undefined,
  })
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-repositories-'))
  db = openDatabase<RepositoryTables>({ file: join(folder, 'test.db') })
  await migrate(db, repositoriesMigrations)
  const row = sql`insert into storages values (${storageId}, 'far', '{}', ${new Uint8Array(1)}, 0)`
  await row.execute(db)
  log = recordingLog()
  down = false
  unanswered = 0
  quotaBytes = undefined
  destroys = true
  strangers = 0
  await openFeature()
  http = createTestHttp({ [testToken('a')]: session })
  repositories.bind(http.http)
  await http.http.listen()
})
afterEach(async () => {
  await repositories.stop()
  await http.close()
  await db.close()
  rmSync(folder, { recursive: true })
})

const api = async <T = Record<string, unknown>>(
  method: NonNullable<InjectOptions['method']>,
  url: string,
  payload?: object,
): Promise<T> => {
  const answer = await http.send({
    method,
    url,
    headers: {
      authorization: `Bearer ${testToken('a')}`,
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  })
  return answer.json<T>()
}

const create = (name = 'far') =>
  api<Repository>('POST', '/api/repositories', { name, storage: storageId })

/** Uploads as restic does. @returns the status */
const uploader = async ({
  repository,
  path,
}: Repository): Promise<(body: Buffer) => Promise<number>> => {
  const made = await api<{ credential: { credential: string }; secret: string }>(
    'POST',
    `/api/repositories/${repository}/credentials`,
    { label: 'x', scope: 'append', validDays: null },
  )
  const basic = Buffer.from(`${made.credential.credential}:${made.secret}`).toString('base64')
  return (body) =>
    new Promise((resolve, reject) => {
      const sending = request({
        port: http.http.port(),
        method: 'POST',
        path: `${path}data/${toHex(sha256(body))}`,
        agent: false,
        headers: { host: 'localhost:8765', authorization: `Basic ${basic}` },
      })
      sending.once('error', reject)
      sending.once('response', (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      sending.end(body)
    })
}

describe('a storage out of reach', () => {
  test('makes no repository, and says so', async () => {
    down = true
    expect(await create()).toMatchObject({ status: 502, code: 'storage_failed' })
    expect(await api('GET', '/api/repositories')).toEqual({ repositories: [] })
    down = false
    expect(await create()).toMatchObject({ name: 'far', counted: true })
  })

  test('is told to restic as 503, alarms once, and goes on when it is back', async () => {
    const repository = await create()
    const upload = await uploader(repository)
    expect(await upload(randomBytes(100))).toBe(200)
    down = true
    expect(await upload(randomBytes(100))).toBe(503)
    for (let hour = 0; hour < 3; hour++) await repositories.tend()
    const url = `/api/repositories/${repository.repository}`
    expect(await api(`GET`, url)).toMatchObject({ usedBytes: 100, alarms: [{ kind: 'storage' }] })
    for (const path of ['bin', 'objects/index', `objects/config/${'0'.repeat(64)}`])
      expect(await api('GET', `${url}/${path}`)).toMatchObject({ code: 'storage_failed' })
    expect(await api('POST', `${url}/bin/restore`, {})).toMatchObject({ code: 'storage_failed' })
    const alarms = log.lines.filter(({ fields }) => fields['alarm'] === 'storage')
    expect(alarms.length).toBe(1)
    down = false
    expect(await upload(randomBytes(100))).toBe(200)
    expect(await api(`GET`, url)).toMatchObject({ usedBytes: 200, alarms: [] })
  })

  test('is not waited for by uploads to other repositories of its member', async () => {
    quotaBytes = 10_000
    await create()
    const near = await create('near')
    await repositories.stop()
    await repositories.close()
    await http.close()
    down = 'far'
    await openFeature()
    http = createTestHttp({ [testToken('a')]: session })
    repositories.bind(http.http)
    await http.http.listen()
    await repositories.tend()
    await repositories.scrubbed()
    expect(unanswered).toBeGreaterThan(0)
    const upload = await uploader(near)
    unanswered = 0
    for (let n = 0; n < 3; n++) expect(await upload(randomBytes(100))).toBe(200)
    expect(unanswered).toBe(0)
  })

  test('does not keep the server from starting; the last numbers are shown until it is back', async () => {
    const repository = await create()
    const upload = await uploader(repository)
    await upload(randomBytes(500))
    await repositories.stop()
    await repositories.close()
    await http.close()
    down = true
    await openFeature()
    http = createTestHttp({ [testToken('a')]: session })
    repositories.bind(http.http)
    await http.http.listen()
    await repositories.tend()
    const url = `/api/repositories/${repository.repository}`
    expect(await api(`GET`, url)).toMatchObject({
      counted: false,
      usedBytes: 500,
      objects: 1,
      alarms: [{ kind: 'storage' }],
    })
    down = false
    await repositories.tend()
    await repositories.scrubbed()
    expect(await api(`GET`, url)).toMatchObject({ counted: true, usedBytes: 500, alarms: [] })
  })
})

test('a list that would fill the memory is refused before it does', async () => {
  const { repository } = await create()
  const list = () =>
    api<{ objects?: unknown[]; code?: string }>(
      'GET',
      `/api/repositories/${repository}/objects/index`,
    )
  strangers = 100_000
  expect((await list()).objects?.length).toBe(100_000)
  strangers = 10_000_000
  expect(await list()).toMatchObject({ status: 413, code: 'too_large' })
})

describe('destruction', () => {
  test('that has begun is never taken back, and ends when the storage is back', async () => {
    const repository = await create()
    const url = `/api/repositories/${repository.repository}`
    await (
      await uploader(repository)
    )(randomBytes(100))
    expect(await api('DELETE', url)).toMatchObject({ removedAt: expect.any(Number) })
    destroys = false
    const name = { name: 'far' }
    expect(await api('POST', `${url}/purge`, name)).toMatchObject({ code: 'storage_failed' })
    expect(await api('POST', `${url}/restore`)).toMatchObject({ code: 'not_found' })
    await repositories.tend()
    expect(await api('GET', url)).toMatchObject({ destroyedAt: 0 })
    destroys = true
    expect(await repositories.tend()).toMatchObject({ repositories: 1, objects: 1, bytes: 100 })
    expect(await api('GET', url)).toMatchObject({ code: 'not_found' })
  })
})
