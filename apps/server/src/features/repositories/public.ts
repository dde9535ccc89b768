import { setTimeout as delay } from 'node:timers/promises'
import { addRawRoute, type Http } from '#platform/http/index.ts'
import { BinClock } from './bin-clock.ts'
import { Catalogue } from './catalogue.ts'
import { credentialHasher } from './credential-secrets.ts'
import { hourMs, type RepositoriesDeps } from './deps.ts'
import { repositoryGate } from './gate.ts'
import { type Expired, tend } from './hourly.ts'
import { repositoryMetrics } from './metrics.ts'
import type { Parts } from './parts.ts'
import { repositoryBytes } from './quota.ts'
import { bindRepositoryEndpoints } from './routes.ts'
import { Scrubber } from './scrub.ts'

export type { Members, RepositoriesDeps } from './deps.ts'
export { repositoriesMigrations } from './migrations/index.ts'
export type { OpenStorageOf } from './storage-opening.ts'
export { createStorages, type Storages, type StorageTables } from './storages.ts'
export type { RepositoryTables } from './tables.ts'

const flushMs = 60_000
/** For work that is under way when the server stops. */
const stopMs = 5_000

/** The repositories, as the rest of the server knows them. */
export type Repositories = {
  /** Binds the endpoints of the contract, the protocol itself and /metrics. */
  bind(http: Http): void
  /** Bytes of all repositories of an account, uploads under way too, their bins not. */
  usedBytes(account: string): number
  /** Asks again who is suspended; told of by who knows. */
  refreshMembers(): Promise<void>
  /** The hourly work, once. */
  tend(): Promise<Expired>
  /** Resolves once no scrub is under way. */
  scrubbed(): Promise<void>
  /** Tends now and hourly, and writes down every minute what was counted, until `stop`. */
  start(): void
  /** Ends the periodic work. */
  stop(): Promise<void>
  /** After the last request: writes down what was counted. */
  close(): Promise<void>
}

/** Opens the feature, after the migrations. */
export const openRepositories = async (deps: RepositoriesDeps): Promise<Repositories> => {
  const catalogue = await Catalogue.open(deps)
  const binClock = await BinClock.open(deps.db, deps.clock.now())
  const hasher = credentialHasher(deps.peppers)
  const parts: Parts = { deps, catalogue, binClock, hasher }
  const scrubber = new Scrubber(parts)
  const metrics = repositoryMetrics(deps, () => catalogue)
  const { onEvent, onRefusedSignIn } = metrics
  catalogue.whenCredentialRemoved(metrics.onCredentialRemoved)
  const timers: NodeJS.Timeout[] = []
  let stopped = false
  let tending: Promise<unknown> = Promise.resolve()

  const tendOnce = async (): Promise<Expired> => {
    const expired = await tend(parts, () => stopped)
    if (!stopped) await scrubber.continueAll()
    return expired
  }
  const quietly = (what: string, work: () => Promise<unknown>) => (): Promise<void> =>
    work().then(
      () => undefined,
      // On a full disk, say: the next time makes up for it.
      (error: unknown) => deps.log.warn({ err: error }, `repositories: ${what} failed`),
    )
  const flush = quietly('writing down counts', async () => {
    await catalogue.refreshMembers()
    await catalogue.flush()
  })
  const tendQuietly = (): void => {
    tending = tending.then(quietly('the hourly work', tendOnce))
  }

  return {
    bind: (http) => {
      bindRepositoryEndpoints(http, parts, scrubber)
      addRawRoute(
        http,
        repositoryGate({ deps, catalogue, binClock, hasher, onEvent, onRefusedSignIn }),
      )
      metrics.bind(http)
    },
    usedBytes: (account) => repositoryBytes(catalogue, account),
    refreshMembers: () => catalogue.refreshMembers(),
    tend: tendOnce,
    scrubbed: () => scrubber.idle(),
    start: () => {
      tendQuietly()
      timers.push(
        setInterval(tendQuietly, hourMs),
        setInterval(() => void flush(), flushMs),
      )
      for (const timer of timers) timer.unref()
    },
    stop: async () => {
      stopped = true
      for (const timer of timers) clearInterval(timer)
      // A storage that hangs must not keep the server from stopping; what is cut off is done anew.
      await Promise.race([
        Promise.all([scrubber.stop(), tending]),
        delay(stopMs, undefined, { ref: false }),
      ])
    },
    close: flush,
  }
}
