import type { Kysely, Transaction } from 'kysely'
import type { SessionContext, SessionLookup } from '#platform/access/session.ts'
import type { Clock } from '#platform/clock.ts'
import type { InstanceSecrets } from '#platform/keys/index.ts'
import type { Log } from '#platform/log.ts'
import type { OpenStorageOf } from './storage-opening.ts'
import type { RepositoryTables } from './tables.ts'

export type Db = Kysely<RepositoryTables>
export type Trx = Transaction<RepositoryTables>
/** The database, or a transaction of it. */
export type On = Db | Trx

/** What the feature asks of who keeps the members. */
export type Members = {
  /** @throws ProblemError `step_up_needed` unless this session proved a sign-in method lately */
  checkFreshProof(session: SessionContext): Promise<void>
  /**
   * The same, and a code of the authenticator where the account has one.
   * @throws ProblemError `step_up_needed`, `second_factor_needed`, `second_factor_wrong`, `locked_out`
   */
  checkSecondFactor(
    session: SessionContext,
    code: string | undefined,
    caller: { readonly address: string; readonly client: string },
  ): Promise<void>
  /** Those of these accounts that may not act: suspended, or gone. */
  inactive(accounts: readonly string[]): Promise<ReadonlySet<string>>
  /** Bytes that an account may keep, undefined without a limit. Throws `not_found`. */
  quotaBytes(on: unknown, account: string): Promise<number | undefined>
}

export type RepositoriesDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  readonly peppers: InstanceSecrets['peppers']
  readonly openStorage: OpenStorageOf
  readonly members: Members
  /** Bytes that an account keeps elsewhere on this server at this moment, which the same quota covers. */
  readonly otherBytes: (account: string) => number
  readonly sessions: SessionLookup
  readonly setUpNeeded: () => boolean
  /** Opens the door of /metrics to whoever has it; undefined: only to hosts. */
  readonly metricsToken: string | undefined
}

export const hourMs = 3600_000
export const dayMs = 24 * hourMs
