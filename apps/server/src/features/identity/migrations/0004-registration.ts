import { type Kysely, sql } from 'kysely'

const statements = [
  sql`alter table instance add column registration text not null default 'closed'`,
  sql`alter table instance add column registration_quota_bytes integer`,
  sql`alter table accounts add column waiting_until integer`,
  sql`create index accounts_waiting on accounts (waiting_until) where waiting_until is not null`,
]

/** Sign-up without an invitation, and accounts that wait for a host. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of statements) await statement.execute(db)
}
