import { ProblemError } from '@hearthold/contract'
import type { Receipt } from '@hearthold/crypto'
import type { PreparedAppend } from './append-request.ts'

type Waiting = Omit<PreparedAppend, 'resolve' | 'reject'>

/** Appends of one transaction; more of them wait for the next. Their rows are in memory until the commit. */
const batchLimit = 256
const batchLimitBytes = 16 * 1024 * 1024
/** Appends that may wait; beyond it a client is told to come back. */
const queueLimit = 4096
const queueLimitBytes = 128 * 1024 * 1024

/** How many appends from the first on make one batch; at least one. */
const batchLength = (waiting: readonly PreparedAppend[]): number => {
  let length = 0
  let sizeBytes = 0
  for (const append of waiting) {
    sizeBytes += append.sizeBytes
    if (length > 0 && (length >= batchLimit || sizeBytes > batchLimitBytes)) break
    length++
  }
  return length
}

export type AppendQueue = { push(append: Waiting): Promise<Receipt[]> }

/**
 * Gathers what arrives in one turn of the event loop and hands it on together; what arrives meanwhile waits for
 * the next turn. No timer: a lone writer does not wait for others.
 * @param runBatch settles every append of a batch that was committed, and throws if nothing of it was stored
 */
export const createAppendQueue = (
  runBatch: (batch: readonly PreparedAppend[]) => Promise<void>,
): AppendQueue => {
  const waiting: PreparedAppend[] = []
  let waitingBytes = 0
  let running = false

  const nextBatch = (): PreparedAppend[] => {
    const batch = waiting.splice(0, batchLength(waiting))
    for (const { sizeBytes } of batch) waitingBytes -= sizeBytes
    return batch
  }

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
      const batch = nextBatch()
      await runBatch(batch).catch((error: unknown) => runApart(batch, error))
      // What came in during the commit is read now, so that it shares the next one.
      if (waiting.length > 0) await new Promise((resolve) => setImmediate(resolve))
    }
    running = false
  }

  return {
    push: (append) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= queueLimit || waitingBytes > queueLimitBytes) {
          const options = { retryAfterSeconds: 1 }
          reject(new ProblemError('unavailable', 'Too many writers at once.', options))
          return
        }
        waiting.push({ ...append, resolve, reject })
        waitingBytes += append.sizeBytes
        if (running || waiting.length > 1) return
        setImmediate(() => void drain())
      }),
  }
}
