import type { Kysely, Transaction } from 'kysely'
import type { KeysTables } from '#platform/keys/index.ts'
import type { RepositoryTables } from './tables.ts'

/** The storage configurations. */
export type StorageTables = {
  storages: {
    /** 32 hex digits. */
    storage: string
    name: string
    /** JSON of StorageSettings. */
    settings: string
    /** By the key service; see storages-secrets.ts. */
    sealed_secret: Uint8Array
    created_at: number
  }
}

type Tables = StorageTables & Pick<RepositoryTables, 'repositories'> & KeysTables
export type StoragesDb = Kysely<Tables>
/** The database, or a transaction of it. */
export type StoragesOn = StoragesDb | Transaction<Tables>
