import { native } from '#native'
import { type Bytes, randomBytes } from './bytes.ts'
import { type IntegrityCode, IntegrityError } from './integrity-error.ts'

/** Bytes that sealing adds: nonce 12 and tag 16. */
export const sealOverheadBytes = 28

const checkKey = (key: Uint8Array): void => {
  if (key.length !== 32) throw new RangeError('AES-256 key must be 32 bytes')
}

/** AES-256-GCM under a fresh random nonce: nonce(12) | ciphertext | tag(16). */
export const seal = async (
  key: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Promise<Bytes> => {
  checkKey(key)
  return native.sealAesGcm(key, randomBytes(12), plaintext, aad)
}

/** Opens what `seal` made; throws IntegrityError (by default 'sealed_bytes') when key, AAD or bytes differ. */
export const open = async (
  key: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
  code: IntegrityCode = 'sealed_bytes',
): Promise<Bytes> => {
  checkKey(key)
  const opened = await native.openAesGcm(key, sealed, aad)
  if (opened === undefined)
    throw new IntegrityError(
      code,
      'Sealed bytes do not open: changed, cut, or of another key or place.',
    )
  return opened
}
