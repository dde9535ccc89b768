import { createHash } from 'node:crypto'
import type { Bytes } from '@hearthold/crypto'
import { sql } from 'kysely'
import {
  createObjectAccess,
  filesMigrations,
  type FilesTables,
} from '../../apps/server/src/features/files/public.ts'
import { type Database, migrate, openDatabase } from '../../apps/server/src/platform/db/index.ts'
import { noLog } from '../../apps/server/src/platform/log.ts'
import {
  createLogService,
  logMigrations,
  type LogService,
  type LogTables,
} from '../../apps/server/src/platform/logs/index.ts'
import { openObjectStore } from '../../apps/server/src/platform/objects/index.ts'

/** What an append stores beside its entries, as identity does with credentials. */
export type BesideTables = { beside: { node: string; log: string } }
export type Tables = LogTables & FilesTables & BesideTables

export const instanceSeed: Bytes = new Uint8Array(
  createHash('sha256').update('an instance that crashes').digest(),
)

const besideMigration = {
  name: 'test/0001-beside',
  up: async (db: Parameters<(typeof logMigrations)[number]['up']>[0]) => {
    await sql`create table beside (node text primary key not null, log text not null) strict`.execute(
      db,
    )
  },
}

/** The real database, objects and log service, as the server opens them. */
export const openLogs = async (
  file: string,
  folder: string,
): Promise<{ db: Database<Tables>; logs: LogService }> => {
  const db = openDatabase<Tables>({ file })
  await migrate<Tables>(db, [...logMigrations, ...filesMigrations, besideMigration])
  const store = await openObjectStore({ folder: `${folder}/objects`, reserveBytes: 0 })
  const quotaBytes = async () => undefined
  const objects = createObjectAccess({ objects: store, log: noLog, quotaBytes })
  const clock = { now: () => Date.now() }
  const on = db as unknown as Database<LogTables>
  return { db, logs: createLogService({ db: on, clock, instanceSeed, objects }) }
}
