import { ProblemError, type ProblemExtra } from '@hearthold/contract'
import {
  type Bytes,
  equalBytes,
  type Header,
  noPlace,
  type Place,
  type StampedEntry,
  unstampedChain,
} from '@hearthold/crypto'
import { actOf, type Refusal } from '@hearthold/model'
import type { LiveLog, PreparedEntry } from './live-log.ts'

/** Chain hash of a log at a number that it has reached, from memory or rows. */
export type ChainAt = (live: LiveLog, seq: number) => Promise<Bytes | undefined>

export type Judgement = {
  readonly live: LiveLog
  /** The log that decides who may write, as it stands here; undefined where the log governs itself. */
  readonly governing: LiveLog | undefined
  readonly prepared: PreparedEntry
  /** The entry before it in this append and log. */
  readonly previous: PreparedEntry | undefined
  /** Number of the entry in its log's part of the append: what a problem names. */
  readonly index: number
}

const problem = (
  code: ConstructorParameters<typeof ProblemError>[0],
  { live, index }: Judgement,
  extra: ProblemExtra = {},
): ProblemError =>
  new ProblemError(code, undefined, { extra: { log: live.id, entry: index, ...extra } })

const checkOwnChain = (judgement: Judgement): void => {
  const { live, prepared } = judgement
  const newest = live.own.get(prepared.device)
  const { own, ownPrev } = prepared.entry.header
  const continues =
    own === (newest?.own ?? 0) + 1 && equalBytes(ownPrev, newest?.headerHash ?? new Uint8Array(32))
  if (!continues) throw problem('own_chain_broken', judgement, { own: newest?.own ?? 0 })
}

/** An entry signed together with the one before it does not know that one's chain (unstampedChain). */
const followsPrevious = ({ prepared, previous }: Judgement): boolean =>
  previous?.device === prepared.device &&
  equalBytes(prepared.entry.header.seen.chain, unstampedChain)

const checkSeen = async (judgement: Judgement, chainAt: ChainAt): Promise<void> => {
  const { live, prepared } = judgement
  const { seen } = prepared.entry.header
  const { seq, chain } = live.point
  if (live.rules.strict) {
    const isHead = seen.seq === seq && (equalBytes(seen.chain, chain) || followsPrevious(judgement))
    if (!isHead) throw problem('head_moved', judgement, { seq })
    return
  }
  const known = seen.seq <= seq ? await chainAt(live, seen.seq) : undefined
  if (!known || !equalBytes(known, seen.chain)) throw problem('entry_invalid', judgement)
}

const isNoPlace = (place: Place): boolean =>
  place.seq === noPlace.seq && equalBytes(place.chain, noPlace.chain)

const checkBasis = async (judgement: Judgement, chainAt: ChainAt): Promise<void> => {
  const { governing, live } = judgement
  const { basis } = judgement.prepared.entry.header
  if (!live.governing) {
    if (!isNoPlace(basis)) throw problem('entry_invalid', judgement)
    return
  }
  const reached = governing && basis.seq <= governing.point.seq
  const known = reached ? await chainAt(governing, basis.seq) : undefined
  if (!known || !equalBytes(known, basis.chain)) throw problem('basis_unknown', judgement)
}

const refuse = (refusal: Refusal | undefined, judgement: Judgement): void => {
  if (!refusal) return
  const { code, subject } = refusal
  throw problem(code, judgement, subject === undefined ? {} : { subject })
}

/**
 * Everything about an entry that depends on where its log stands, in the order of core.md 6. Changes nothing.
 * @returns the entry with the stamp that it gets
 * @throws ProblemError with the log's id, the entry's index and what else helps as `extra`
 */
export const judgeEntry = async (
  judgement: Judgement,
  now: number,
  chainAt: ChainAt,
): Promise<StampedEntry> => {
  const { live, governing, prepared } = judgement
  const { entry, facts } = prepared
  if (live.readOnly) throw problem('log_read_only', judgement)
  checkOwnChain(judgement)
  await checkSeen(judgement, chainAt)
  await checkBasis(judgement, chainAt)
  // The governing log's number only grows and a basis is never above it, so that `gov` needs no other rule.
  const stamp = live.nextStamp(now, governing?.point.seq ?? 0)
  const stamped: StampedEntry = { ...entry, ...stamp }
  const act = actOf(stamped, facts)
  refuse(await live.rules.verify(live.view, act), judgement)
  refuse(live.rules.may(live.view, act, governing?.view), judgement)
  return stamped
}

/** Whether this entry claims a place in its device's own-chain that is taken: a retry, or a broken chain. */
export const isOld = (live: LiveLog, header: Header, device: string): boolean =>
  header.own <= (live.own.get(device)?.own ?? 0)
