import { sql } from 'kysely'
import type { Migration } from '#platform/db/index.ts'

const statements = [
  `create table objects (
    id text primary key not null,
    owner text not null,
    size_bytes integer not null,
    sha256 text,
    created_at integer not null,
    unreferenced_since integer
  ) strict, without rowid`,
  `create index objects_unreferenced on objects (unreferenced_since) where unreferenced_since is not null`,
  `create table object_references (
    object text not null references objects (id),
    log text not null,
    use text not null,
    primary key (object, log, use)
  ) strict, without rowid`,
  `create table uploads (
    id text primary key not null,
    object text not null unique,
    account text not null,
    size_bytes integer not null,
    expires_at integer not null,
    done integer not null
  ) strict, without rowid`,
  `create index uploads_account on uploads (account)`,
  `create index uploads_expiry on uploads (expires_at)`,
  `create table account_usage (
    account text primary key not null,
    object_bytes integer not null,
    entry_bytes integer not null
  ) strict, without rowid`,
]

export const createObjects: Migration = {
  name: 'files/0001-objects',
  up: async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
