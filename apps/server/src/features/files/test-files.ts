import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import websocket from '@fastify/websocket'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Transaction } from 'kysely'
import { type Database, inTransaction, migrate, openDatabase } from '#platform/db/index.ts'
import { createTestHttp, type TestHttp, testSession, testToken } from '#platform/http/test-http.ts'
import { noLog } from '#platform/log.ts'
import type { ObjectAccess } from '#platform/logs/index.ts'
import { type ObjectStore, openObjectStore } from '#platform/objects/index.ts'
import {
  createFiles,
  createObjectAccess,
  type Files,
  filesMigrations,
  type FilesTables,
} from './public.ts'

/** For tests only. Who asks: ids of a member, and the token of their session. */
export type TestMember = { account: string; log: string; token: string }

const member = (digit: string): TestMember => ({
  account: digit.repeat(32),
  log: `${digit}f`.repeat(16),
  token: testToken(digit),
})
export const alice = member('a')
export const bob = member('b')

/** For tests only: the feature with a real store and database, without the log service. */
export type TestFiles = {
  readonly folder: string
  readonly files: Files
  readonly db: Database<FilesTables>
  readonly objects: ObjectStore
  readonly access: ObjectAccess
  readonly http: TestHttp
  /** Of a session of alice's that a cookie carries. */
  readonly cookieToken: string
  /** Milliseconds since 1970; to be changed. */
  now: number
  /** By account; without an entry no limit. */
  readonly quotas: Map<string, number>
  /** `account log>log` pairs that may be read. */
  readonly readable: Set<string>
  as(who: TestMember, options: InjectOptions): Promise<LightMyRequestResponse>
  /** What the log service does when an entry names objects. */
  refer(who: TestMember, log: string, objects: readonly string[]): Promise<void>
  release(log: string, objects: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** A transaction as the log service sees it: of no tables of ours. */
export const whole = (
  db: Database<FilesTables>,
  work: (trx: Transaction<unknown>) => Promise<void>,
): Promise<void> => inTransaction(db, (trx) => work(trx as unknown as Transaction<unknown>))

export const newId = (): string => randomBytes(16).toString('hex')

export const openTestFiles = async (): Promise<TestFiles> => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-files-'))
  const db = openDatabase<FilesTables>({ file: join(folder, 'test.db') })
  await migrate(db, filesMigrations)
  const objects = await openObjectStore({ folder: join(folder, 'objects'), reserveBytes: 0 })
  const quotas = new Map<string, number>()
  const readable = new Set<string>()
  const mayReadLog = async (accountLog: string, log: string) => readable.has(`${accountLog}>${log}`)
  const shared = {
    objects,
    log: noLog,
    quotaBytes: async (_on: unknown, account: string) => quotas.get(account),
  }
  const access = createObjectAccess(shared)
  const clock = { now: () => test.now }
  const files = createFiles({ ...shared, db, clock, mayReadLog })
  const sessions = [alice, bob].map(
    ({ token, account, log }) =>
      [token, testSession({ account, log, sessionId: account })] as const,
  )
  const cookieToken = testToken('c')
  const facts = { account: alice.account, log: alice.log, sessionId: 'c'.repeat(32) }
  sessions.push([cookieToken, testSession({ ...facts, kind: 'cookie' })] as const)
  // An injected request has no socket that could linger.
  const http = createTestHttp(Object.fromEntries(sessions), { timeouts: { lingerMs: 2 ** 30 } })
  // As the one socket does: without it upgrades are no requests.
  void http.http.fastify.register(async (scope) => {
    await scope.register(websocket)
  })
  files.bind(http.http)

  const test: TestFiles = {
    folder,
    files,
    db,
    objects,
    access,
    http,
    cookieToken,
    now: Date.now(),
    quotas,
    readable,
    as: ({ token }, options) =>
      http.send({ ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } }),
    refer: (who, log, ids) =>
      whole(db, async (trx) => {
        const mayRead = (other: string) => mayReadLog(who.log, other)
        const references = ids.map((object) => ({ object }))
        await access.checkReferencable(trx, { actor: who, references, mayRead })
        await access.markReferenced(trx, log, ids, 'entries')
      }),
    release: (log, ids) => whole(db, (trx) => access.release(trx, log, ids, 'entries')),
    close: async () => {
      await http.close()
      files.close()
      await objects.close()
      await db.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return test
}

/** `objects` as they travel: id, length u32be, bytes. */
export const bundleOf = (objects: readonly { id: string; bytes: Uint8Array }[]): Buffer =>
  Buffer.concat(
    objects.flatMap(({ id, bytes }) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [Buffer.from(id, 'hex'), length, bytes]
    }),
  )
export const octets = { 'content-type': 'application/octet-stream' }

/** What a member may ask, by method. */
export const requestsOf = (at: TestFiles) => {
  const putBundle = (who: TestMember, payload: Buffer) =>
    at.as(who, { method: 'POST', url: '/api/objects/bundle', payload, headers: octets })
  return {
    putBundle,
    readBundle: (who: TestMember, objects: readonly string[]) =>
      at.as(who, { method: 'POST', url: '/api/objects/read', payload: { objects } }),
    create: (who: TestMember, object: string, sizeBytes: number) =>
      at.as(who, { method: 'POST', url: '/api/uploads', payload: { object, sizeBytes } }),
    patch: (who: TestMember, upload: string, offset: number, bytes: Uint8Array) =>
      at.as(who, {
        method: 'PATCH',
        url: `/api/uploads/${upload}?offset=${offset}`,
        payload: Buffer.from(bytes),
        headers: octets,
      }),
    stateOf: (who: TestMember, upload: string) =>
      at.as(who, { method: 'GET', url: `/api/uploads/${upload}` }),
    cancel: (who: TestMember, upload: string) =>
      at.as(who, { method: 'DELETE', url: `/api/uploads/${upload}` }),
    get: (who: TestMember, object: string, range?: string) =>
      at.as(who, {
        method: 'GET',
        url: `/api/objects/${object}`,
        headers: range === undefined ? {} : { range },
      }),
    usedBy: async (who: TestMember): Promise<number> =>
      (await at.as(who, { method: 'GET', url: '/api/usage' })).json().usedBytes,
    /** A small object of `who`, stored. */
    stored: async (who: TestMember, sizeBytes = 100): Promise<{ id: string; bytes: Buffer }> => {
      const object = { id: newId(), bytes: randomBytes(sizeBytes) }
      const { statusCode } = await putBundle(who, bundleOf([object]))
      if (statusCode !== 200) throw new Error(`the bundle was answered ${statusCode}`)
      return object
    },
  }
}
export type Requests = ReturnType<typeof requestsOf>
