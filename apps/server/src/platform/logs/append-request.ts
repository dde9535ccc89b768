import type { Bytes, LogAppend, Receipt, StampedEntry } from '@hearthold/crypto'
import type { AccountFacts, AccountView, AnyLogRules } from '@hearthold/model'
import { logKinds } from '@hearthold/model'
import type { Transaction } from 'kysely'
import type { LiveLog, PreparedEntry } from './live-log.ts'
import type { LogActor, ObjectClaim } from './object-access.ts'

/** An entry that an append has stored, with its facts as the log's rules read them. */
export type AppendedEntry = { readonly entry: StampedEntry; readonly facts: unknown }

export type AppendedLog = {
  readonly log: string
  readonly kind: number
  /** This append began the log. */
  readonly founded: boolean
  readonly seq: number
  readonly chain: Bytes
  readonly entries: readonly AppendedEntry[]
  /** The log's view with these entries, as its rules make it. Read it only inside `within`. */
  readonly view: unknown
}

/** What an append does, as its `within` sees it: judged and applied, not yet committed. */
export type AppendOutcome = { readonly logs: readonly AppendedLog[] }

/** The part of an outcome that concerns an account log, typed; undefined if there is none. */
export const accountPart = (
  outcome: AppendOutcome,
):
  | (Omit<AppendedLog, 'entries' | 'view'> & {
      readonly view: AccountView
      readonly entries: readonly { readonly entry: StampedEntry; readonly facts: AccountFacts }[]
    })
  | undefined => {
  const part = outcome.logs.find(({ kind }) => kind === logKinds.account)
  return part && { ...part, view: part.view as AccountView, entries: part.entries as never }
}

export type AppendRequest = {
  readonly actor: LogActor
  /** As decodeAppend gives them. Each log once, judged in this order. */
  readonly appends: readonly LogAppend[]
  /**
   * Runs inside the append's savepoint, after its entries were judged: what must be stored with them or not at all.
   * Throwing a ProblemError takes this append back, and it alone. Not called for a retry, whose first try has
   * already done it. Inside, ask the outcome and not the log service for views: they wait for the batch's end.
   */
  readonly within?: (trx: Transaction<unknown>, outcome: AppendOutcome) => Promise<void>
}

/** One log's part of an append, as far as it can be checked without the log's state. */
export type PreparedPart = {
  readonly log: string
  readonly append: LogAppend
  readonly rules: AnyLogRules
  readonly entries: readonly PreparedEntry[]
}

/** An append on its way through the queue. */
export type PreparedAppend = {
  readonly actor: LogActor
  readonly parts: readonly PreparedPart[]
  readonly references: readonly ObjectClaim[]
  readonly sizeBytes: number
  readonly within: AppendRequest['within']
  readonly resolve: (receipts: Receipt[]) => void
  readonly reject: (error: unknown) => void
}

/** What a batch has done to a log so far. */
export type Touched = {
  readonly live: LiveLog
  /** Where the log stood before the batch. */
  readonly after: number
  readonly entries: readonly StampedEntry[]
}
