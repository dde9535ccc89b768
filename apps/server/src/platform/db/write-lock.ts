import { ProblemError } from '@hearthold/contract'

/** Gives the lock back; calling it twice does nothing. */
export type Release = () => void

export type WriteLock = {
  /**
   * Waits for the lock, first come first served.
   * @throws ProblemError `unavailable` after `waitLimitMs`, or at once when `queueLimit` already wait
   */
  acquire(): Promise<Release>
  isHeld(): boolean
}

type Waiter = { grant(): void; timer: NodeJS.Timeout }

/**
 * The lock before the one writing connection. Both limits are there for our own bugs: code that writes by
 * `db` inside its own transaction waits for itself, and must get an error rather than stop the server.
 */
export const writeLock = (options: { waitLimitMs: number; queueLimit: number }): WriteLock => {
  const waiters = new Set<Waiter>()
  let held = false

  const releaseOnce = (): Release => {
    let released = false
    return () => {
      if (released) return
      released = true
      const [next] = waiters
      if (!next) {
        held = false
        return
      }
      waiters.delete(next)
      clearTimeout(next.timer)
      next.grant()
    }
  }

  return {
    isHeld: () => held,
    acquire: async () => {
      if (!held) {
        held = true
        return releaseOnce()
      }
      if (waiters.size >= options.queueLimit) throw busy()
      return new Promise<Release>((resolve, reject) => {
        const waiter: Waiter = {
          grant: () => resolve(releaseOnce()),
          timer: setTimeout(() => {
            waiters.delete(waiter)
            reject(busy())
          }, options.waitLimitMs),
        }
        waiters.add(waiter)
      })
    },
  }
}

const busy = (): ProblemError =>
  new ProblemError('unavailable', 'The database is busy. Try again in a moment.', {
    retryAfterSeconds: 5,
  })
