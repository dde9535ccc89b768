import { type Bytes, concat } from './bytes.ts'
import { type IntegrityCode, IntegrityError } from './integrity-error.ts'
import {
  isKemCiphertext,
  isKemPublicKey,
  type KemSuite,
  kemCiphertextBytes,
  kemSeedBytes,
  kemSuite,
} from './kem.ts'

/** What sealing to a public key adds: the encapsulated secret (1120) and the tag (16). */
export const hpkeOverheadBytes = kemCiphertextBytes + 16

/** `info` says what the seal is for, `aad` binds it to its place. Both must be the same when opening. */
export type HpkeContext = { readonly info: Uint8Array; readonly aad: Uint8Array }

/**
 * HPKE (RFC 9180) base mode, one message, suite X-Wing 0x647a / HKDF-SHA256 / AES-256-GCM:
 * encapsulated secret (1120) | ciphertext | tag (16). Says nothing about who sealed: sign the result.
 * IntegrityError('malformed') for what is no public key: such a key was received, not made here.
 */
export const hpkeSeal = async (
  publicKey: Uint8Array,
  plaintext: Uint8Array,
  { info, aad }: HpkeContext,
  suite?: KemSuite,
): Promise<Bytes> => {
  if (!isKemPublicKey(publicKey)) {
    throw new IntegrityError('malformed', 'Not an X-Wing public key.')
  }
  const sealer = suite ?? (await kemSuite())
  const { encapsulatedSecret, ciphertext } = await sealer.seal(publicKey, plaintext, { info, aad })
  return concat(encapsulatedSecret, ciphertext)
}

/**
 * Opens what hpkeSeal made for this seed's public key; IntegrityError (by default 'sealed_bytes') if bytes,
 * key, info or aad differ. Throws RangeError for a seed that is not 32 bytes.
 */
export const hpkeOpen = async (
  seed: Uint8Array,
  sealed: Uint8Array,
  { info, aad }: HpkeContext,
  code: IntegrityCode = 'sealed_bytes',
  suite?: KemSuite,
): Promise<Bytes> => {
  if (seed.length !== kemSeedBytes) throw new RangeError('KEM seed must be 32 bytes')
  const encapsulated = sealed.subarray(0, kemCiphertextBytes)
  if (sealed.length < hpkeOverheadBytes || !isKemCiphertext(encapsulated)) {
    throw new IntegrityError(code, 'Bytes sealed to a key are cut short.')
  }
  const opener = suite ?? (await kemSuite())
  try {
    const opened = await opener.open(seed, encapsulated, sealed.subarray(kemCiphertextBytes), {
      info,
      aad,
    })
    return concat(opened)
  } catch (cause) {
    throw new IntegrityError(
      code,
      'Bytes sealed to a key do not open: changed, or of another key or place.',
      { cause },
    )
  }
}
