import type { ProblemError } from '@hearthold/contract'
import type { Receipt } from '@hearthold/crypto'
import type { Kysely } from 'kysely'
import { inTransaction } from '#platform/db/index.ts'
import type { PreparedAppend } from './append-request.ts'
import { Batch, type BatchDeps } from './batch.ts'
import { commitOf, type LogCommit } from './commits.ts'
import type { Hold, LiveLogs } from './live-logs.ts'
import type { Receipts } from './receipts.ts'
import { findLog } from './store.ts'
import type { LogTables } from './tables.ts'

export type RunnerDeps = BatchDeps & {
  readonly db: Kysely<LogTables>
  readonly logs: LiveLogs
  readonly receipts: Receipts
  readonly tell: (commit: LogCommit) => void
}

type Outcome = {
  readonly taken: readonly PreparedAppend[]
  readonly refused: readonly { readonly work: PreparedAppend; readonly error: ProblemError }[]
  readonly commits: readonly LogCommit[]
}

const commitBatch = (
  deps: RunnerDeps,
  hold: Hold,
  works: readonly PreparedAppend[],
): Promise<Outcome> =>
  inTransaction(deps.db, async (trx) => {
    const batch = await Batch.begin(deps, trx, hold, works)
    const taken: PreparedAppend[] = []
    const refused: { work: PreparedAppend; error: ProblemError }[] = []
    for (const work of works) {
      const error = await batch.append(work)
      if (error) refused.push({ work, error })
      else taken.push(work)
    }
    const commits: LogCommit[] = []
    for (const touched of await batch.finish()) {
      const receipt = await deps.receipts.sign(touched.live.id, touched.live.point)
      commits.push(commitOf(touched, receipt))
    }
    return { taken, refused, commits }
  })

/**
 * Runs one batch: transaction, receipts over the heads after it, then the answers, then what listeners are told.
 * Throws if nothing of it was stored; the views that had run ahead are dropped then.
 */
export const batchRunner = (deps: RunnerDeps) => {
  const { db, logs, receipts } = deps

  const answer = async (work: PreparedAppend, signed: Map<string, Receipt>): Promise<void> => {
    const all: Receipt[] = []
    for (const { log } of work.parts) {
      const receipt = signed.get(log)
      if (receipt) all.push(receipt)
      else {
        // A retry's logs were not touched: their head is what it was.
        const row = (await findLog(db, log))!
        all.push(await receipts.fresh(log, row))
      }
    }
    work.resolve(all)
  }

  return async (works: readonly PreparedAppend[]): Promise<void> => {
    const hold = logs.hold()
    let outcome: Outcome | undefined
    try {
      outcome = await commitBatch(deps, hold, works)
    } finally {
      hold.end(outcome !== undefined)
    }
    const { taken, refused, commits } = outcome
    const signed = new Map(commits.map(({ log, receipt }) => [log, receipt]))
    for (const { log, receipt } of commits) receipts.keep(log, receipt)
    for (const { work, error } of refused) work.reject(error)
    // What is stored is stored: a failure from here on must not make the queue try again.
    for (const work of taken) await answer(work, signed).catch(work.reject)
    for (const commit of commits) deps.tell(commit)
  }
}
