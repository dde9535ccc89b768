import { sql } from 'kysely'
import type { Migration } from '#platform/db/index.ts'

const statements = [
  `create table log_checkpoints (
    log text primary key not null,
    seq integer not null,
    tree text not null,
    keys text not null,
    header blob not null,
    signature blob not null
  ) strict`,
  `create table registers (
    owner text not null,
    name text not null,
    version integer not null,
    device text not null,
    sealed_value blob not null,
    signature blob not null,
    updated_at integer not null,
    primary key (owner, name)
  ) strict`,
]

export const createCheckpointsAndRegisters: Migration = {
  name: 'log-feature/0001-checkpoints-registers',
  up: async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
