import type { ProblemCode } from '@hearthold/contract'
import { type Genesis, type StampedEntry, toHex as hex } from '@hearthold/crypto'

/** What a policy and a reducer see of an entry: its author, its place, and its decoded facts. Ids are hex. */
export type Act<Facts> = {
  readonly kind: number
  readonly author: string
  readonly device: string
  readonly epoch: number
  /** The number it has, or would get; strict logs sign it through `seen`. */
  readonly seq: number
  readonly at: number
  readonly gov: number
  readonly bodyHash: Uint8Array
  readonly facts: Facts
}

/** A change that has no effect, the same everywhere: where, and the problem that an append of it would get. */
export type Refusal = {
  readonly code: ProblemCode
  /** Node or device concerned, in hex, where there is one. */
  readonly subject?: string
}

/** A sealed object as facts name it: id in hex and stored bytes. */
export type ObjectReference = { readonly object: string; readonly sizeBytes: number }

/** What applying an entry did beyond the view. */
export type Applied = {
  readonly refusals: readonly Refusal[]
  /** Objects that this log now refers to and did not before, and those it no longer refers to (erased). */
  readonly referenced: readonly string[]
  readonly released: readonly string[]
}

/** The outcome of an entry that concerns no object. */
export const appliedWith = (...refusals: readonly Refusal[]): Applied => ({
  refusals,
  referenced: [],
  released: [],
})

/**
 * The rules of one kind of log: pure and total. The server runs them to decide, on what it can see;
 * members run them again to check that it decided rightly (core.md 5). No clock, locale or randomness.
 */
export type LogRules<View, Facts, Governing> = {
  readonly kind: number
  readonly name: string
  readonly version: number
  /** Strict logs are appended by compare and set; relaxed ones take concurrent writers. */
  readonly strict: boolean
  readonly create: (genesis: Genesis) => View
  /** Facts of an entry kind; throws IntegrityError('malformed'), or 'log_unknown_version' for an unknown kind. */
  readonly decode: (kind: number, payload: Uint8Array) => Facts
  /** Checks the signatures inside facts (certificates, states), which are asynchronous everywhere. */
  readonly verify: (view: View, act: Act<Facts>) => Promise<Refusal | undefined>
  /**
   * Whether this author and device may write here at all, judged against the governing view at `act.gov`. A reader
   * gives an entry that fails this no effect; `may` includes it.
   */
  readonly permits: (view: View, act: Act<Facts>, governing: Governing) => Refusal | undefined
  /** Whether the author may do this, judged against the governing view at `act.gov`. Changes nothing. */
  readonly may: (view: View, act: Act<Facts>, governing: Governing) => Refusal | undefined
  /** Objects that the facts introduce or refer to: the server checks that they are there and may be used. */
  readonly objects: (facts: Facts) => readonly ObjectReference[]
  /** Applies in place and returns what had no effect; never throws on decoded facts. */
  readonly apply: (view: View, act: Act<Facts>) => Applied
}

/** The act of a stamped entry whose facts were decoded by its rules. */
export const actOf = <Facts>(entry: StampedEntry, facts: Facts): Act<Facts> => ({
  kind: entry.header.kind,
  author: hex(entry.header.author),
  device: hex(entry.header.device),
  epoch: entry.header.epoch,
  seq: entry.seq,
  at: entry.at,
  gov: entry.gov,
  bodyHash: entry.header.bodyHash,
  facts,
})
