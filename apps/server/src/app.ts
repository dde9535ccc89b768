import { statSync } from 'node:fs'
import { join } from 'node:path'
import { ProblemError } from '@hearthold/contract'
import { type Kysely, sql } from 'kysely'
import { type IdentityTables, identityMigrations, openIdentity } from '#features/identity/public.ts'
import { createSessionEvents, type SessionEvents } from '#platform/access/session-events.ts'
import type { SessionLookup } from '#platform/access/session.ts'
import { type Clock, systemClock } from '#platform/clock.ts'
import { lockDataFolder } from '#platform/data-lock.ts'
import { migrate, openDatabase } from '#platform/db/index.ts'
import { ensureFolder, restrictNewFiles } from '#platform/file-modes.ts'
import {
  addFirstPage,
  addHealthRoutes,
  createHttp,
  type Http,
  type HttpDeps,
  type ReadyCheck,
} from '#platform/http/index.ts'
import { type Keys, keysMigrations, type KeysTables, openKeys } from '#platform/keys/index.ts'
import { type FileLog, type Log, openFileLog } from '#platform/log.ts'
import {
  createLogService,
  logMigrations,
  type LogService,
  type LogTables,
  type ObjectAccess,
} from '#platform/logs/index.ts'
import { type ObjectStore, openObjectStore } from '#platform/objects/index.ts'
import { type CertificateKeeper, openCertificate } from '#platform/tls/keeper.ts'
import type { Config, Secrets } from './config/load.ts'
import { isLoopback } from './config/tls-plan.ts'

/** Every table of the instance; each part names only its own. */
type Tables = KeysTables & LogTables & IdentityTables

/** In this order, for ever: a step may build on those before it. */
const migrations = [...keysMigrations, ...logMigrations, ...identityMigrations]

/** What tests may put in the place of the real thing. */
export type AppOverrides = {
  readonly clock?: Clock
  readonly onUnlistedProblem?: NonNullable<HttpDeps['onUnlistedProblem']>
  readonly timeouts?: NonNullable<HttpDeps['timeouts']>
}

/** A whole server: made, started, stopped. */
export type App = {
  readonly http: Http
  /** SHA-256 of the public key as hex where the certificate is self-signed: links carry it after the token. */
  readonly pin: string | undefined
  /** Where people reach it, without a slash at the end; right once it listens. */
  publicUrl(): string
  /** The one-time token while the instance waits to be set up. */
  setUpToken(): string | undefined
  /** Begins to listen. @throws Error that says what is in the way */
  start(): Promise<void>
  /** Opens log files anew and reads certificates again (SIGHUP). */
  reload(): Promise<void>
  /** Lets requests finish, then closes everything in the reverse order. Safe to call twice. */
  stop(): Promise<void>
}

/** What stands before any feature does. */
type Platform = {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly db: Kysely<Tables>
  readonly keys: Keys
  readonly objects: ObjectStore
  readonly certificate: CertificateKeeper | undefined
  /** For links; see App. */
  readonly publicUrl: () => string
}

/** What a feature adds to the process. */
type Feature = {
  /** Binds its endpoints. */
  readonly routes: (http: Http) => void
  /** Its periodic work; begins once the server listens. */
  readonly start?: () => void | Promise<void>
  readonly stop?: () => void | Promise<void>
}

/** What the HTTP layer asks of the features before any route is reached. */
type Gate = {
  readonly sessions: SessionLookup
  readonly setUp: { needed(): boolean; token(): string | undefined }
}

/** Ends things in the reverse order of their beginning, each once, also when the beginning failed half-way. */
type Endings = { add(end: () => void | Promise<void>): void; run(): Promise<void> }

const endings = (): Endings => {
  const ends: (() => void | Promise<void>)[] = []
  return {
    add: (end) => void ends.push(end),
    run: async () => {
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
    },
  }
}

const openTls = async (
  config: Config,
  clock: Clock,
  log: Log,
): Promise<CertificateKeeper | undefined> => {
  const { tls, dataDir, publicUrl } = config
  if (tls.kind === 'plain') return undefined
  const plan =
    tls.kind === 'files'
      ? tls
      : ({ kind: 'self-signed', folder: join(dataDir, 'tls'), publicUrl } as const)
  return openCertificate({
    plan,
    clock,
    onError: (error) =>
      log.error(
        { err: error },
        'the certificate could not be read again; the old one stays in use',
      ),
  })
}

/** The public URL; a local one where the system chose the port carries that port. */
const publicUrlOf = (config: Config, port: number | undefined): string => {
  const url = new URL(config.publicUrl)
  const chosen = config.listen.kind === 'tcp' && config.listen.port === 0 && port !== undefined
  if (chosen && isLoopback(url.hostname)) url.port = String(port)
  return url.origin
}

const openPlatform = async (
  config: Config,
  secrets: Secrets,
  clock: Clock,
  log: Log,
  ends: Endings,
  port: () => number | undefined,
): Promise<Platform> => {
  restrictNewFiles()
  ensureFolder(config.dataDir)
  ends.add(lockDataFolder(config.dataDir))
  const db = openDatabase<Tables>({ file: join(config.dataDir, 'hearthold.db') })
  ends.add(() => db.close())
  await migrate(db, migrations, () => clock.now())
  const keys = await openKeys({ keysDir: config.keysDir, rootKey: secrets.rootKey, db, clock })
  const objects = await openObjectStore({ folder: join(config.dataDir, 'objects') })
  ends.add(() => objects.close())
  const certificate = await openTls(config, clock, log)
  ends.add(() => certificate?.stop())
  const publicUrl = (): string => publicUrlOf(config, port())
  return { config, clock, log, db, keys, objects, certificate, publicUrl }
}

/** Until the feature that keeps objects is opened below: there are none, and entries count for nothing. */
const noObjects: ObjectAccess = {
  checkReferencable: async (_trx, { references }) => {
    if (references.length > 0) throw new ProblemError('object_missing')
  },
  markReferenced: async () => {},
  release: async () => {},
  addEntryBytes: async () => {},
}

/** Each feature is made here from the platform and from the doors of those before it. */
const openFeatures = async (platform: Platform): Promise<{ features: Feature[]; gate: Gate }> => {
  const { config, clock, db, keys } = platform
  const events: SessionEvents = createSessionEvents()
  const logs: LogService = createLogService({
    db,
    clock,
    instanceSeed: keys.secrets.signingSeed,
    objects: noObjects,
  })
  const identity = await openIdentity({
    db,
    clock,
    keys,
    logs,
    events,
    dataDir: config.dataDir,
    publicUrl: platform.publicUrl,
    serverPin: platform.certificate?.pin,
    defaultQuotaBytes: config.defaultQuotaBytes,
    usedBytes: async () => new Map(),
  })
  return {
    features: [identity],
    gate: { sessions: identity.sessions, setUp: identity.setUp },
  }
}

const readyChecks = ({ config, db, objects }: Platform): ReadyCheck[] => [
  { name: 'database', check: async () => void (await sql`select 1`.execute(db)) },
  {
    name: 'disk',
    check: () => {
      if (objects.freeBytes() <= 0) throw new Error('no room')
    },
  },
  { name: 'keys', check: () => void statSync(config.keysDir) },
]

const openHttp = (
  platform: Platform,
  gate: Gate,
  accessLog: Log | undefined,
  overrides: AppOverrides,
): Http => {
  const { config, clock, log, certificate } = platform
  const { listen, tls } = config
  return createHttp({
    publicUrl: config.publicUrl,
    listen,
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    certificate,
    ownCertificate: tls.kind === 'files',
    onlyFromProxies: tls.kind === 'plain' && listen.kind === 'tcp' && !isLoopback(listen.host),
    clock,
    log,
    accessLog,
    sessions: gate.sessions,
    setUp: gate.setUp,
    ...(overrides.onUnlistedProblem === undefined
      ? {}
      : { onUnlistedProblem: overrides.onUnlistedProblem }),
    ...(overrides.timeouts === undefined ? {} : { timeouts: overrides.timeouts }),
  })
}

const openAccessLog = ({ accessLog }: Config): FileLog | undefined =>
  accessLog.kind === 'file' ? openFileLog(accessLog.path) : undefined

/**
 * Builds the server from its configuration. Nothing listens yet.
 * @throws what opening the parts throws (a folder others can read, a wrong key, a newer database ...); whatever
 *   was opened by then is closed again
 */
export const createApp = async (
  config: Config,
  secrets: Secrets,
  log: Log,
  overrides: AppOverrides = {},
): Promise<App> => {
  const ends = endings()
  try {
    let http: Http | undefined
    const clock = overrides.clock ?? systemClock
    const platform = await openPlatform(config, secrets, clock, log, ends, () => http?.port())
    const { features, gate } = await openFeatures(platform)
    const accessFile = openAccessLog(config)
    ends.add(() => accessFile?.close())
    const made = openHttp(
      platform,
      gate,
      config.accessLog.kind === 'log' ? log : accessFile?.log,
      overrides,
    )
    http = made
    for (const { stop } of features) if (stop !== undefined) ends.add(stop)
    ends.add(() => made.close())
    addHealthRoutes(made, readyChecks(platform))
    addFirstPage(made)
    for (const { routes } of features) routes(made)
    return {
      http: made,
      pin: platform.certificate?.pin,
      publicUrl: platform.publicUrl,
      setUpToken: () => gate.setUp.token(),
      start: async () => {
        await made.listen()
        for (const { start } of features) await start?.()
      },
      reload: async () => {
        accessFile?.reopen()
        await platform.certificate?.reload()
      },
      stop: () => ends.run(),
    }
  } catch (error) {
    await ends.run()
    throw error
  }
}
