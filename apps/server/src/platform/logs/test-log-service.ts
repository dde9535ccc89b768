import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  generateSigningSeed,
  type LogAppend,
  type Receipt,
  signingPublicKey,
} from '@hearthold/crypto'
import type { Clock } from '#platform/clock.ts'
import { type Database, migrate, openDatabase } from '#platform/db/index.ts'
import type { AppendRequest } from './append-request.ts'
import { createLogService, type LogService, type LogServiceOptions } from './log-service.ts'
import { logMigrations } from './migrations/index.ts'
import type { ObjectAccess } from './object-access.ts'
import type { LogTables } from './tables.ts'
import { type TestMember, TestShare } from './test-logs.ts'

/** For tests only: objects in a map, to watch what the log service asks. The real ones are in features/files. */
export class WatchedObjects implements ObjectAccess {
  /** Stored bytes by object. */
  readonly there = new Map<string, number>()
  readonly referenced: string[] = []
  readonly released: string[] = []
  readonly calls: ('mark' | 'release')[] = []
  entryBytes = 0
  quotaBytes = Number.MAX_SAFE_INTEGER

  async checkReferencable(
    _trx: unknown,
    { references }: Parameters<ObjectAccess['checkReferencable']>[1],
  ): Promise<void> {
    for (const { object, sizeBytes } of references) {
      const stored = this.there.get(object)
      if (stored === undefined || (sizeBytes !== undefined && stored !== sizeBytes)) {
        throw new ProblemError('object_missing')
      }
    }
  }

  async markReferenced(_trx: unknown, _log: string, objects: readonly string[]): Promise<void> {
    this.calls.push('mark')
    this.referenced.push(...objects)
  }

  async release(_trx: unknown, _log: string, objects: readonly string[]): Promise<void> {
    this.calls.push('release')
    this.released.push(...objects)
  }

  async addEntryBytes(_trx: unknown, _account: string, sizeBytes: number): Promise<void> {
    if (this.entryBytes + sizeBytes > this.quotaBytes) throw new ProblemError('over_quota')
    this.entryBytes += sizeBytes
  }
}

/** For tests only: the log service over a real database in a folder of its own. */
export class TestLogService {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-logs-'))
  readonly instanceSeed: Bytes = generateSigningSeed()
  readonly instanceKey = signingPublicKey(this.instanceSeed)
  readonly objects = new WatchedObjects()
  now = 1_800_000_000_000
  readonly clock: Clock = { now: () => this.now }
  db!: Database<LogTables>
  logs!: LogService

  static async open(options: Partial<LogServiceOptions> = {}): Promise<TestLogService> {
    const service = new TestLogService()
    await service.start(options)
    return service
  }

  /** Opens the database again, as after a restart: nothing of the service's memory is kept. */
  async start(options: Partial<LogServiceOptions> = {}): Promise<void> {
    this.db = openDatabase<LogTables>({ file: join(this.folder, 'test.db') })
    await migrate<LogTables>(this.db, logMigrations)
    const { db, clock, instanceSeed, objects } = this
    this.logs = createLogService({ db, clock, instanceSeed, objects, ...options })
  }

  async restart(options: Partial<LogServiceOptions> = {}): Promise<void> {
    await this.db.close()
    await this.start(options)
  }

  async close(): Promise<void> {
    await this.db.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async append(
    member: TestMember,
    appends: readonly LogAppend[],
    within?: AppendRequest['within'],
  ): Promise<Receipt[]> {
    const { actor } = member
    return this.logs.append({ actor, appends, ...(within ? { within } : {}) })
  }

  async found(member: TestMember): Promise<void> {
    const [receipt] = await this.append(member, [await member.foundingAppend()])
    member.log.take(receipt!)
  }

  async share(member: TestMember): Promise<TestShare> {
    const share = new TestShare(member)
    const [receipt] = await this.append(member, [await share.foundingAppend()])
    share.log.take(receipt!)
    return share
  }
}

/** For tests only: the code, and what else it says, of the problem that this ends with. */
export const problemOf = async (
  work: Promise<unknown>,
): Promise<{ code: string; extra: unknown } | undefined> => {
  try {
    await work
    return undefined
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    return { code: error.code, extra: error.extra }
  }
}
