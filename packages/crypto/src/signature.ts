import { ed25519 } from '@noble/curves/ed25519.js'
import { native } from '#native'
import { type Bytes, type LpField, lp, randomBytes } from './bytes.ts'
import { isPlainPoint, isPlainPublicKey, isReducedScalar } from './edwards.ts'

/** Every signature names what it is for; a label is never used for two meanings (docs/formats/signatures.md). */
export type SignatureLabel = `hearthold/v1/${string}`

export const signingSeedBytes = 32
export const signatureBytes = 64

const checkSeed = (seed: Uint8Array): void => {
  if (seed.length !== signingSeedBytes) throw new RangeError('signing seed must be 32 bytes')
}

/** 32 random bytes: an Ed25519 private key as RFC 8032 calls it. */
export const generateSigningSeed = (): Bytes => randomBytes(signingSeedBytes)

/** The 32-byte Ed25519 public key of a seed. Throws RangeError for another length. */
export const signingPublicKey = (seed: Uint8Array): Bytes => {
  checkSeed(seed)
  return ed25519.getPublicKey(seed)
}

/**
 * Ed25519 (RFC 8032) over lp(label, ...fields): 64 bytes, the same for the same input. Throws RangeError for
 * a seed of another length or a field above 65,535 bytes: sign the hash of what may be longer.
 */
export const sign = async (
  seed: Uint8Array,
  label: SignatureLabel,
  ...fields: readonly LpField[]
): Promise<Bytes> => {
  checkSeed(seed)
  return native.signEd25519(seed, lp(label, ...fields))
}

/**
 * Whether `signature` is the key's over lp(label, ...fields); the same answer on every platform (edwards.ts).
 * Never throws for received bytes: wrong lengths, small-order, non-canonical or mixed keys are false.
 */
export const verifySignature = async (
  publicKey: Uint8Array,
  signature: Uint8Array,
  label: SignatureLabel,
  ...fields: readonly LpField[]
): Promise<boolean> => verifyBytes(publicKey, signature, lp(label, ...fields))

/** verifySignature over bytes that are already framed: for this package and its vectors, not exported from it. */
export const verifyBytes = async (
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> => {
  if (signature.length !== signatureBytes) return false
  if (!isPlainPoint(signature.subarray(0, 32)) || !isReducedScalar(signature.subarray(32))) {
    return false
  }
  return isPlainPublicKey(publicKey) && native.verifyEd25519(publicKey, signature, message)
}
