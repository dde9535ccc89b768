import type { RepositoryScope } from '@hearthold/contract'
import type { Selectable } from 'kysely'
import type { On } from './deps.ts'
import type { RepositoryTables } from './tables.ts'

/** A credential in memory; what is counted changes here first, and in its row within a minute. */
export type Credential = {
  readonly name: string
  readonly repository: string
  readonly label: string
  readonly scope: RepositoryScope
  readonly secretHash: Uint8Array
  readonly pepperVersion: number
  readonly createdAt: number
  readonly expiresAt: number | null
  lastUsedAt: number | null
  writes: number
  deletions: number
  refusedDeletions: number
  failedVerifications: number
  /** Something changed since the row was written. */
  dirty: boolean
}

type Row = Selectable<RepositoryTables['repository_credentials']>

const credentialOf = (row: Row): Credential => ({
  name: row.name,
  repository: row.repository,
  label: row.label,
  scope: row.scope,
  secretHash: row.secret_hash,
  pepperVersion: row.pepper_version,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
  writes: row.writes,
  deletions: row.deletions,
  refusedDeletions: row.refused_deletions,
  failedVerifications: row.failed_verifications,
  dirty: false,
})

export const listCredentials = async (on: On): Promise<Credential[]> => {
  const rows = await on
    .selectFrom('repository_credentials')
    .selectAll()
    .orderBy('created_at')
    .execute()
  return rows.map(credentialOf)
}

export const insertCredential = async (on: On, credential: Credential): Promise<void> => {
  await on
    .insertInto('repository_credentials')
    .values({
      name: credential.name,
      repository: credential.repository,
      label: credential.label,
      scope: credential.scope,
      secret_hash: credential.secretHash,
      pepper_version: credential.pepperVersion,
      created_at: credential.createdAt,
      expires_at: credential.expiresAt,
      last_used_at: credential.lastUsedAt,
      writes: credential.writes,
      deletions: credential.deletions,
      refused_deletions: credential.refusedDeletions,
      failed_verifications: credential.failedVerifications,
    })
    .execute()
}

/** Writes what was counted. */
export const saveCredentialCounts = async (on: On, credential: Credential): Promise<void> => {
  await on
    .updateTable('repository_credentials')
    .set({
      last_used_at: credential.lastUsedAt,
      writes: credential.writes,
      deletions: credential.deletions,
      refused_deletions: credential.refusedDeletions,
      failed_verifications: credential.failedVerifications,
    })
    .where('name', '=', credential.name)
    .execute()
}

/** @returns false if it was not there */
export const deleteCredential = async (on: On, name: string): Promise<boolean> => {
  const { numDeletedRows } = await on
    .deleteFrom('repository_credentials')
    .where('name', '=', name)
    .executeTakeFirst()
  return numDeletedRows > 0n
}
