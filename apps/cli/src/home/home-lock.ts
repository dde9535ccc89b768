import { AsyncLocalStorage } from 'node:async_hooks'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../cli-error.ts'

const held = new AsyncLocalStorage<ReadonlySet<string>>()
const waitLimitMs = 30_000
const pollMs = 25

const isBusy = (error: unknown): boolean => (error as { errcode?: unknown } | null)?.errcode === 5

/**
 * Runs `work` while no other process (nor another call in this one) holds the lock at `path`; a call from within `work` passes straight through.
 * The lock is SQLite's lock of an empty database file: the operating system releases it when a process dies,
 * which a file holding a process number could only guess at, and Node has no flock. Throws `CliError` after 30 s.
 */
export const withLock = async <T>(path: string, work: () => Promise<T> | T): Promise<T> => {
  const outer = held.getStore() ?? new Set()
  if (outer.has(path)) return work()
  // Made here, because SQLite would make it readable by others.
  closeSync(openSync(path, 'a', 0o600))
  // Loaded late: most commands only read, and need no lock.
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    const giveUpAt = performance.now() + waitLimitMs
    for (;;) {
      try {
        database.exec('begin exclusive')
        break
      } catch (error) {
        if (!isBusy(error)) throw error
        if (performance.now() > giveUpAt) {
          throw new CliError(
            'failure',
            'Another hearthold command has been busy for a long time.',
            'Wait for it to end, or end it, and try again.',
          )
        }
        await sleep(pollMs * (0.5 + Math.random()))
      }
    }
    return await held.run(new Set([...outer, path]), async () => work())
  } finally {
    // Closing ends the transaction and with it the lock.
    database.close()
  }
}
