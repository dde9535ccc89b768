import { type Endpoint, ProblemError } from '@hearthold/contract'
import type { IncomingMessage } from 'node:http'
import { declaredLength } from './body.ts'

/** Bytes of bodies that are held in memory at a time. */
export type BodyBudget = {
  /**
   * Sets the room aside that a body may need, before it is read.
   * @returns what to call when the request is over (once)
   * @throws ProblemError `rate_limited` where the account holds too much, `unavailable` where all together do
   */
  take(account: string, sizeBytes: number): () => void
}

const mebibyte = 2 ** 20
/** An honest client sends three bundles of 4 MiB at a time; this leaves room for several devices. */
const perAccountBytes = 64 * mebibyte
const totalBytes = 512 * mebibyte
/** Smaller ones are bounded by the number of connections. */
const freeBytes = 192 * 1024

/**
 * The bytes to set aside for a request: what it declares, or all that its endpoint takes where it does not; 0 for
 * bodies that are small or not held.
 */
export const heldBytes = (endpoint: Endpoint | undefined, request: IncomingMessage): number => {
  if (endpoint?.body === undefined || endpoint.bodyStream) return 0
  const { bodyLimitBytes } = endpoint
  const sizeBytes = Math.min(declaredLength(request) ?? bodyLimitBytes, bodyLimitBytes)
  return sizeBytes > freeBytes ? sizeBytes : 0
}

/** Without it, one member with many sessions could have the server hold gigabytes of bundles that never end. */
export const bodyBudget = (limits = { perAccountBytes, totalBytes }): BodyBudget => {
  const held = new Map<string, number>()
  let total = 0
  const add = (account: string, sizeBytes: number): void => {
    total += sizeBytes
    const sum = (held.get(account) ?? 0) + sizeBytes
    if (sum === 0) held.delete(account)
    else held.set(account, sum)
  }
  return {
    take: (account, sizeBytes) => {
      const retry = { retryAfterSeconds: 1 }
      if ((held.get(account) ?? 0) + sizeBytes > limits.perAccountBytes)
        throw new ProblemError('rate_limited', 'Too many large requests are under way.', retry)
      if (total + sizeBytes > limits.totalBytes)
        throw new ProblemError('unavailable', 'The server has its hands full.', retry)
      add(account, sizeBytes)
      let isOver = false
      return () => {
        if (!isOver) add(account, -sizeBytes)
        isOver = true
      }
    },
  }
}
