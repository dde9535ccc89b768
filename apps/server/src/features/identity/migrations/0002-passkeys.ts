import { type Kysely, sql } from 'kysely'

/** A sign-up waits either for a password and a code, or for the passkey that answers its challenge. */
const statements = [
  sql`create table passkeys (
    passkey text primary key not null,
    account text not null references accounts (account) on delete cascade,
    credential blob not null,
    public_key blob not null,
    counter integer not null,
    transports text not null,
    synced integer not null,
    label blob,
    created_at integer not null,
    last_used_at integer
  ) strict, without rowid`,
  sql`create index passkeys_account on passkeys (account)`,
  sql`create table sign_ups_of_two_ways (
    id text primary key not null,
    invitation text,
    account text not null,
    name_index blob not null,
    pepper_version integer not null,
    sealed_name blob not null,
    sealed_totp blob,
    setup_version integer,
    challenge blob,
    role text not null,
    tries integer not null,
    expires_at integer not null
  ) strict, without rowid`,
  sql`insert into sign_ups_of_two_ways
    (id, invitation, account, name_index, pepper_version, sealed_name, sealed_totp, setup_version, role, tries, expires_at)
    select id, invitation, account, name_index, pepper_version, sealed_name, sealed_totp, setup_version, role, tries, expires_at
    from sign_ups`,
  sql`drop table sign_ups`,
  sql`alter table sign_ups_of_two_ways rename to sign_ups`,
]

/** Passkeys, and sign-ups by one. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of statements) await statement.execute(db)
}
