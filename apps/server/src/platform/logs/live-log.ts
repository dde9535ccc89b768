import {
  type Bytes,
  decodeGenesis,
  decodeHeader,
  type Genesis,
  genesisHash,
  IntegrityError,
  nextChain,
  noLog,
  type OwnHead,
  sha256,
  type SignedEntry,
  type StampedEntry,
  toHex,
  factsPayload,
  encodeGenesis,
} from '@hearthold/crypto'
import { actOf, type AnyLogRules, type Applied, rulesOf } from '@hearthold/model'
import type { EntryRow, LogRow } from './store.ts'

/** Where a log stands: its newest entry. Number 0 is the genesis. */
export type LogPoint = {
  readonly seq: number
  readonly chain: Bytes
  /** The server's time of the newest entry, ms since 1970. */
  readonly at: number
  /** Number of the governing log at which the newest entry's rights were judged. */
  readonly gov: number
}

/** Entry and what this service worked out about it before it came to a log's state. */
export type PreparedEntry = {
  readonly entry: SignedEntry
  readonly device: string
  readonly headerHash: Bytes
  readonly facts: unknown
}

/** Chains of the newest entries are kept for comparing `seen` and `basis`; older ones are a query away. */
const chainsKept = 128
/** Older ones that were asked for: who wrote without a connection names the same place with every entry. */
const oldChainsKept = 32
/** encodeStampedEntry without facts and body: stamp, header, signature, flags and two lengths. */
const stampedOverheadBytes = 24 + 252 + 64 + 1 + 8

/** Size of encodeStampedEntry for parts of these lengths. */
export const stampedBytes = (factsBytes: number, bodyBytes: number): number =>
  stampedOverheadBytes + factsBytes + bodyBytes

/** Owner of a log: the account log whose account may read it. */
export const ownerOf = (log: string, genesis: Genesis): string =>
  toHex(genesis.founder) === toHex(noLog) ? log : toHex(genesis.founder)

/** Id of the governing log in hex; undefined where the log governs itself. */
export const governingOf = (genesis: Genesis): string | undefined => {
  const governing = toHex(genesis.governing)
  return governing === toHex(noLog) ? undefined : governing
}

/**
 * A log in memory: its view and all that the next entry is judged by. It runs ahead of the database inside a
 * batch; whoever fails there must drop it, since views change in place and cannot go back.
 */
export class LiveLog {
  /** Key of its rows. */
  readonly number: number
  readonly id: string
  readonly idBytes: Bytes
  readonly genesis: Genesis
  readonly rules: AnyLogRules
  readonly owner: string
  readonly governing: string | undefined
  readonly view: unknown
  readonly own = new Map<string, OwnHead>()
  readonly readOnly: boolean
  entryBytes = 0
  /** How much memory the view takes, in nodes more or less. */
  weight = 1
  #point: LogPoint
  readonly #chains = new Map<number, Bytes>()
  readonly #oldChains = new Map<number, Bytes>()
  #genesisBytes: Bytes | undefined

  /** Throws IntegrityError('log_unknown_version') where this version does not know the log's rules. */
  constructor(row: Pick<LogRow, 'number' | 'id' | 'read_only'>, genesis: Genesis) {
    const rules = rulesOf(genesis.kind, genesis.rules)
    if (!rules) throw new IntegrityError('log_unknown_version', 'Unknown kind of log.')
    const chain = genesisHash(genesis)
    this.number = row.number
    this.id = row.id
    this.idBytes = chain.slice(0, 16)
    this.genesis = genesis
    this.rules = rules
    this.owner = ownerOf(row.id, genesis)
    this.governing = governingOf(genesis)
    this.view = rules.create(genesis)
    this.readOnly = row.read_only !== 0
    this.#point = { seq: 0, chain, at: 0, gov: 0 }
    this.#chains.set(0, chain)
  }

  get point(): LogPoint {
    return this.#point
  }

  get genesisBytes(): Bytes {
    return (this.#genesisBytes ??= encodeGenesis(this.genesis))
  }

  /** Chain hash at a number, where it is still remembered. */
  chainAt(seq: number): Bytes | undefined {
    if (seq === this.#point.seq) return this.#point.chain
    return this.#chains.get(seq) ?? this.#oldChains.get(seq)
  }

  /** Keeps a chain that was read from its row: it never changes. */
  keepChain(seq: number, chain: Bytes): void {
    this.#oldChains.set(seq, chain)
    if (this.#oldChains.size <= oldChainsKept) return
    this.#oldChains.delete(this.#oldChains.keys().next().value!)
  }

  /** The stamp that the next entry gets, at this time and this number of the governing log. */
  nextStamp(now: number, gov: number): { seq: number; at: number; gov: number } {
    return { seq: this.#point.seq + 1, at: Math.max(now, this.#point.at), gov }
  }

  /** Appends a judged entry in memory. Answers its chain hash and what the reducer did. */
  append(prepared: PreparedEntry, stamped: StampedEntry): { chain: Bytes; applied: Applied } {
    const chain = nextChain(this.#point.chain, prepared.headerHash, stamped.signature, stamped)
    const applied = this.rules.apply(this.view, actOf(stamped, prepared.facts))
    this.#advance(stamped, chain)
    this.own.set(prepared.device, { own: stamped.header.own, headerHash: prepared.headerHash })
    this.#count(stamped.facts?.length ?? 0, stamped.body?.length ?? 0)
    return { chain, applied }
  }

  /** Takes an entry back from its row. Erased facts have no effect any more: what they did was undone by an entry. */
  replay(row: EntryRow): void {
    const header = decodeHeader(row.header)
    if (row.facts) {
      const facts = this.rules.decode(header.kind, factsPayload(row.facts))
      const { seq, at, gov, signature } = row
      const stamped = {
        ...{ header, headerBytes: row.header, signature, facts: undefined, body: undefined },
        ...{ seq, at, gov },
      } as StampedEntry
      this.rules.apply(this.view, actOf(stamped, facts))
    }
    this.#advance(row, row.chain)
    this.own.set(toHex(header.device), { own: header.own, headerHash: row.header })
    this.#count(row.facts?.length ?? 0, row.body_bytes)
  }

  /** After the last `replay`: it left headers where their hashes belong, since only the newest are needed. */
  finishReplay(): void {
    for (const [device, { own, headerHash }] of this.own) {
      this.own.set(device, { own, headerHash: sha256(headerHash) })
    }
  }

  #advance(stamp: { seq: number; at: number; gov: number }, chain: Bytes): void {
    this.#point = { seq: stamp.seq, chain, at: stamp.at, gov: stamp.gov }
    this.#chains.set(stamp.seq, chain)
    this.#chains.delete(stamp.seq - chainsKept)
  }

  #count(factsBytes: number, bodyBytes: number): void {
    this.entryBytes += stampedBytes(factsBytes, bodyBytes)
    // A change of a tree is 34 to 57 bytes of facts.
    this.weight += 1 + Math.floor(factsBytes / 40)
  }
}

/** The genesis of a stored log. */
export const genesisOf = (row: Pick<LogRow, 'genesis'>): Genesis => decodeGenesis(row.genesis)
