import { type Kysely, sql } from 'kysely'

/** Member keys of the file driver, and fingerprints of the instance's own secrets. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create table member_keks (
    account text not null,
    version integer not null,
    sealed_kek blob not null,
    created_at integer not null,
    primary key (account, version)
  ) strict`.execute(db)
  await sql`create table instance_keys (
    name text not null,
    version integer not null,
    fingerprint text not null,
    created_at integer not null,
    primary key (name, version)
  ) strict`.execute(db)
}
