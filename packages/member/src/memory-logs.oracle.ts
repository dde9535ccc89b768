/**
 * Logs and objects of a server in memory, for tests beside the sources: the simplest thing that keeps the formats.
 * The real server is held against the members' side in test/flows.
 */
import { type AnswerOf, type listLogs, ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  decodeAppend,
  encodePage,
  encodeReceipts,
  equalBytes,
  factsPayload,
  fromHex,
  type Genesis,
  genesisHash,
  headerHash,
  type LogAppend,
  nextChain,
  noLog,
  type Receipt,
  signingPublicKey,
  signReceipt,
  type StampedEntry,
  toHex,
  unstampedChain,
} from '@hearthold/crypto'
import { createTurns } from './logs/turns.ts'
import { actOf, type AnyLogRules, rulesOf } from '@hearthold/model'

export type MemoryLog = {
  readonly genesis: Genesis
  readonly rules: AnyLogRules
  view: unknown
  entries: StampedEntry[]
  chain: Bytes
}

const noHash = new Uint8Array(32)

export class MemoryLogs {
  readonly logs = new Map<string, MemoryLog>()
  readonly instanceSeed: Bytes
  readonly objects = new Map<string, Uint8Array>()
  now: () => number = Date.now

  constructor(instanceSeed: Bytes) {
    this.instanceSeed = instanceSeed
  }

  get instanceKey(): Bytes {
    return signingPublicKey(this.instanceSeed)
  }

  receipt(log: Uint8Array): Promise<Receipt> {
    const found = this.logs.get(toHex(log))!
    const head = { seq: found.entries.length, at: found.entries.at(-1)?.at ?? 0 }
    return signReceipt({ log: log as Bytes, chain: found.chain, ...head }, this.instanceSeed)
  }

  /** What the server answers of the logs that an account (its log's id in hex) has founded. */
  list(founder: string): AnswerOf<typeof listLogs>['logs'] {
    return [...this.logs]
      .filter(([, { genesis }]) => toHex(genesis.founder) === founder)
      .map(([log, { genesis, entries, chain }]) => ({
        log,
        kind: genesis.kind,
        seq: entries.length,
        chain: toHex(chain),
        at: entries.at(-1)!.at,
        entryBytes: 0,
      }))
  }

  page(log: string, after: number, limit = 500): Promise<Bytes> {
    return this.#turns(() => this.#page(log, after, limit))
  }

  async #page(log: string, after: number, limit: number): Promise<Bytes> {
    const found = this.logs.get(log)
    if (!found) throw new ProblemError('not_found')
    const entries = found.entries.slice(after, after + limit)
    const id = fromHex(log)
    const receipt = await this.receipt(id)
    return encodePage({ log: id, genesis: found.genesis, after, entries, receipt })
  }

  readonly #turns = createTurns()

  append(bytes: Uint8Array): Promise<Bytes> {
    return this.#turns(() => this.#append(bytes))
  }

  /** All or nothing: what was there is put back where one entry does not fit. */
  async #append(bytes: Uint8Array): Promise<Bytes> {
    const appends = decodeAppend(bytes.slice())
    const before = new Map(this.logs)
    const saved = appends.map(({ log }) => {
      const found = this.logs.get(toHex(log))
      return found && { found, entries: found.entries, chain: found.chain }
    })
    try {
      for (const one of appends) await this.#appendOne(one)
    } catch (error) {
      this.logs.clear()
      for (const [log, found] of before) this.logs.set(log, found)
      for (const one of saved) if (one) await this.#restore(one)
      throw error
    }
    return encodeReceipts(await Promise.all(appends.map(({ log }) => this.receipt(log))))
  }

  async #restore(saved: {
    found: MemoryLog
    entries: StampedEntry[]
    chain: Bytes
  }): Promise<void> {
    const { found } = saved
    found.entries = []
    found.chain = genesisHash(found.genesis)
    found.view = found.rules.create(found.genesis)
    for (const entry of saved.entries) this.#take(found, entry)
  }

  #take(found: MemoryLog, entry: StampedEntry): void {
    const facts = found.rules.decode(entry.header.kind, factsPayload(entry.facts!))
    found.rules.apply(found.view, actOf(entry, facts))
    found.entries.push(entry)
    found.chain = nextChain(found.chain, headerHash(entry), entry.signature, entry)
  }

  #open({ log, genesis }: LogAppend): MemoryLog {
    const id = toHex(log)
    if (!genesis) {
      const found = this.logs.get(id)
      if (!found) throw new ProblemError('not_found')
      found.entries = [...found.entries]
      return found
    }
    if (this.logs.has(id)) throw new ProblemError('log_exists')
    const rules = rulesOf(genesis.kind, genesis.rules)!
    const made = {
      genesis,
      rules,
      view: rules.create(genesis),
      entries: [],
      chain: genesisHash(genesis),
    }
    this.logs.set(id, made)
    return made
  }

  async #appendOne(append: LogAppend): Promise<void> {
    const found = this.#open(append)
    const governing = this.#governing(found)
    for (const [index, entry] of append.entries.entries()) {
      const { header } = entry
      const mine = found.entries.filter(({ header: other }) =>
        equalBytes(other.device, header.device),
      )
      const same = mine.find(({ header: other }) => other.own === header.own)
      if (same && equalBytes(headerHash(same), headerHash(entry))) continue
      const last = mine.at(-1)
      const continues =
        header.own === mine.length + 1 &&
        equalBytes(header.ownPrev, last ? headerHash(last) : noHash)
      if (!continues) throw new ProblemError('own_chain_broken')
      const follows =
        equalBytes(header.seen.chain, found.chain) ||
        (index > 0 && equalBytes(header.seen.chain, unstampedChain))
      if (found.rules.strict && (header.seen.seq !== found.entries.length || !follows)) {
        throw new ProblemError('head_moved')
      }
      const at = Math.max(this.now(), found.entries.at(-1)?.at ?? 0)
      const gov = governing?.entries.length ?? 0
      const stamped: StampedEntry = { ...entry, seq: found.entries.length + 1, at, gov }
      const facts = found.rules.decode(header.kind, factsPayload(entry.facts!))
      const act = actOf(stamped, facts)
      const refusal =
        (await found.rules.verify(found.view, act)) ??
        found.rules.may(found.view, act, governing?.view)
      if (refusal) throw new ProblemError(refusal.code)
      for (const { object } of found.rules.objects(facts)) {
        if (!this.objects.has(object)) throw new ProblemError('object_missing')
      }
      this.#take(found, stamped)
    }
  }

  #governing({ genesis }: MemoryLog): MemoryLog | undefined {
    return equalBytes(genesis.governing, noLog)
      ? undefined
      : this.logs.get(toHex(genesis.governing))
  }
}
