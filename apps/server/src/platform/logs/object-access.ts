import type { Transaction } from 'kysely'

/** What keeps an object: entries of a log, or the log's checkpoint. Each holds and releases for itself. */
export type ObjectUse = 'entries' | 'checkpoint'

/** A sealed object as an entry names it; a checkpoint does not say its size. */
export type ObjectClaim = { readonly object: string; readonly sizeBytes?: number }

/** Whose append it is. Ids are 32 hex digits. */
export type LogActor = {
  readonly account: string
  /** The account log. */
  readonly log: string
}

/**
 * What the log service asks of whoever keeps the sealed objects (features/files). All calls are made inside the
 * append's transaction and savepoint, and throw before they change anything. Ids are 32 hex digits. Each feature
 * names only its own tables: cast `trx` to them.
 */
export type ObjectAccess = {
  /**
   * Every reference must be to a complete object of exactly this many stored bytes (where it says), either uploaded
   * by this account and referenced nowhere yet, or referenced in a log that the author may read.
   * @throws ProblemError `object_missing`, the same for what is not there and for what is not allowed
   */
  checkReferencable(
    trx: Transaction<unknown>,
    request: {
      readonly actor: LogActor
      readonly references: readonly ObjectClaim[]
      readonly mayRead: (log: string) => Promise<boolean>
    },
  ): Promise<void>
  /** Objects that the log now refers to and did not before; naming one again changes nothing. */
  markReferenced(
    trx: Transaction<unknown>,
    log: string,
    objects: readonly string[],
    use: ObjectUse,
  ): Promise<void>
  /**
   * Objects that the log no longer refers to (a signed erasure). What nothing refers to any more goes, its bytes
   * after the commit (`onCommit` of #platform/db), and its size no longer counts.
   */
  release(
    trx: Transaction<unknown>,
    log: string,
    objects: readonly string[],
    use: ObjectUse,
  ): Promise<void>
  /**
   * Counts bytes of entries and registers to the account; negative where some were erased or replaced.
   * @throws ProblemError `over_quota`
   */
  addEntryBytes(trx: Transaction<unknown>, account: string, sizeBytes: number): Promise<void>
}
