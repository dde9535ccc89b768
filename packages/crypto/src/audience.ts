/**
 * Audiences: the readers who share keys, in numbered epochs (docs/formats/audience.md, core.md 4).
 * DRAFT until sharing ships: these bytes may still change, and nothing stores them yet.
 */
import { type Bytes, equalBytes, lp } from './bytes.ts'
import { hkdf, sha256 } from './hash.ts'
import { IntegrityError } from './integrity-error.ts'
import { merkleRoot } from './merkle.ts'

/** One reader of an epoch, as the signer of the epoch knew its account. */
export type AudienceReader = {
  /** Log id of the reader's account, and its head. */
  readonly account: Bytes
  readonly seq: number
  readonly chain: Bytes
  /** Version of the reader's identity that the grant is sealed to. */
  readonly identityVersion: number
}

/** What an epoch entry signs besides its own place in the audience's log. */
export type EpochCommitment = {
  readonly epoch: number
  readonly readersHash: Bytes
  /** Merkle root over the grants in the order of the readers. */
  readonly grantsRoot: Bytes
  readonly keyCommitment: Bytes
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return 0
}

/** HKDF(epoch key, audience id, lp("hearthold/v1/audience/commit", epoch)): each reader checks its key by it. */
export const epochKeyCommitment = (
  epochKey: Uint8Array,
  audience: Uint8Array,
  epoch: number,
): Bytes => {
  if (epochKey.length !== 32) throw new RangeError('epoch key must be 32 bytes')
  if (audience.length !== 16) throw new RangeError('id must be 16 bytes')
  return hkdf(epochKey, audience, lp('hearthold/v1/audience/commit', epoch))
}

/** Readers in the order of their account log ids, each once; throws RangeError for a doubled reader. */
export const sortReaders = (readers: readonly AudienceReader[]): AudienceReader[] => {
  const sorted = [...readers].sort((a, b) => compareBytes(a.account, b.account))
  for (let i = 1; i < sorted.length; i++) {
    if (equalBytes(sorted[i - 1]!.account, sorted[i]!.account)) {
      throw new RangeError('a reader is listed twice')
    }
  }
  return sorted
}

/** SHA-256(lp(label, then per sorted reader: account, seq, chain, identity version)). */
export const readersHash = (readers: readonly AudienceReader[]): Bytes =>
  sha256(
    lp(
      'hearthold/v1/audience/readers',
      ...sortReaders(readers).flatMap(({ account, seq, chain, identityVersion }) => [
        account,
        seq,
        chain,
        identityVersion,
      ]),
    ),
  )

/** Everything that the epoch entry signs. `grants` are sealed grants in the order of `sortReaders`. */
export const createEpochCommitment = (
  place: { readonly audience: Uint8Array; readonly epoch: number },
  epochKey: Uint8Array,
  readers: readonly AudienceReader[],
  grants: readonly Uint8Array[],
): EpochCommitment => {
  if (grants.length !== readers.length) throw new RangeError('one grant for each reader')
  return {
    epoch: place.epoch,
    readersHash: readersHash(readers),
    grantsRoot: merkleRoot(grants),
    keyCommitment: epochKeyCommitment(epochKey, place.audience, place.epoch),
  }
}

/** Throws IntegrityError('grant') unless a received epoch key is the one the epoch entry committed to. */
export const verifyEpochKey = (
  epochKey: Uint8Array,
  audience: Uint8Array,
  commitment: Pick<EpochCommitment, 'epoch' | 'keyCommitment'>,
): void => {
  const own = epochKeyCommitment(epochKey, audience, commitment.epoch)
  if (!equalBytes(own, commitment.keyCommitment)) {
    throw new IntegrityError('grant', 'The epoch key is not the one that the epoch committed to.')
  }
}
