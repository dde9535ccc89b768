import { type Kysely, sql } from 'kysely'
import type { AnyDatabase } from './database.ts'
import { inTransaction } from './transaction.ts'

/** One step of the schema, never edited after a release. */
export type Migration = {
  /** Unique for ever, for example `files/0001-objects`. */
  readonly name: string
  up: (db: Kysely<unknown>) => Promise<void>
}

/** The database was made by a newer version than this one. */
export class NewerDatabaseError extends Error {
  /** Names of the migrations that this version does not know. */
  readonly unknown: readonly string[]

  constructor(unknown: readonly string[]) {
    super(
      `The data folder was used by a newer version of Hearthold (unknown migration ${unknown.join(', ')}). ` +
        'Start that version again, or restore a backup made before the upgrade.',
    )
    this.name = 'NewerDatabaseError'
    this.unknown = unknown
  }
}

/**
 * Brings the schema up to date: runs what the table `migrations` does not list, in the order given, each with
 * its record in one transaction, so that a crash leaves a whole number of steps.
 * @returns the names that were run
 * @throws NewerDatabaseError before changing anything
 */
export const migrate = async <Tables>(
  database: AnyDatabase<Tables>,
  migrations: readonly Migration[],
  now: () => number = Date.now,
): Promise<string[]> => {
  const db = database as unknown as Kysely<unknown>
  const names = new Set(migrations.map(({ name }) => name))
  if (names.size !== migrations.length) throw new Error('Two migrations have the same name')
  await sql`create table if not exists migrations (name text primary key not null, applied_at integer not null)`.execute(
    db,
  )
  const { rows } = await sql<{
    name: string
  }>`select name from migrations order by applied_at, name`.execute(db)
  const applied = new Set(rows.map(({ name }) => name))
  const unknown = [...applied].filter((name) => !names.has(name))
  if (unknown.length > 0) throw new NewerDatabaseError(unknown)

  const pending = migrations.filter(({ name }) => !applied.has(name))
  for (const { name, up } of pending)
    await inTransaction(db, async (trx) => {
      await up(trx)
      await sql`insert into migrations (name, applied_at) values (${name}, ${now()})`.execute(trx)
    })
  return pending.map(({ name }) => name)
}
