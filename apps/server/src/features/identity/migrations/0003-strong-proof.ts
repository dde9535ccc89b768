import { type Kysely, sql } from 'kysely'

/** Sessions remember when they proved a recovery key or a passkey: that proof replaces a lost authenticator. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table sessions add column strong_proof_at integer`.execute(db)
}
