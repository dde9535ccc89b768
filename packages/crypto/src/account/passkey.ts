/** What a passkey (WebAuthn with PRF) is in our formats (docs/formats/account-keys.md 8, cryptography.md 2). */
import { open, seal } from '../aead.ts'
import { type Bytes, fromUtf8, lp, utf8 } from '../bytes.ts'
import { hkdf, sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { currentDomainKey, findDomainKey, type Keyring } from './keyring.ts'

/**
 * The one PRF input of every passkey: SHA-256("hearthold/v1/passkey-prf"). Constant, since a usernameless sign-in
 * cannot know the account before; PRF outputs are per credential anyway.
 */
export const passkeyPrfSalt = (): Bytes => sha256(utf8('hearthold/v1/passkey-prf'))

/** First 16 bytes of SHA-256(credential id): the id of a passkey, and of its method in the signed state. */
export const passkeyId = (credentialId: Uint8Array): Bytes => sha256(credentialId).slice(0, 16)

/**
 * `user.id` of an account's passkeys: SHA-256(lp("hearthold/v1/passkey-user", account)), 32 bytes. Authenticators hand
 * it back at a sign-in; it says nothing of the name.
 */
export const passkeyUserHandle = (account: Uint8Array): Bytes => {
  if (account.length !== 16) throw new RangeError('account id must be 16 bytes')
  return sha256(lp('hearthold/v1/passkey-user', account))
}

const label = 'hearthold/v1/passkey-label'
const versionBytes = 4
export const passkeyLabelLimitBytes = 200

type LabelPlace = {
  readonly account: Uint8Array
  /** `passkeyId`. */
  readonly passkey: Uint8Array
}

const aadOf = ({ account, passkey }: LabelPlace, version: number): Bytes =>
  lp(label, account, passkey, version)

/**
 * A passkey's name for the member's eyes: version u32be of the settings key, then the name sealed under
 * HKDF(settings key, account, "hearthold/v1/passkey-label"). Throws RangeError for more than 200 bytes of UTF-8.
 */
export const sealPasskeyLabel = async (
  keyring: Keyring,
  place: LabelPlace,
  text: string,
): Promise<Bytes> => {
  const plain = utf8(text)
  if (plain.length === 0 || plain.length > passkeyLabelLimitBytes) {
    throw new RangeError(`a passkey's name has 1 to ${passkeyLabelLimitBytes} bytes`)
  }
  const { key, version } = currentDomainKey(keyring, 'settings')
  const sealed = await seal(hkdf(key, place.account, utf8(label)), plain, aadOf(place, version))
  const bytes = new Uint8Array(versionBytes + sealed.length)
  new DataView(bytes.buffer).setUint32(0, version)
  bytes.set(sealed, versionBytes)
  return bytes
}

/** IntegrityError('sealed_bytes') where it is of another passkey or account, or its key is not in the keyring. */
export const openPasskeyLabel = async (
  keyring: Keyring,
  place: LabelPlace,
  bytes: Uint8Array,
): Promise<string> => {
  if (bytes.length <= versionBytes)
    throw new IntegrityError('sealed_bytes', 'A label is cut short.')
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  const found = findDomainKey(keyring, 'settings', version)
  if (!found) throw new IntegrityError('sealed_bytes', 'A label is sealed under an unknown key.')
  const key = hkdf(found.key, place.account, utf8(label))
  return fromUtf8(await open(key, bytes.subarray(versionBytes), aadOf(place, version)))
}
