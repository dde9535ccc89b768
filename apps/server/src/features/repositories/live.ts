import { ProblemError, type RepositoryAlarm } from '@hearthold/contract'
import { type RepositoryStore, StorageError } from '#platform/storage/storage.ts'
import { Counts } from './counts.ts'
import type { RepositoriesDeps } from './deps.ts'
import { type DamagedObject, type RepositoryFacts, saveRepository } from './store.ts'

/** Runs what it is given one after the other, in the order given. */
const oneAtATime = (): (<T>(work: () => Promise<T>) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => undefined)
    return next
  }
}

/** One repository of a running server. */
export class Live {
  facts: RepositoryFacts
  readonly counts: Counts
  /** By `type/id`. */
  readonly damaged = new Map<string, DamagedObject>()
  /** Since when its storage does not answer; only as long as nothing succeeded since. */
  storageFailedSince: number | undefined
  /** False once it was destroyed: nobody may bring anything any more. */
  exists = true
  /** Acts on the whole bin, one after the other. */
  readonly inTurn = oneAtATime()
  readonly #deps: RepositoriesDeps
  #store: Promise<RepositoryStore> | undefined
  #counting: Promise<void> | undefined

  constructor(deps: RepositoriesDeps, facts: RepositoryFacts) {
    this.#deps = deps
    this.facts = facts
    this.counts = new Counts(facts.counts)
  }

  get folder(): readonly [string, string] {
    return [this.facts.account, this.facts.name]
  }

  /** Opens its place; nothing is sent. @throws ProblemError `storage_failed` where its storage is not to be had */
  store(): Promise<RepositoryStore> {
    this.#store ??= this.#open().catch((error: unknown) => {
      this.#store = undefined
      throw error
    })
    return this.#store
  }

  async #open(): Promise<RepositoryStore> {
    try {
      const storage = await this.#deps.openStorage(this.facts.storage, () => this.facts.freezeDays)
      return storage.open(this.folder)
    } catch (error) {
      throw new ProblemError('storage_failed', 'The storage of this repository does not open.', {
        cause: error,
      })
    }
  }

  /** Makes sure that the numbers are exact. @throws ProblemError `storage_failed` */
  async count(): Promise<void> {
    if (this.counts.counted) return
    this.#counting ??= this.guard(async () =>
      this.counts.count(await this.store(), this.facts.burstSeenAt ?? 0),
    ).finally(() => (this.#counting = undefined))
    await this.#counting
  }

  /** Runs what needs the storage, and notes whether that answered. @throws ProblemError `storage_failed`, and what is none of the storage's */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work()
      this.storageFailedSince = undefined
      return answer
    } catch (error) {
      throw this.noteFailure(error)
    }
  }

  /** What to throw for an error of the storage. */
  noteFailure(error: unknown): unknown {
    if (error instanceof StorageError && error.failure === 'full')
      return new ProblemError('disk_full', 'The storage of this repository is full.')
    const unavailable = error instanceof StorageError && error.failure === 'unavailable'
    const failed = unavailable || isProblem(error, 'storage_failed')
    if (!failed && !(error instanceof StorageError)) return error
    if (failed) this.storageFailedSince ??= this.#deps.clock.now()
    if (error instanceof ProblemError) return error
    return new ProblemError('storage_failed', 'The storage of this repository does not answer.', {
      cause: error,
    })
  }

  /** Changes its row. Nothing is changed where that fails. */
  async save(changed: Partial<RepositoryFacts>): Promise<void> {
    const before = this.facts
    // In memory first: whoever saves next writes the whole row.
    this.facts = { ...before, ...changed }
    try {
      await saveRepository(this.#deps.db, this.facts)
    } catch (error) {
      const names = Object.keys(changed) as (keyof RepositoryFacts)[]
      const taken = Object.fromEntries(names.map((name) => [name, before[name]]))
      this.facts = { ...this.facts, ...taken }
      throw error
    }
  }

  alarm(kind: RepositoryAlarm['kind']): RepositoryAlarm | undefined {
    return this.facts.alarms.find((alarm) => alarm.kind === kind)
  }
}

const isProblem = (error: unknown, code: string): boolean =>
  error instanceof ProblemError && error.code === code
