import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProblemBody } from '@hearthold/contract'
import {
  decodeReceipts,
  encodeAppend,
  generateSigningSeed,
  type LogAppend,
  randomBytes,
  type Receipt,
  signingPublicKey,
  toHex,
} from '@hearthold/crypto'
import {
  createFiles,
  createObjectAccess,
  type Files,
  filesMigrations,
  type FilesTables,
} from '#features/files/public.ts'
import type { SessionContext } from '#platform/access/session.ts'
import { type Database, migrate, openDatabase } from '#platform/db/index.ts'
import { createTestHttp, type TestHttp, testSession } from '#platform/http/test-http.ts'
import {
  createLogService,
  logMigrations,
  type LogService,
  type LogTables,
} from '#platform/logs/index.ts'
import { TestMember, TestShare } from '#platform/logs/test-logs.ts'
import { noLog } from '#platform/log.ts'
import { type ObjectStore, openObjectStore } from '#platform/objects/index.ts'
import { createLogFeature, logFeatureMigrations, type LogFeatureTables } from './public.ts'

type Tables = LogTables & LogFeatureTables & FilesTables
const octets = 'application/octet-stream'

export type Answer = { readonly status: number; readonly body: unknown; readonly bytes: Uint8Array }

/** For tests only: logs, files and HTTP as they really are; accounts begin without identity. */
export class TestLogFeature {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-log-feature-'))
  readonly instanceSeed = generateSigningSeed()
  readonly instanceKey = signingPublicKey(this.instanceSeed)
  readonly quotas = new Map<string, number>()
  readonly clock = { now: () => Date.now() }
  readonly #sessions: Record<string, SessionContext> = {}
  readonly #tokens = new Map<TestMember, string>()
  db!: Database<Tables>
  logs!: LogService
  http!: TestHttp
  #objects!: ObjectStore
  #files!: Files

  static async open(registersLimit = 4096): Promise<TestLogFeature> {
    const test = new TestLogFeature()
    const { clock, folder, instanceSeed } = test
    const db = openDatabase<Tables>({ file: join(folder, 'test.db') })
    await migrate<Tables>(db, [...logMigrations, ...filesMigrations, ...logFeatureMigrations])
    const store = await openObjectStore({ folder: join(folder, 'objects'), reserveBytes: 0 })
    const quotaBytes = async (_on: unknown, account: string) => test.quotas.get(account)
    const objects = createObjectAccess({ objects: store, log: noLog, quotaBytes })
    // Each part knows its own tables alone.
    const on = db as unknown as Database<LogTables> &
      Database<LogFeatureTables> &
      Database<FilesTables>
    const logs = createLogService({ db: on, clock, instanceSeed, objects })
    const { mayRead: mayReadLog } = logs
    test.http = createTestHttp(test.#sessions)
    test.#files = createFiles({ db: on, clock, log: noLog, objects: store, quotaBytes, mayReadLog })
    test.#files.bind(test.http.http)
    createLogFeature({ db: on, clock, logs, objects, registersLimit }).bind(test.http.http)
    await test.http.http.listen()
    test.db = db
    test.logs = logs
    test.#objects = store
    return test
  }

  async close(): Promise<void> {
    await this.http.close()
    this.#files.close()
    await this.#objects.close()
    await this.db.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** A member with an account log, signed in. */
  async member(role: 'member' | 'guest' = 'member'): Promise<TestMember> {
    const member = new TestMember()
    const token = randomBytes(32)
    const tokenB64 = Buffer.from(token).toString('base64url')
    const { account, log } = member.actor
    const sessionId = toHex(randomBytes(16))
    this.#sessions[tokenB64] = testSession({ sessionId, account, log, role })
    this.#tokens.set(member, tokenB64)
    const appends = [await member.foundingAppend()]
    const [receipt] = await this.logs.append({ actor: member.actor, appends })
    member.log.take(receipt!)
    return member
  }

  async as(
    member: TestMember,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    url: string,
    body?: Uint8Array | object,
  ): Promise<Answer> {
    const isBytes = body instanceof Uint8Array
    const answer = await fetch(`http://127.0.0.1:${this.http.http.port()}${url}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#tokens.get(member)}`,
        ...(body === undefined ? {} : { 'content-type': isBytes ? octets : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isBytes ? Buffer.from(body) : JSON.stringify(body) }),
    })
    const bytes = new Uint8Array(await answer.arrayBuffer())
    const isJson = answer.headers.get('content-type')?.includes('json')
    return {
      status: answer.status,
      body: isJson ? JSON.parse(Buffer.from(bytes).toString()) : undefined,
      bytes,
    }
  }

  async append(member: TestMember, ...appends: LogAppend[]): Promise<Receipt[] | ProblemBody> {
    const answer = await this.as(member, 'POST', '/api/logs', encodeAppend(appends))
    return answer.status === 200 ? decodeReceipts(answer.bytes) : (answer.body as ProblemBody)
  }

  async share(member: TestMember): Promise<TestShare> {
    const share = new TestShare(member)
    const receipts = await this.append(member, await share.foundingAppend())
    if (!Array.isArray(receipts)) throw new Error('the share was not founded')
    share.log.take(receipts[0] as Receipt)
    return share
  }

  /** Uploads an object of this many stored bytes. Answers its id. */
  async object(member: TestMember, sizeBytes = 100): Promise<string> {
    const object = toHex(randomBytes(16))
    const made = await this.as(member, 'POST', '/api/uploads', { object, sizeBytes })
    const { upload } = made.body as { upload: string }
    await this.as(member, 'PATCH', `/api/uploads/${upload}?offset=0`, randomBytes(sizeBytes))
    return object
  }

  /** Bytes of entries and registers that the account is charged for. */
  async entryBytes({ account }: TestMember): Promise<number> {
    const row = await this.db
      .selectFrom('account_usage')
      .select('entry_bytes')
      .where('account', '=', account)
      .executeTakeFirstOrThrow()
    return row.entry_bytes
  }
}

/** For tests only: the code of a refused answer. */
export const codeOf = ({ body }: Answer): string | undefined =>
  (body as ProblemBody | undefined)?.code
