import type { Http } from '#platform/http/index.ts'
import type { ObjectAccess } from '#platform/logs/index.ts'
import type { FilesDeps } from './deps.ts'
import { objectAccess } from './object-access.ts'
import { bindFiles } from './routes.ts'
import { filesService } from './service.ts'
import { sweepExpired, sweepStrays, type Swept } from './sweep.ts'
import { GrantedBytes, keptBytesNow, usedBytesOf } from './usage.ts'

export type { FilesDeps } from './deps.ts'
export { filesMigrations } from './migrations/index.ts'
export type { FilesTables } from './tables.ts'

const hourMs = 3600_000

/** The files feature, as the rest of the server knows it. */
export type Files = {
  /** Binds the endpoints of the contract. */
  bind(http: Http): void
  /** Bytes that each of these accounts keeps. */
  usedBytes(accounts: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** The same for one at this moment, uploads too that are just being let in: see [Note: one room]. */
  accountBytes(account: string): number
  /** Removes what has expired and what no row knows. */
  sweep(): Promise<Swept>
  /** Sweeps now and hourly (files without a row daily) until `close`. */
  start(): void
  close(): void
}

/**
 * What the log service asks of the objects. It needs less than the feature, so that it can be made before the log
 * service, and the feature after it.
 */
export const createObjectAccess = (
  deps: Pick<FilesDeps, 'objects' | 'log' | 'quotaBytes' | 'otherBytes'>,
): ObjectAccess => objectAccess(deps)

/** Makes the feature; its migrations must have run. */
export const createFiles = (deps: FilesDeps): Files => {
  const granted = new GrantedBytes()
  let timer: NodeJS.Timeout | undefined
  let hours = 0
  const sweepSome = async (): Promise<void> => {
    try {
      await sweepExpired(deps)
      if (hours % 24 === 0) await sweepStrays(deps)
    } catch (error) {
      // On a full disk, say: the next one makes up for it.
      deps.log.warn({ err: error }, 'the sweep of objects failed')
    }
    hours += 1
  }
  return {
    bind: (http) => bindFiles(http, filesService({ ...deps, granted })),
    usedBytes: (accounts) => usedBytesOf(deps.db, accounts),
    accountBytes: (account) => keptBytesNow(deps.db, granted, account),
    sweep: async () => ({ ...(await sweepExpired(deps)), strays: await sweepStrays(deps) }),
    start: () => {
      void sweepSome()
      timer = setInterval(() => void sweepSome(), hourMs)
      timer.unref()
    },
    close: () => clearInterval(timer),
  }
}
