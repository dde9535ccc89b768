import { sql } from 'kysely'
import type { Migration } from '#platform/db/index.ts'

const statements = [
  `create table storages (
    storage text primary key not null,
    name text not null unique,
    settings text not null,
    sealed_secret blob not null,
    created_at integer not null
  ) strict, without rowid`,
  // A storage that is removed while somebody makes a repository on it: one of both must fail.
  `create trigger repositories_need_their_storage before insert on repositories
    when new.storage is not null and not exists (select 1 from storages where storage = new.storage)
    begin
      select raise(abort, 'no such storage');
    end`,
]

export const createStorages: Migration = {
  name: 'repositories/0002-storages',
  up: async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
