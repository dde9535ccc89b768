/** Searches and comparisons: told in batches while they run, ended when somebody stops them. */
import type { Ended, Progress } from './api.ts'
import { told } from './reader-error.ts'

const tellEveryMs = 120

export type Jobs = {
  /** A signal for a job that `stop` ends; `end` forgets it. */
  begin(job: string): { readonly signal: AbortSignal; readonly end: () => void }
  /** True where there was one. */
  stop(job: string, reason: unknown): boolean
}

export const createJobs = (): Jobs => {
  const running = new Map<string, AbortController>()
  return {
    begin: (job) => {
      const stop = new AbortController()
      running.set(job, stop)
      return { signal: stop.signal, end: () => void running.delete(job) }
    },
    stop: (job, reason) => {
      const found = running.get(job)
      found?.abort(reason)
      return found !== undefined
    },
  }
}

type Told<Row> = (progress: Progress<Row>) => unknown

/**
 * Sends what `parts` finds, at most `limit` rows, some times a second; resolves when it ends or is cut. `damaged` counts
 * by itself while the parts are walked.
 */
export const tellAll = async <Part, Row>(
  parts: AsyncIterable<Part>,
  options: {
    readonly limit: number
    readonly rowOf: (part: Part) => Row
    readonly tell: Told<Row>
    readonly damaged: () => number
  },
): Promise<Ended> => {
  let rows: Row[] = []
  let count = 0
  let toldAt = 0
  let cut = false
  const flush = async (): Promise<void> => {
    toldAt = Date.now()
    const batch = rows
    rows = []
    if (batch.length > 0) await options.tell({ rows: batch })
  }
  await told(async () => {
    for await (const part of parts) {
      if (count === options.limit) {
        cut = true
        return
      }
      count++
      rows.push(options.rowOf(part))
      if (Date.now() - toldAt > tellEveryMs) await flush()
    }
  })
  await flush()
  return { damaged: options.damaged(), cut }
}
