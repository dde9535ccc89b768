/** Limits of repeating. Times are in milliseconds. */
export type RetryPolicy = {
  /** All attempts of one call, the first included. */
  readonly attempts: number
  readonly firstWaitMs: number
  readonly longestWaitMs: number
  /** A Retry-After beyond this is not waited for: the problem is thrown. */
  readonly retryAfterLimitMs: number
}

export const defaultRetry: RetryPolicy = {
  attempts: 4,
  firstWaitMs: 200,
  longestWaitMs: 5_000,
  retryAfterLimitMs: 20_000,
}

/** Time and chance, injected so that tests neither wait nor guess. */
export type Waiting = {
  /** Resolves after `ms`; rejects with the reason when `signal` aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** At least 0, below 1. */
  readonly random: () => number
}

export const realWaiting: Waiting = {
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }, ms)
      signal?.addEventListener('abort', stop, { once: true })
    }),
  random: () => Math.random(),
}

/** The wait after failed attempt number `attempt` (from 1): doubling, with half of it by chance, so that clients that fell together do not return together. */
export const backoffMs = (policy: RetryPolicy, attempt: number, random: () => number): number => {
  const full = Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** (attempt - 1))
  return Math.round(full * (0.5 + random() / 2))
}
