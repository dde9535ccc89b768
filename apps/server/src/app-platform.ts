import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { filesMigrations, type FilesTables } from '#features/files/public.ts'
import { type IdentityTables, identityMigrations } from '#features/identity/public.ts'
import { logFeatureMigrations, type LogFeatureTables } from '#features/logs/public.ts'
import {
  repositoriesMigrations,
  type RepositoryTables,
  type StorageTables,
} from '#features/repositories/public.ts'
import type { Clock } from '#platform/clock.ts'
import { lockDataFolder } from '#platform/data-lock.ts'
import { migrate, openDatabase } from '#platform/db/index.ts'
import { ensureFolder, restrictNewFiles } from '#platform/file-modes.ts'
import type { ReadyCheck } from '#platform/http/index.ts'
import { type Keys, keysMigrations, type KeysTables, openKeys } from '#platform/keys/index.ts'
import type { Log } from '#platform/log.ts'
import { logMigrations, type LogTables } from '#platform/logs/index.ts'
import { defaultReserveBytes, type ObjectStore, openObjectStore } from '#platform/objects/index.ts'
import { openDiskStorage } from '#platform/storage/disk/index.ts'
import type { RepositoryStorage } from '#platform/storage/storage.ts'
import { type CertificateKeeper, openCertificate } from '#platform/tls/keeper.ts'
import type { Config, Secrets } from './config/load.ts'
import { isLoopback } from './config/tls-plan.ts'

/** Every table of the instance; each part names only its own. */
type Tables = KeysTables &
  LogTables &
  IdentityTables &
  FilesTables &
  LogFeatureTables &
  RepositoryTables &
  StorageTables

/** In this order, for ever: a step may build on those before it. */
const migrations = [
  ...keysMigrations,
  ...logMigrations,
  ...identityMigrations,
  ...filesMigrations,
  ...logFeatureMigrations,
  ...repositoriesMigrations,
]

/** What stands before any feature does. */
export type Platform = {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly db: Kysely<Tables>
  readonly keys: Keys
  readonly objects: ObjectStore
  /** The server's own disk, where repositories lie that are on no other storage. */
  readonly disk: RepositoryStorage
  readonly metricsToken: string | undefined
  readonly certificate: CertificateKeeper | undefined
  /** For links; see App. */
  readonly publicUrl: () => string
}

/** Ends things in the reverse order of their beginning, each once, also when the beginning failed half-way. */
export type Endings = { add(end: () => void | Promise<void>): void; run(): Promise<void> }

export const endings = (): Endings => {
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

export const openPlatform = async (
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
  const disk = openDiskStorage({
    folder: join(config.dataDir, 'repositories'),
    reserveBytes: defaultReserveBytes,
  })
  ends.add(() => disk.close())
  const certificate = await openTls(config, clock, log)
  ends.add(() => certificate?.stop())
  const publicUrl = (): string => publicUrlOf(config, port())
  const { metricsToken } = secrets
  return { config, clock, log, db, keys, objects, disk, metricsToken, certificate, publicUrl }
}

export const readyChecks = ({ config, db, objects }: Platform): ReadyCheck[] => [
  { name: 'database', check: async () => void (await sql`select 1`.execute(db)) },
  {
    name: 'disk',
    check: () => {
      if (objects.freeBytes() <= 0) throw new Error('no room')
    },
  },
  { name: 'keys', check: () => void statSync(config.keysDir) },
]
