import { ProblemError } from '@hearthold/contract'
import type { Clock } from '../clock.ts'

/** Counts what callers do. The identity feature brings one that survives restarts for sign-ins (ID-12). */
export type RateLimiter = {
  /**
   * Takes one from the allowance of `key` for acts of this kind.
   * @throws ProblemError rate_limited with Retry-After when it is used up
   */
  take(key: string, kind: string): Promise<void>
}

type Bucket = { tokens: number; at: number }

/** Ordinary requests per minute and token, or per address where nobody is signed in. */
export const ordinaryPerMinute = 600
const bucketLimit = 20_000

/**
 * Token buckets in memory: `perMinute` at once, refilled evenly. Buckets that are full again are forgotten; when
 * there are too many, the oldest go first.
 */
export const memoryRateLimiter = (
  clock: Clock,
  perMinute: number = ordinaryPerMinute,
): RateLimiter => {
  const buckets = new Map<string, Bucket>()
  const perMs = perMinute / 60_000
  const sweep = (now: number): void => {
    for (const [key, { tokens, at }] of buckets) {
      if (buckets.size > bucketLimit || tokens + (now - at) * perMs >= perMinute)
        buckets.delete(key)
    }
  }
  return {
    take: async (key, kind) => {
      const now = clock.now()
      const id = `${kind} ${key}`
      const bucket = buckets.get(id) ?? { tokens: perMinute, at: now }
      // A clock that was set back must not take tokens away.
      bucket.tokens = Math.min(perMinute, bucket.tokens + Math.max(0, now - bucket.at) * perMs)
      bucket.at = now
      if (bucket.tokens < 1) {
        const retryAfterSeconds = Math.max(1, Math.ceil((1 - bucket.tokens) / perMs / 1000))
        throw new ProblemError('rate_limited', 'Too many requests. Wait a moment and try again.', {
          retryAfterSeconds,
        })
      }
      bucket.tokens -= 1
      buckets.set(id, bucket)
      if (buckets.size > bucketLimit) sweep(now)
    },
  }
}

/** Object bytes and appends are bounded by quota, and by this many requests of one session at a time. */
export const concurrentPerSession = 16

/** Counts requests under way. */
export type Concurrency = {
  /**
   * @returns what to call when the request is over (twice does no harm)
   * @throws ProblemError rate_limited when too many are under way
   */
  enter(key: string): () => void
}

export const concurrencyLimit = (limit: number = concurrentPerSession): Concurrency => {
  const underWay = new Map<string, number>()
  return {
    enter: (key) => {
      const count = underWay.get(key) ?? 0
      if (count >= limit) {
        throw new ProblemError(
          'rate_limited',
          `At most ${limit} of these requests may run at a time.`,
          { retryAfterSeconds: 1 },
        )
      }
      underWay.set(key, count + 1)
      let left = false
      return () => {
        if (left) return
        left = true
        const now = (underWay.get(key) ?? 1) - 1
        if (now === 0) underWay.delete(key)
        else underWay.set(key, now)
      }
    },
  }
}
