/** Signs entries: what a device adds to a log, bound to what it knew of it. */
import {
  type BodyPlace,
  type Bytes,
  fromHex,
  headerHash,
  type LogPosition,
  makeFacts,
  type Place,
  sha256,
  type SignedEntry,
  signEntry,
  unstampedChain,
} from '@hearthold/crypto'

/** The key of this device in an account; `id` in hex. */
export type DeviceKey = { readonly id: string; readonly seed: Bytes; readonly publicKey: Bytes }

/** An entry before it has a place. */
export type EntryDraft<Facts> = {
  readonly kind: number
  readonly epoch: number
  /** The facts with their opened part, as the reducer takes them. */
  readonly facts: Facts
  /** The facts as they travel, without salt. */
  readonly payload: Bytes
  /** Makes the body for the entry's place; zero bytes for kinds without one. */
  readonly seal: (place: BodyPlace) => Promise<Bytes> | Bytes
}

/** Where a writer stands when it signs. */
export type WritingPlace = {
  readonly log: Bytes
  readonly rules: number
  readonly strict: boolean
  readonly position: LogPosition
  /** Log id of the author's account. */
  readonly author: Bytes
  readonly device: DeviceKey
  /** The governing log as known here; `noPlace` where the log governs itself. */
  readonly basis: Place
  /** Author's clock, ms since 1970. */
  readonly clock: number
}

export const emptyBody: Bytes = new Uint8Array(0)
const noHeader: Bytes = new Uint8Array(32)

/** In strict logs each entry names the place just before it, in relaxed ones the newest that is known. */
const seenBy = ({ position, strict }: WritingPlace, index: number): Place =>
  strict && index > 0
    ? { seq: position.seq + index, chain: unstampedChain }
    : { seq: position.seq, chain: position.chain }

/** Signs drafts in order as one append. */
export const signDrafts = async <Facts>(
  place: WritingPlace,
  drafts: readonly EntryDraft<Facts>[],
): Promise<SignedEntry[]> => {
  const { position, device } = place
  const deviceBytes = fromHex(device.id)
  const before = position.own.get(device.id)
  let own = before?.own ?? 0
  let ownPrev = before?.headerHash ?? noHeader
  const entries: SignedEntry[] = []
  for (const [index, draft] of drafts.entries()) {
    own++
    const facts = makeFacts(draft.payload)
    const fields = {
      rules: place.rules,
      kind: draft.kind,
      log: place.log,
      author: place.author,
      device: deviceBytes,
      own,
      ownPrev,
      seen: seenBy(place, index),
      basis: place.basis,
      clock: place.clock,
      epoch: draft.epoch,
    }
    const body = await draft.seal({ ...fields, factsHash: sha256(facts) })
    const entry = await signEntry(fields, facts, body, device.seed)
    ownPrev = headerHash(entry)
    entries.push(entry)
  }
  return entries
}
