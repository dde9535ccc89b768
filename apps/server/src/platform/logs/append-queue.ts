import { ProblemError } from '@hearthold/contract'
import type { Receipt } from '@hearthold/crypto'
import type { PreparedAppend } from './append-request.ts'

type Waiting = Omit<PreparedAppend, 'resolve' | 'reject'>

/** Appends of one transaction; more of them wait for the next. Their rows and views are in memory until the commit. */
const batchLimit = 256
/** Appends that may wait; beyond it a client is told to come back. */
const queueLimit = 4096

export type AppendQueue = { push(append: Waiting): Promise<Receipt[]> }

/**
 * Gathers what arrives in one turn of the event loop and hands it on together; what arrives meanwhile waits for
 * the next turn. No timer: a lone writer does not wait for others.
 * @param runBatch settles every append of a batch that was committed, and throws if nothing of it was stored
 */
export const createAppendQueue = (
  runBatch: (batch: readonly PreparedAppend[]) => Promise<void>,
): AppendQueue => {
  let waiting: PreparedAppend[] = []
  let running = false

  /** One bad apple must not spoil the batch: after an unexpected failure each append is tried by itself. */
  const runApart = async (batch: readonly PreparedAppend[], error: unknown): Promise<void> => {
    const hopeless = error instanceof ProblemError || batch.length === 1
    for (const append of batch) {
      if (hopeless) append.reject(error)
      else await runBatch([append]).catch((alone: unknown) => append.reject(alone))
    }
  }

  const drain = async (): Promise<void> => {
    running = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchLimit)
      waiting = waiting.slice(batchLimit)
      await runBatch(batch).catch((error: unknown) => runApart(batch, error))
      // What came in during the commit is read now, so that it shares the next one.
      if (waiting.length > 0) await new Promise((resolve) => setImmediate(resolve))
    }
    running = false
  }

  return {
    push: (append) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= queueLimit) {
          const options = { retryAfterSeconds: 1 }
          reject(new ProblemError('unavailable', 'Too many writers at once.', options))
          return
        }
        waiting.push({ ...append, resolve, reject })
        if (running || waiting.length > 1) return
        setImmediate(() => void drain())
      }),
  }
}
