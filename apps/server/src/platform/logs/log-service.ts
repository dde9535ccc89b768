import type { Bytes, Receipt } from '@hearthold/crypto'
import { type AccountView, logKinds } from '@hearthold/model'
import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import { onCommit } from '#platform/db/index.ts'
import type { AppendRequest } from './append-request.ts'
import { createAppendQueue } from './append-queue.ts'
import { batchRunner } from './batch-runner.ts'
import { headOf, type LogCommit, type LogHead } from './commits.ts'
import { createLiveLogs, type LiveLogs } from './live-logs.ts'
import type { ObjectAccess } from './object-access.ts'
import { type Page, type PagePlace, readPage } from './pages.ts'
import { prepareAppend } from './prepare.ts'
import { createReceipts, type Receipts } from './receipts.ts'
import { deleteLog, findChain, findLog, listLogs, type LogRow } from './store.ts'
import type { LogTables } from './tables.ts'

export type LogServiceOptions = {
  readonly db: Kysely<LogTables>
  readonly clock: Clock
  /** Signs receipts: the seed of the instance's signing key. */
  readonly instanceSeed: Uint8Array
  readonly objects: ObjectAccess
  /** Logs of one account; 10,000 if left out. */
  readonly logsLimit?: number
  /** Views kept in memory, in nodes more or less; 400,000 (about 200 MB) if left out. */
  readonly viewLimitNodes?: number
}

export type LogService = {
  /**
   * Appends signed entries to one or more logs, all or nothing, and answers when they are on the disk: one receipt
   * per log, in the request's order. Entries that are stored already are answered again and not doubled.
   * @throws ProblemError with a code of `appendProblems`, `not_found`, `too_large`, or what `within` threw
   */
  append(request: AppendRequest): Promise<Receipt[]>
  /** The view of a log as last committed, by its rules; undefined for an unknown log. Do not change or keep it. */
  view(log: string): Promise<unknown>
  /** The view of an account log; undefined for an unknown log and for one of another kind. */
  accountView(log: string): Promise<AccountView | undefined>
  head(log: string): Promise<LogHead | undefined>
  /** Chain hash at a number that the log has reached; undefined otherwise. 0 is the genesis. */
  chainAt(log: string, seq: number): Promise<Bytes | undefined>
  /** The log whose rights decide who may write this one: itself where it has no other. Undefined for an unknown log. */
  governingOf(log: string): Promise<string | undefined>
  /** Whether an account, by its account log, may read a log: its own, and those it founded. */
  mayRead(accountLog: string, log: string): Promise<boolean>
  /** Heads of the logs that an account may read, oldest log first. */
  listFor(accountLog: string): Promise<LogHead[]>
  /** Entries after a number, as many as a page holds; undefined for an unknown log. */
  readPage(place: PagePlace): Promise<Page | undefined>
  /**
   * Removes a log with its entries, in the caller's transaction. Only for one that nobody was let into yet: no other
   * log refers to it, it refers to no object, and nobody appends.
   */
  remove(trx: unknown, log: string): Promise<void>
  /** Calls back once per log and commit, after it; answers how to stop. A listener must not throw. */
  onCommit(listener: (commit: LogCommit) => void): () => void
}

/** The one place where entries are judged, numbered, stamped, stored and told (core.md 6). */
export const createLogService = (options: LogServiceOptions): LogService => {
  const { db, clock, objects, logsLimit = 10_000, viewLimitNodes = 400_000 } = options
  const logs: LiveLogs = createLiveLogs(db, viewLimitNodes)
  const receipts: Receipts = createReceipts(options.instanceSeed, clock)
  const listeners = new Set<(commit: LogCommit) => void>()
  const freshReceipt = (row: LogRow): Promise<Receipt> => receipts.fresh(row.id, row)

  const tell = (commit: LogCommit): void => {
    for (const listener of listeners) listener(commit)
  }
  const queue = createAppendQueue(
    batchRunner({ db, clock, objects, logsLimit, logs, receipts, tell }),
  )
  const view = async (log: string): Promise<unknown> => (await logs.get(log))?.view

  return {
    append: async (request) => queue.push(await prepareAppend(logs, request)),
    view,
    accountView: async (log) => {
      const live = await logs.get(log)
      return live?.rules.kind === logKinds.account ? (live.view as AccountView) : undefined
    },
    head: async (log) => {
      const row = await findLog(db, log)
      return row && headOf(row)
    },
    chainAt: async (log, seq) => {
      const row = await findLog(db, log)
      if (!row || seq > row.seq) return undefined
      return seq === 0 ? (await logs.get(log))?.chainAt(0) : findChain(db, row.number, seq)
    },
    governingOf: async (log) => {
      const row = await findLog(db, log)
      return row && (row.governing ?? row.id)
    },
    mayRead: async (accountLog, log) => (await findLog(db, log))?.owner === accountLog,
    listFor: async (accountLog) => (await listLogs(db, accountLog)).map(headOf),
    readPage: (place) => readPage(db, place, freshReceipt),
    remove: async (trx, log) => {
      const on = trx as Transaction<LogTables>
      if (await deleteLog(on, log)) onCommit(on, () => void logs.forget(log))
    },
    onCommit: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
