import { ProblemError } from '@hearthold/contract'
import type { Client } from './client.ts'
import { backoffMs } from './retry.ts'

/** Decides how often a transfer is taken up again: as long as it gets further, but not for ever. */
export type Patience = {
  /** Notes a position; getting beyond the furthest one so far forgives earlier failures. */
  reached(position: number): void
  /** Waits before the next attempt, or throws `error` when patience is at its end. */
  wait(error: unknown, position: number, signal?: AbortSignal): Promise<void>
}

/** Even a transfer that always gets a little further is not resumed more often than this. */
const resumeLimit = 10_000

/** Patience for one transfer, with the client's own limits and waits. */
export const createPatience = (client: Client, start: number): Patience => {
  let furthest = start
  let failures = 0
  let resumes = 0
  const reached = (position: number) => {
    if (position <= furthest) return
    furthest = position
    failures = 0
  }
  return {
    reached,
    wait: async (error, position, signal) => {
      reached(position)
      failures++
      resumes++
      if (failures >= client.retry.attempts || resumes > resumeLimit) throw error
      const asked = error instanceof ProblemError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
      if (asked > client.retry.retryAfterLimitMs) throw error
      await client.waiting.sleep(
        Math.max(asked, backoffMs(client.retry, failures, client.waiting.random)),
        signal,
      )
    },
  }
}
