/**
 * Grants: an audience's epoch key sealed to one reader (docs/formats/audience.md, cryptography.md 8.4).
 * DRAFT until sharing ships: these bytes may still change, and nothing stores them yet.
 */
import { type Bytes, lp, utf8 } from './bytes.ts'
import { sha256 } from './hash.ts'
import { hpkeOpen, hpkeOverheadBytes, hpkeSeal } from './hpke.ts'
import { IntegrityError } from './integrity-error.ts'
import { sign, verifySignature } from './signature.ts'

const label = 'hearthold/v1/grant'
export const sealedGrantBytes = hpkeOverheadBytes + 32

/** Who grants which epoch to whom. Ids are 16 bytes; granter and reader are account log ids. */
export type GrantPlace = {
  readonly audience: Uint8Array
  readonly epoch: number
  readonly granter: Uint8Array
  readonly reader: Uint8Array
  /** Version of the reader's identity whose X-Wing key it is sealed to. */
  readonly readerVersion: number
}

export type SignedGrant = { readonly sealed: Bytes; readonly signature: Bytes }

const placeFields = ({ audience, epoch, granter, reader, readerVersion }: GrantPlace) => {
  if ([audience, granter, reader].some((id) => id.length !== 16)) {
    throw new RangeError('id must be 16 bytes')
  }
  return [audience, epoch, granter, reader, readerVersion] as const
}

const contextOf = (place: GrantPlace) => ({ info: utf8(label), aad: lp(...placeFields(place)) })

/** Seals the epoch key to the reader's X-Wing key and signs it with the granter's device key. */
export const createGrant = async (
  place: GrantPlace,
  keys: {
    readonly readerPublicKey: Uint8Array
    readonly epochKey: Uint8Array
    readonly deviceSeed: Uint8Array
  },
): Promise<SignedGrant> => {
  if (keys.epochKey.length !== 32) throw new RangeError('epoch key must be 32 bytes')
  const sealed = await hpkeSeal(keys.readerPublicKey, keys.epochKey, contextOf(place))
  const signature = await sign(keys.deviceSeed, label, ...placeFields(place), sha256(sealed))
  return { sealed, signature }
}

/**
 * Checks the granter's device signature, then opens the grant: the epoch key. IntegrityError('grant').
 * Check the key against the epoch's commitment (`verifyEpochKey`) before using it.
 */
export const openGrant = async (
  place: GrantPlace,
  grant: SignedGrant,
  keys: { readonly readerSeed: Uint8Array; readonly devicePublicKey: Uint8Array },
): Promise<Bytes> => {
  const fields = [...placeFields(place), sha256(grant.sealed)]
  if (!(await verifySignature(keys.devicePublicKey, grant.signature, label, ...fields))) {
    throw new IntegrityError('grant', 'The grant is not signed by that device.')
  }
  if (grant.sealed.length !== sealedGrantBytes) {
    throw new IntegrityError('grant', 'The grant has a length that none can have.')
  }
  return hpkeOpen(keys.readerSeed, grant.sealed, contextOf(place), 'grant')
}
