import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnswerOf, BodyOf, Endpoint, ParamsOf, QueryOf } from '@hearthold/contract'
import { createSessionEvents, type SessionEvents } from '#platform/access/session-events.ts'
import { type Database, migrate, openDatabase } from '#platform/db/index.ts'
import { createTestHttp, type TestHttp } from '#platform/http/test-http.ts'
import { type Keys, keysMigrations, type KeysTables, openKeys } from '#platform/keys/index.ts'
import { createLogService, logMigrations, type LogTables } from '#platform/logs/index.ts'
import { WatchedObjects } from '#platform/logs/test-log-service.ts'
import { type Identity, identityMigrations, type IdentityTables, openIdentity } from './public.ts'

type Tables = IdentityTables & KeysTables & LogTables

/** An answer as a test looks at it: `body` is the endpoint's answer, or a problem. */
export type Answer<E> = {
  readonly status: number
  readonly body: AnswerOf<E>
  /** The problem's code; empty for an answer. */
  readonly code: string
  readonly retryAfter: number
  readonly cookie: string | undefined
  readonly sizeBytes: number
}
type Input<E> = {
  params?: ParamsOf<E>
  query?: QueryOf<E>
  body?: BodyOf<E>
  token?: string
  cookie?: string
  address?: string
}

/** For tests only: the feature over a real database, log service and HTTP layer, with a clock that stands still. */
export class TestIdentity {
  readonly folder = mkdtempSync(join(tmpdir(), 'hearthold-identity-'))
  readonly ended: string[] = []
  readonly used = new Map<string, number>()
  now = 1_800_000_000_000
  defaultQuotaBytes: number | undefined
  db!: Database<Tables>
  keys!: Keys
  identity!: Identity
  events!: SessionEvents
  http!: TestHttp

  static async open(publicUrl?: string): Promise<TestIdentity> {
    const made = new TestIdentity()
    await made.start(publicUrl)
    return made
  }

  async start(publicUrl = 'http://localhost:8765'): Promise<void> {
    const clock = { now: () => this.now }
    this.db = openDatabase<Tables>({ file: join(this.folder, 'test.db') })
    await migrate(this.db, [...keysMigrations, ...logMigrations, ...identityMigrations])
    this.keys = await openKeys({ keysDir: join(this.folder, 'keys'), db: this.db, clock })
    this.events = createSessionEvents()
    this.events.onEnded((ids) => void this.ended.push(...ids))
    const instanceSeed = this.keys.secrets.signingSeed
    const objects = new WatchedObjects()
    this.identity = await openIdentity({
      db: this.db,
      clock,
      keys: this.keys,
      logs: createLogService({ db: this.db, clock, instanceSeed, objects }),
      events: this.events,
      dataDir: this.folder,
      publicUrl: () => publicUrl,
      defaultQuotaBytes: this.defaultQuotaBytes,
      usedBytes: async () => this.used,
    })
    const { sessions, setUp } = this.identity
    // Injected requests have no socket to cut.
    const timeouts = { lingerMs: 3600_000 }
    this.http = createTestHttp({}, { publicUrl, clock, sessions, setUp, timeouts })
    this.identity.routes(this.http.http)
    await this.identity.start()
  }

  async stop(): Promise<void> {
    this.identity.stop()
    await this.http.close()
    await this.db.close()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async call<E extends Endpoint>(endpoint: E, input: Input<E> = {}): Promise<Answer<E>> {
    const params = (input.params ?? {}) as Record<string, string>
    const url = endpoint.path.replace(/:(\w+)/g, (_all, name: string) => params[name] ?? '')
    const answer = await this.http.send({
      method: endpoint.method,
      url,
      query: input.query ?? {},
      remoteAddress: input.address ?? '192.0.2.1',
      headers: {
        'user-agent': 'test',
        // What a browser sends from our own page.
        'sec-fetch-site': 'same-origin',
        ...(input.token === undefined ? {} : { authorization: `Bearer ${input.token}` }),
        ...(input.cookie === undefined ? {} : { cookie: input.cookie }),
      },
      ...(input.body === undefined ? {} : { payload: input.body as object }),
    })
    const body = JSON.parse(answer.payload || '{}') as AnswerOf<E> & { code?: string }
    const cookie = answer.headers['set-cookie']
    return {
      status: answer.statusCode,
      body,
      code: answer.statusCode < 400 ? '' : (body.code ?? 'none'),
      retryAfter: Number(answer.headers['retry-after'] ?? 0),
      cookie: Array.isArray(cookie) ? cookie[0] : cookie,
      sizeBytes: answer.rawPayload.length,
    }
  }

  /** What the server does every hour. */
  async sweep(): Promise<void> {
    this.identity.stop()
    await this.identity.start()
  }

  /** Lets time pass, so that the next code of an authenticator is a new one. */
  nextStep(): void {
    this.now += 30_000
  }
}
