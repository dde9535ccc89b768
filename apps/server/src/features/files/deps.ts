import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/log.ts'
import type { ObjectStore } from '#platform/objects/index.ts'
import type { FilesTables } from './tables.ts'

/** The database, or a transaction of it. */
export type On = Kysely<FilesTables> | Transaction<FilesTables>

export type FilesDeps = {
  readonly db: Kysely<FilesTables>
  readonly clock: Clock
  readonly log: Log
  readonly objects: ObjectStore
  /** Bytes that an account may keep, undefined without a limit; `on` is this database or a transaction of it. */
  readonly quotaBytes: (on: unknown, account: string) => Promise<number | undefined>
  /** Bytes that an account keeps elsewhere on this server, which the same quota covers. */
  readonly otherBytes?: (account: string) => number
  /** Whether an account, by its account log, may read a log. */
  readonly mayReadLog: (accountLog: string, log: string) => Promise<boolean>
}

/** Who asks. Ids are 32 hex digits. */
export type Asker = {
  readonly account: string
  /** The account log. */
  readonly log: string
}

/** How long an upload lives after it was last used, and an object before an entry refers to it. */
export const dayMs = 24 * 3600_000
