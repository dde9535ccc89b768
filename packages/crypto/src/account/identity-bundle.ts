/** What others know of an account, and how two people compare it (docs/formats/account-keys.md 5). */
import { type Bytes, lp, type LpField } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { isKemPublicKey, kemPublicKey, kemPublicKeyBytes } from '../kem.ts'
import { LpReader } from '../lp-reader.ts'
import { sign, signingPublicKey, verifySignature } from '../signature.ts'
import type { IdentitySeeds } from './keyring.ts'

const label = 'hearthold/v1/identity-bundle'

export type IdentityBundle = {
  readonly account: Bytes
  /** From 1; grows with each new identity. */
  readonly version: number
  /** Ed25519: the signer. Inside, so that comparing safety numbers also compares the roots. */
  readonly rootPublicKey: Bytes
  readonly kemPublicKey: Bytes
  readonly signingPublicKey: Bytes
}

/** A bundle as it travels: canonical bytes and the root's signature over them. */
export type SignedIdentityBundle = { readonly bytes: Bytes; readonly signature: Bytes }

const bundleFields = (bundle: IdentityBundle): readonly LpField[] => {
  const lengths = [
    bundle.account.length === 16,
    bundle.rootPublicKey.length === 32,
    bundle.kemPublicKey.length === kemPublicKeyBytes,
    bundle.signingPublicKey.length === 32,
  ]
  if (lengths.includes(false)) throw new RangeError('identity field of a wrong length')
  return [
    bundle.account,
    bundle.version,
    bundle.rootPublicKey,
    bundle.kemPublicKey,
    bundle.signingPublicKey,
  ]
}

/** lp(label, account, version, root key, X-Wing key, Ed25519 key). Throws RangeError for wrong lengths. */
export const encodeIdentityBundle = (bundle: IdentityBundle): Bytes =>
  lp(label, ...bundleFields(bundle))

/** Reads canonical bytes; IntegrityError('malformed') for anything else, and for what is no X-Wing key. */
export const decodeIdentityBundle = (bytes: Uint8Array): IdentityBundle => {
  const reader = new LpReader(bytes, 'malformed')
  reader.label(label)
  const bundle = {
    account: reader.bytes(16),
    version: reader.integer(),
    rootPublicKey: reader.bytes(32),
    kemPublicKey: reader.bytes(kemPublicKeyBytes),
    signingPublicKey: reader.bytes(32),
  }
  reader.end()
  return isKemPublicKey(bundle.kemPublicKey) ? bundle : reader.refuse('Not an X-Wing public key.')
}

/** The public side of an identity, signed by the account's root. */
export const createIdentityBundle = async (
  rootSeed: Uint8Array,
  account: Uint8Array,
  identity: IdentitySeeds,
): Promise<SignedIdentityBundle> => {
  const bundle = {
    account: account.slice(),
    version: identity.version,
    rootPublicKey: signingPublicKey(rootSeed),
    kemPublicKey: kemPublicKey(identity.kemSeed),
    signingPublicKey: signingPublicKey(identity.signingSeed),
  }
  return {
    bytes: encodeIdentityBundle(bundle),
    signature: await sign(rootSeed, label, ...bundleFields(bundle)),
  }
}

/**
 * Reads a bundle and checks the signature of the root that it names. IntegrityError: 'malformed', or
 * 'account_state' if not signed by it. That this root is the other person's is a matter of trust on first
 * use and the safety number: compare `rootPublicKey` with the one known before.
 */
export const openIdentityBundle = async (signed: SignedIdentityBundle): Promise<IdentityBundle> => {
  const bundle = decodeIdentityBundle(signed.bytes)
  const { rootPublicKey } = bundle
  if (!(await verifySignature(rootPublicKey, signed.signature, label, ...bundleFields(bundle)))) {
    throw new IntegrityError('account_state', 'The identity is not signed by its root.')
  }
  return bundle
}

const digits = 60
const groupDigits = 5

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/**
 * Sixty digits that two people read to each other: SHA-256(lp(both bundles, sorted bytewise)) as a
 * big-endian integer modulo 10^60, padded with zeros, in twelve groups of five.
 */
export const safetyNumber = (mine: IdentityBundle, theirs: IdentityBundle): string => {
  const bundles = [encodeIdentityBundle(mine), encodeIdentityBundle(theirs)].sort(compareBytes)
  let value = 0n
  for (const byte of sha256(lp(...bundles))) value = (value << 8n) | BigInt(byte)
  const text = (value % 10n ** BigInt(digits)).toString().padStart(digits, '0')
  return text.match(new RegExp(`.{${groupDigits}}`, 'g'))!.join(' ')
}
