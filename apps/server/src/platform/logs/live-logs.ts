import type { Kysely } from 'kysely'
import { ProblemError } from '@hearthold/contract'
import { genesisOf, LiveLog } from './live-log.ts'
import { entriesForReplay, findLog } from './store.ts'
import type { LogTables } from './tables.ts'

type Db = Kysely<LogTables>

const replayPageEntries = 500
/** A batch is over in milliseconds: whoever waits longer waits for itself (a `within` that asks outside). */
const settleLimitMs = 10_000

/** The batch's side of the cache: what it has touched is its own until it ends. */
export type Hold = {
  /** A log as it stands inside the batch; undefined if it does not exist. */
  get(id: string, trx: Db): Promise<LiveLog | undefined>
  /** A log founded inside the batch. */
  add(live: LiveLog): void
  /** Forgets a log whose view ran ahead of what will be stored; the next `get` rebuilds it from its rows. */
  drop(id: string): void
  /** Ends the batch. What it touched is kept if it was committed, and forgotten if not. */
  end(committed: boolean): void
}

export type LiveLogs = {
  /**
   * A log as it was last committed, rebuilt from its rows if it is not in memory.
   * @throws ProblemError `unavailable` where a batch holds it for too long; IntegrityError
   *   `log_unknown_version` for a log of a newer version
   */
  get(id: string): Promise<LiveLog | undefined>
  /** Begins a batch. One at a time. */
  hold(): Hold
  /** Forgets a log whose rows are gone. */
  forget(id: string): Promise<void>
}

const load = async (db: Db, id: string, pause: boolean): Promise<LiveLog | undefined> => {
  const row = await findLog(db, id)
  if (!row) return undefined
  const live = new LiveLog(row, genesisOf(row))
  for (;;) {
    const rows = await entriesForReplay(db, row.number, live.point.seq, replayPageEntries)
    for (const entry of rows) live.replay(entry)
    if (rows.length < replayPageEntries) break
    // A long replay lets others in between its pages; inside a transaction it hurries.
    if (pause) await new Promise((resolve) => setImmediate(resolve))
  }
  live.finishReplay()
  return live
}

const settled = (end: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new ProblemError('unavailable', 'The log is busy. Try again in a moment.')),
      settleLimitMs,
    )
  })
  return Promise.race([end, late]).finally(() => clearTimeout(timer))
}

class LiveLogCache implements LiveLogs {
  readonly #db: Db
  readonly #weightLimit: number
  /** Least recently used first. */
  readonly #logs = new Map<string, LiveLog>()
  /** What each log was last counted with, and their sum: a batch must not cost a walk over all logs. */
  readonly #weights = new Map<string, number>()
  #weight = 0
  readonly #loading = new Map<string, Promise<LiveLog | undefined>>()
  #held: { readonly ids: Set<string>; readonly end: Promise<void> } | undefined

  constructor(db: Db, weightLimit: number) {
    this.#db = db
    this.#weightLimit = weightLimit
  }

  async get(id: string): Promise<LiveLog | undefined> {
    const held = this.#held
    if (held?.ids.has(id)) {
      await settled(held.end)
      return this.get(id)
    }
    return this.#find(id) ?? this.#load(id, this.#db, true)
  }

  #find(id: string): LiveLog | undefined {
    const live = this.#logs.get(id)
    if (live) {
      this.#logs.delete(id)
      this.#logs.set(id, live)
    }
    return live
  }

  /** Whoever asks while a log is being loaded waits for the same instance: there is never a second one. */
  async #load(id: string, db: Db, pause: boolean): Promise<LiveLog | undefined> {
    const running = this.#loading.get(id)
    if (running) return running
    const loading = load(db, id, pause)
    this.#loading.set(id, loading)
    try {
      const live = await loading
      if (live) this.#keep(live)
      this.#trim()
      return live
    } finally {
      this.#loading.delete(id)
    }
  }

  hold(): Hold {
    if (this.#held) throw new Error('A batch is running already')
    const { promise, resolve } = Promise.withResolvers<void>()
    const ids = new Set<string>()
    this.#held = { ids, end: promise }
    return {
      get: async (id, trx) => {
        // What the batch has taken up stays until its end, and need not be put first again.
        const known = ids.has(id) ? this.#logs.get(id) : undefined
        if (known) return known
        const loading = ids.has(id) ? undefined : this.#loading.get(id)
        ids.add(id)
        return (await loading) ?? this.#find(id) ?? this.#load(id, trx, false)
      },
      add: (live) => {
        ids.add(live.id)
        this.#keep(live)
      },
      drop: (id) => this.#forget(id),
      end: (committed) => {
        for (const id of ids) {
          const live = this.#logs.get(id)
          if (!committed) this.#forget(id)
          else if (live) this.#count(id, live.weight)
        }
        this.#held = undefined
        this.#trim()
        resolve()
      },
    }
  }

  async forget(id: string): Promise<void> {
    // Whoever is reading it still sees the rows of before, and would keep it.
    await this.#loading.get(id)?.catch(() => undefined)
    this.#forget(id)
  }

  #keep(live: LiveLog): void {
    this.#logs.set(live.id, live)
    this.#count(live.id, live.weight)
  }

  #forget(id: string): void {
    this.#logs.delete(id)
    this.#count(id, 0)
  }

  #count(id: string, weight: number): void {
    this.#weight += weight - (this.#weights.get(id) ?? 0)
    if (weight === 0) this.#weights.delete(id)
    else this.#weights.set(id, weight)
  }

  /** The newest stays, however large; what a batch holds stays until its end. */
  #trim(): void {
    for (const id of this.#logs.keys()) {
      if (this.#weight <= this.#weightLimit || this.#logs.size === 1) return
      if (!this.#held?.ids.has(id)) this.#forget(id)
    }
  }
}

/** Views in memory, at most `weightLimit` nodes of them, more or less; the least recently used go. */
export const createLiveLogs = (db: Db, weightLimit: number): LiveLogs =>
  new LiveLogCache(db, weightLimit)
