import { sql } from 'kysely'
import type { Migration } from '#platform/db/index.ts'

/**
 * Entries get a rowid of their own, so that every insert is at the end of the table whatever log it belongs to:
 * pages stay full. The index finds a log's entries in order.
 */
const statements = [
  `create table logs (
    number integer primary key autoincrement,
    id text not null unique,
    kind integer not null,
    rules integer not null,
    owner text not null,
    governing text,
    genesis blob not null,
    seq integer not null,
    chain blob not null,
    at integer not null,
    entry_bytes integer not null,
    read_only integer not null default 0
  ) strict`,
  'create index logs_by_owner on logs (owner)',
  `create table log_entries (
    id integer primary key,
    log integer not null references logs (number),
    seq integer not null,
    at integer not null,
    gov integer not null,
    header blob not null,
    signature blob not null,
    facts blob,
    body blob,
    chain blob not null
  ) strict`,
  'create unique index log_entries_by_place on log_entries (log, seq)',
]

export const createLogs: Migration = {
  name: 'logs/0001-logs',
  up: async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
