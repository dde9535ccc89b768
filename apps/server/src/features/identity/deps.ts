import type { Bytes } from '@hearthold/crypto'
import type { Kysely, Transaction } from 'kysely'
import type { SessionEvents } from '#platform/access/session-events.ts'
import type { Clock } from '#platform/clock.ts'
import type { Keys, KeysTables } from '#platform/keys/index.ts'
import type { LogService } from '#platform/logs/index.ts'
import type { IdentityTables } from './tables.ts'

export type Db = Kysely<IdentityTables & KeysTables>
export type Trx = Transaction<IdentityTables & KeysTables>
/** What a store's function works on: the database, or a transaction under way. */
export type On = Db | Trx

export type IdentityDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly keys: Keys
  readonly logs: Pick<LogService, 'append' | 'accountView' | 'remove'>
  readonly events: SessionEvents
  /** Where `set-up-token` is written. */
  readonly dataDir: string
  /** Where people reach this server: scheme, host and port, without a slash at the end. Known once it listens. */
  readonly publicUrl: () => string
  /** SHA-256 of the key of a self-signed certificate as hex: links carry it after the token. */
  readonly serverPin?: string | undefined
  /** Undefined: no quota for members without one of their own. */
  readonly defaultQuotaBytes: number | undefined
  /** Bytes that each of these accounts uses; asked of the feature that counts them. */
  readonly usedBytes: (accounts: readonly string[]) => Promise<ReadonlyMap<string, number>>
  /** Told after a member was suspended, or let in again. */
  readonly onMembersChanged?: () => Promise<void>
}

/** Who calls, as far as a service may know it. */
export type Caller = { readonly address: string; readonly client: string }

/** A secret of a row, compared and stored by its HMAC under a version of the pepper. */
export type Peppered = { readonly version: number; readonly hash: Bytes }
