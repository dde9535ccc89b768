import { ProblemError } from '@hearthold/contract'
import { type Bytes, encodeGenesis, equalBytes, genesisHash, sha256, u64 } from '@hearthold/crypto'
import type { Transaction } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import { inSavepoint } from '#platform/db/index.ts'
import type {
  AppendedEntry,
  AppendedLog,
  PreparedAppend,
  PreparedPart,
  Touched,
} from './append-request.ts'
import { isOld, judgeEntry } from './judge.ts'
import { governingOf, LiveLog, ownerOf } from './live-log.ts'
import type { Hold } from './live-logs.ts'
import type { ObjectAccess } from './object-access.ts'
import { isSimple, Prepaid } from './prepaid.ts'
import {
  countLogs,
  findChain,
  findLog,
  findOwnHeader,
  insertEntries,
  insertLog,
  type NewEntry,
  updateHead,
} from './store.ts'
import type { LogTables } from './tables.ts'

export type BatchDeps = {
  readonly clock: Clock
  readonly objects: ObjectAccess
  /** Logs of one account, its account log included. */
  readonly logsLimit: number
}

type Trx = Transaction<LogTables>
type Rows = {
  readonly live: LiveLog
  readonly rows: NewEntry[]
  readonly appended: AppendedEntry[]
  /** By object: whether the log still refers to it after the last entry that says something of it. */
  readonly uses: Map<string, boolean>
}

/** How far after `seen` a retried entry is looked for: a retry comes within minutes, not after 10,000 entries. */
const retryWindow = 10_000

/** Problems that concern the whole transaction and not one append: SQLite may have rolled back already. */
const concernsAll = (error: unknown): boolean =>
  !(error instanceof ProblemError) ||
  error.code === 'disk_full' ||
  error.code === 'unavailable' ||
  error.code === 'internal'

/** The appends of one turn inside their transaction. Judged one after the other; rows are written together. */
export class Batch {
  readonly #deps: BatchDeps
  readonly #trx: Trx
  readonly #hold: Hold
  readonly #prepaid: Prepaid
  /** Rows of appends that were judged, not yet written. */
  #pending: NewEntry[] = []
  readonly #touched = new Map<string, { after: number; entries: AppendedEntry['entry'][] }>()

  private constructor(deps: BatchDeps, trx: Trx, hold: Hold, prepaid: Prepaid) {
    this.#deps = deps
    this.#trx = trx
    this.#hold = hold
    this.#prepaid = prepaid
  }

  /** Begins a batch of these appends; each is then judged by `append`. */
  static async begin(
    deps: BatchDeps,
    trx: Trx,
    hold: Hold,
    works: readonly PreparedAppend[],
  ): Promise<Batch> {
    const on = trx as unknown as Transaction<unknown>
    return new Batch(deps, trx, hold, await Prepaid.of(works, deps.objects, on))
  }

  /**
   * Judges one append and takes it in. Answers why it was refused; everything is then as it was.
   * @throws what concerns the whole batch: a full disk, a failure of our own
   */
  async append(work: PreparedAppend): Promise<ProblemError | undefined> {
    try {
      if (!(await this.#isRetry(work))) await this.#takeWhole(work)
      return undefined
    } catch (error) {
      if (concernsAll(error)) throw error
      return error as ProblemError
    }
  }

  async #takeWhole(work: PreparedAppend): Promise<void> {
    const needsNoSavepoint = isSimple(work)
    const changed: string[] = []
    try {
      if (needsNoSavepoint) await this.#take(work, changed)
      else await inSavepoint(this.#trx, () => this.#take(work, changed))
    } catch (error) {
      if (concernsAll(error)) throw error
      if (needsNoSavepoint && changed.length > 0)
        throw new Error('refused when applied', { cause: error })
      await this.#forget(changed)
      throw error
    }
  }

  /** Views that ran ahead of a refused append are rebuilt from rows, those of this batch included. */
  async #forget(changed: readonly string[]): Promise<void> {
    if (changed.length === 0) return
    await this.#flush()
    for (const id of changed) this.#hold.drop(id)
  }

  async #take(work: PreparedAppend, changed: string[]): Promise<void> {
    const done: { part: PreparedPart; taken: Rows }[] = []
    for (const part of work.parts) {
      const live = await this.#open(part, work.actor.log, changed)
      // Views cannot go back: what can still refuse the append comes before the first entry is applied.
      const admit = done.length === 0 ? () => this.#admit(work) : undefined
      done.push({ part, taken: await this.#takePart(part, live, changed, admit) })
    }
    await this.#noteObjects(done.map(({ taken }) => taken))
    if (work.within) {
      const logs = done.map(({ part, taken }) => appendedLog(part, taken))
      await work.within(this.#trx as unknown as Transaction<unknown>, { logs })
      await this.#count(work)
    }
    for (const { taken } of done) this.#keep(taken)
  }

  /** Objects and quota; an account that is only now being made has no quota until `within` has made it. */
  async #admit(work: PreparedAppend): Promise<void> {
    const { actor, references, within } = work
    if (references.length > 0) {
      const mayRead = async (log: string) => (await findLog(this.#trx, log))?.owner === actor.log
      const request = { actor, references, mayRead }
      const trx = this.#trx as unknown as Transaction<unknown>
      await this.#deps.objects.checkReferencable(trx, request)
    }
    if (!within) await this.#count(work)
  }

  #count({ actor, sizeBytes }: PreparedAppend): Promise<void> {
    return this.#prepaid.count(actor.account, sizeBytes)
  }

  /** The log of a part: found, or founded here. */
  async #open(part: PreparedPart, account: string, changed: string[]): Promise<LiveLog> {
    const found = await this.#hold.get(part.log, this.#trx)
    if (!part.append.genesis) {
      if (found) return found
      throw new ProblemError('not_found')
    }
    if (found) throw new ProblemError('log_exists', undefined, { extra: { log: part.log } })
    if ((await countLogs(this.#trx, account)) >= this.#deps.logsLimit) {
      throw new ProblemError('over_quota', 'This account has as many logs as it may have.')
    }
    const live = await this.#found(part)
    changed.push(live.id)
    return live
  }

  async #found({ log, append }: PreparedPart): Promise<LiveLog> {
    const genesis = append.genesis!
    const number = await insertLog(this.#trx, {
      id: log,
      kind: genesis.kind,
      rules: genesis.rules,
      owner: ownerOf(log, genesis),
      governing: governingOf(genesis) ?? null,
      genesis: encodeGenesis(genesis),
      chain: genesisHash(genesis),
    })
    const live = new LiveLog({ number, id: log, read_only: 0 }, genesis)
    this.#hold.add(live)
    return live
  }

  async #takePart(
    part: PreparedPart,
    live: LiveLog,
    changed: string[],
    admit: (() => Promise<void>) | undefined,
  ): Promise<Rows> {
    const governing = live.governing ? await this.#hold.get(live.governing, this.#trx) : undefined
    const taken: Rows = { live, rows: [], appended: [], uses: new Map() }
    for (const [index, prepared] of part.entries.entries()) {
      const previous = part.entries[index - 1]
      const judgement = { live, governing, prepared, previous, index }
      const now = this.#deps.clock.now()
      const entry = await judgeEntry(judgement, now, (log, seq) => this.#chainAt(log, seq, taken))
      if (index === 0) await admit?.()
      changed.push(live.id)
      const { chain, applied } = live.append(prepared, entry)
      taken.rows.push(rowOf(live.number, entry, chain))
      taken.appended.push({ entry, facts: prepared.facts })
      for (const object of applied.referenced) taken.uses.set(object, true)
      for (const object of applied.released) taken.uses.set(object, false)
    }
    return taken
  }

  /** All that is referred to first: what one log lets go, another log of the same append may have taken up. */
  async #noteObjects(all: readonly Rows[]): Promise<void> {
    const { objects } = this.#deps
    const trx = this.#trx as unknown as Transaction<unknown>
    for (const { live, uses } of all) {
      const referenced = [...uses.keys()].filter((object) => uses.get(object))
      if (referenced.length > 0) await objects.markReferenced(trx, live.id, referenced, 'entries')
    }
    for (const { live, uses } of all) {
      const released = [...uses.keys()].filter((object) => !uses.get(object))
      if (released.length > 0) await objects.release(trx, live.id, released, 'entries')
    }
  }

  #keep({ live, rows, appended }: Rows): void {
    this.#pending.push(...rows)
    const entries = appended.map(({ entry }) => entry)
    const touched = this.#touched.get(live.id)
    if (touched) touched.entries.push(...entries)
    else this.#touched.set(live.id, { after: entries[0]!.seq - 1, entries })
  }

  /** From memory, from rows of this append or this batch that are not written yet, or from the table. */
  async #chainAt(live: LiveLog, seq: number, taken: Rows): Promise<Bytes | undefined> {
    const kept = live.chainAt(seq)
    if (kept) return kept
    const same = (row: NewEntry): boolean => row.log === live.number && row.seq === seq
    const unwritten = taken.rows.find(same) ?? this.#pending.find(same)
    if (unwritten) return unwritten.chain
    const stored = await findChain(this.#trx, live.number, seq)
    if (stored) live.keepChain(seq, stored)
    return stored
  }

  /**
   * True when every entry is stored already, byte for byte: the first answer was lost on its way.
   * @throws ProblemError `own_chain_broken` when only some are, or another entry has the place
   */
  async #isRetry(work: PreparedAppend): Promise<boolean> {
    let old = 0
    let count = 0
    for (const part of work.parts) {
      const live = await this.#hold.get(part.log, this.#trx)
      count += part.entries.length
      for (const { entry, device, headerHash } of part.entries) {
        if (!live || !isOld(live, entry.header, device)) continue
        const stored = await this.#storedHeaderHash(live, entry.header)
        if (!stored || !equalBytes(stored, headerHash)) {
          const extra = { log: part.log, own: live.own.get(device)!.own }
          throw new ProblemError('own_chain_broken', undefined, { extra })
        }
        old++
      }
    }
    if (old !== 0 && old !== count) throw new ProblemError('own_chain_broken')
    return old !== 0
  }

  async #storedHeaderHash(
    live: LiveLog,
    header: { device: Bytes; own: number; seen: { seq: number } },
  ): Promise<Bytes | undefined> {
    await this.#flush()
    const { device, own, seen } = header
    // A number that was made up may be too large to count on from.
    const after = Math.min(seen.seq, live.point.seq)
    const place = { device, own: u64(own), after, limit: retryWindow }
    const stored = await findOwnHeader(this.#trx, live.number, place)
    return stored && sha256(stored)
  }

  async #flush(): Promise<void> {
    const rows = this.#pending
    this.#pending = []
    if (rows.length > 0) await insertEntries(this.#trx, rows)
  }

  /** Writes what is left and moves the heads. Answers what happened to each log. */
  async finish(): Promise<Touched[]> {
    await this.#flush()
    await this.#prepaid.giveBack()
    const all: Touched[] = []
    for (const [id, { after, entries }] of this.#touched) {
      const live = (await this.#hold.get(id, this.#trx))!
      await updateHead(this.#trx, live.number, live.point, live.entryBytes)
      all.push({ live, after, entries })
    }
    return all
  }
}

const rowOf = (log: number, entry: AppendedEntry['entry'], chain: Bytes): NewEntry => ({
  log,
  seq: entry.seq,
  at: entry.at,
  gov: entry.gov,
  header: entry.headerBytes,
  signature: entry.signature,
  facts: entry.facts!,
  body: entry.body!,
  chain,
})

const appendedLog = (part: PreparedPart, { live, appended }: Rows): AppendedLog => ({
  log: live.id,
  kind: live.rules.kind,
  founded: part.append.genesis !== undefined,
  seq: live.point.seq,
  chain: live.point.chain,
  entries: appended,
  view: live.view,
})
