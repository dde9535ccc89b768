import { type Kysely, sql } from 'kysely'

/** Without rowid: a row then touches one page instead of two, and the pages of a commit are most of its cost. */
const statements = [
  sql`create table instance (
    id integer primary key not null check (id = 1),
    name text not null,
    set_up_at integer not null
  ) strict, without rowid`,
  sql`create table accounts (
    account text primary key not null,
    log text not null unique,
    role text not null,
    name_index blob not null unique,
    pepper_version integer not null,
    sealed_name blob not null,
    suspended integer not null,
    quota_bytes integer,
    created_at integer not null
  ) strict, without rowid`,
  sql`create table passwords (
    account text primary key not null references accounts (account) on delete cascade,
    method text not null,
    setup_version integer not null,
    record blob not null,
    changed_at integer not null
  ) strict, without rowid`,
  sql`create table totps (
    account text primary key not null references accounts (account) on delete cascade,
    sealed_secret blob not null,
    last_step integer not null
  ) strict, without rowid`,
  sql`create table backup_codes (
    account text not null references accounts (account) on delete cascade,
    code_hash blob not null,
    pepper_version integer not null,
    primary key (account, code_hash)
  ) strict, without rowid`,
  sql`create table methods (
    account text not null references accounts (account) on delete cascade,
    method text not null,
    type integer not null,
    public_key_hash blob not null,
    auth_key blob not null,
    locator blob unique,
    retired integer not null,
    primary key (account, method)
  ) strict, without rowid`,
  sql`create table sign_ups (
    id text primary key not null,
    invitation text,
    account text not null,
    name_index blob not null,
    pepper_version integer not null,
    sealed_name blob not null,
    sealed_totp blob not null,
    setup_version integer not null,
    role text not null,
    tries integer not null,
    expires_at integer not null
  ) strict, without rowid`,
  sql`create table sign_in_steps (
    id text primary key not null,
    kind text not null,
    account text not null,
    session text,
    method text,
    state blob not null,
    tries integer not null,
    expires_at integer not null
  ) strict, without rowid`,
  sql`create table sessions (
    id text primary key not null,
    token_hash blob not null unique,
    kind text not null,
    account text not null references accounts (account) on delete cascade,
    method text not null,
    device text,
    stay integer not null,
    created_at integer not null,
    last_used_at integer not null,
    expires_at integer not null,
    proof_at integer not null,
    address text not null,
    client text not null
  ) strict, without rowid`,
  sql`create index sessions_account on sessions (account)`,
  sql`create table invitations (
    id text primary key not null,
    token_hash blob not null unique,
    pepper_version integer not null,
    role text not null,
    uses_left integer not null,
    created_by text not null,
    created_at integer not null,
    expires_at integer not null
  ) strict, without rowid`,
  sql`create table guesses (
    subject text primary key not null,
    count integer not null,
    since integer not null
  ) strict, without rowid`,
]

/** Accounts, credentials beside the account log, sessions, invitations, counters. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of statements) await statement.execute(db)
}
