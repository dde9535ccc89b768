/**
 * Registers: the latest value of a member's small state, replaced by compare and set
 * (docs/formats/register.md, core.md 3). The server keeps the newest; readers refuse what goes back.
 */
import { open, seal } from './aead.ts'
import { type Bytes, concat, lp } from './bytes.ts'
import { hkdf, sha256 } from './hash.ts'
import { IntegrityError } from './integrity-error.ts'
import { sign, verifySignature } from './signature.ts'

const label = 'hearthold/v1/register'
/** Stored bytes of one register's value. */
export const sealedRegisterLimitBytes = 65_536
/** Key version (4), nonce and tag: what sealing adds. */
export const registerOverheadBytes = 32

/** Which register of whose account, and which of its values. `owner` is the account id. */
export type RegisterPlace = {
  readonly owner: Uint8Array
  /** 1 to 100 characters: a-z, 0-9, "/", "." and "-", beginning with a letter or digit. */
  readonly name: string
  /** 1 for the first value, one more for each replacement. */
  readonly version: number
}

/** The key of the domain (or log) that the register belongs to, and that key's version (or epoch). */
export type RegisterKey = { readonly version: number; readonly key: Uint8Array }

/** Whether a text is a register's name. */
export const isRegisterName = (name: string): boolean => /^[a-z0-9][a-z0-9/.-]{0,99}$/.test(name)

const checkPlace = ({ owner, name, version }: RegisterPlace): void => {
  if (owner.length !== 16) throw new RangeError('id must be 16 bytes')
  if (!isRegisterName(name)) throw new RangeError('not a register name')
  if (!Number.isSafeInteger(version) || version < 1) throw new RangeError('versions begin at 1')
}

const registerKey = ({ key }: RegisterKey, place: RegisterPlace): Bytes =>
  hkdf(key, place.owner, lp(label, place.name))

const registerAad = (place: RegisterPlace, keyVersion: number): Bytes =>
  lp(label, place.owner, place.name, place.version, keyVersion)

const keyVersionBytes = (version: number): Bytes => {
  if (!Number.isInteger(version) || version < 0 || version > 0xffff_ffff) {
    throw new RangeError('not a key version')
  }
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, version)
  return bytes
}

/**
 * Seals a value: key version u32be | nonce | ciphertext | tag, bound to owner, name and version. Throws
 * RangeError for a value above 65,504 bytes or a place that is none.
 */
export const sealRegister = async (
  key: RegisterKey,
  place: RegisterPlace,
  value: Uint8Array,
): Promise<Bytes> => {
  checkPlace(place)
  if (value.length > sealedRegisterLimitBytes - registerOverheadBytes) {
    throw new RangeError('register value too long')
  }
  return concat(
    keyVersionBytes(key.version),
    await seal(registerKey(key, place), value, registerAad(place, key.version)),
  )
}

/** The version of the key that a sealed value needs; IntegrityError('register') if it is none. */
export const registerKeyVersion = (sealedValue: Uint8Array): number => {
  const { length } = sealedValue
  if (length < registerOverheadBytes || length > sealedRegisterLimitBytes) {
    throw new IntegrityError('register', 'A register value has a length that none can have.')
  }
  return new DataView(sealedValue.buffer, sealedValue.byteOffset, 4).getUint32(0)
}

/** Opens a value; IntegrityError('register') if it is of another place, key or key version. */
export const openRegister = async (
  key: RegisterKey,
  place: RegisterPlace,
  sealedValue: Uint8Array,
): Promise<Bytes> => {
  checkPlace(place)
  if (registerKeyVersion(sealedValue) !== key.version) {
    throw new IntegrityError('register', 'The register is sealed under another version of the key.')
  }
  const aad = registerAad(place, key.version)
  return open(registerKey(key, place), sealedValue.subarray(4), aad, 'register')
}

/** The device's signature over (owner, name, version, SHA-256 of the sealed value). */
export const signRegister = async (
  deviceSeed: Uint8Array,
  place: RegisterPlace,
  sealedValue: Uint8Array,
): Promise<Bytes> => {
  checkPlace(place)
  const { owner, name, version } = place
  return sign(deviceSeed, label, owner, name, version, sha256(sealedValue))
}

/** Throws IntegrityError('register') unless the device signed this value at this place. */
export const verifyRegister = async (
  devicePublicKey: Uint8Array,
  place: RegisterPlace,
  sealedValue: Uint8Array,
  signature: Uint8Array,
): Promise<void> => {
  const { owner, name, version } = place
  const hash = sha256(sealedValue)
  const isSigned =
    isRegisterName(name) &&
    (await verifySignature(devicePublicKey, signature, label, owner, name, version, hash))
  if (!isSigned) {
    throw new IntegrityError('register', 'The register is not signed by that device.')
  }
}
