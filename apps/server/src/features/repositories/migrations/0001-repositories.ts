import { sql } from 'kysely'
import type { Migration } from '#platform/db/index.ts'

const statements = [
  `create table repositories (
    id text primary key not null,
    account text not null,
    name text not null,
    storage text,
    created_at integer not null,
    removed_at integer,
    destroyed_at integer,
    quota_bytes integer,
    freeze_days integer not null,
    alarm_after_hours integer,
    counts text not null,
    scrub text not null,
    burst_since integer,
    burst_seen_at integer,
    maintain_report text,
    drill_report text,
    alarms text not null,
    unique (account, name)
  ) strict, without rowid`,
  `create table repository_credentials (
    name text primary key not null,
    repository text not null references repositories (id),
    label text not null,
    scope text not null,
    secret_hash blob not null,
    pepper_version integer not null,
    created_at integer not null,
    expires_at integer,
    last_used_at integer,
    writes integer not null,
    deletions integer not null,
    refused_deletions integer not null,
    failed_verifications integer not null
  ) strict, without rowid`,
  `create index repository_credentials_repository on repository_credentials (repository)`,
  `create table repository_damaged (
    repository text not null references repositories (id),
    type text not null,
    object text not null,
    size_bytes integer not null,
    found_at integer not null,
    primary key (repository, type, object)
  ) strict, without rowid`,
  `create table repository_clock (
    id integer primary key check (id = 1),
    confirmed_at integer not null,
    jumped_at integer,
    jump_seen_at integer
  ) strict`,
]

export const createRepositories: Migration = {
  name: 'repositories/0001-repositories',
  up: async (db) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
