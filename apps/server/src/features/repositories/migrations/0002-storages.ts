import { sql } from 'kysely'
import type { Migration } from '#platform/db/index.ts'

export const createStorages: Migration = {
  name: 'repositories/0002-storages',
  up: async (db) => {
    await sql`create table storages (
      storage text primary key not null,
      name text not null unique,
      settings text not null,
      sealed_secret blob not null,
      created_at integer not null
    ) strict, without rowid`.execute(db)
  },
}
