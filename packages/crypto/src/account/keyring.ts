/**
 * The keyring: all long-lived random keys of an account, sealed under its account key
 * (docs/formats/account-keys.md 3, cryptography.md 8.3). Keys are not derived from the account key, so that a
 * new account key re-encrypts no data; each has versions, since old data stays readable after a rotation.
 */
import { open, seal } from '../aead.ts'
import { ByteReader, ByteWriter } from '../byte-io.ts'
import { type Bytes, equalBytes, lp, randomBytes, utf8 } from '../bytes.ts'
import { hkdf } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import { generateSigningSeed } from '../signature.ts'

/** Domains in the order of their numbers in the format, from 1. An assistant or connector gets one, never all. */
export const keyDomains = [
  'files',
  'conversations',
  'library',
  'assistant',
  'email',
  'settings',
  'index',
] as const

export type KeyDomain = (typeof keyDomains)[number]

export type VersionedKey = { readonly version: number; readonly key: Bytes }

/** Seeds of one version of the identity that others see: X-Wing to be granted to, Ed25519 to sign with. */
export type IdentitySeeds = {
  readonly version: number
  readonly kemSeed: Bytes
  readonly signingSeed: Bytes
}

export type Keyring = {
  /** Per domain: versions from 1, ascending without gaps; the last is for new writes. */
  readonly domains: Readonly<Record<KeyDomain, readonly VersionedKey[]>>
  /** As above: old ones open what was granted to them. */
  readonly identities: readonly IdentitySeeds[]
  /** Ed25519 seed of the account's root. */
  readonly rootSeed: Bytes
}

const label = 'hearthold/v1/keyring'
const magic = utf8('hhk1')
const keyBytes = 32
/** Versions of one domain, and of the identity: a rotation a day for eleven years. */
export const keyVersionsLimit = 4096

const newKey = (version: number): VersionedKey => ({ version, key: randomBytes(keyBytes) })

const newIdentity = (version: number): IdentitySeeds => ({
  version,
  kemSeed: randomBytes(keyBytes),
  signingSeed: generateSigningSeed(),
})

const eachDomain = (keysOf: (domain: KeyDomain) => readonly VersionedKey[]): Keyring['domains'] => {
  const pairs = keyDomains.map((domain) => [domain, keysOf(domain)] as const)
  return Object.fromEntries(pairs) as Record<KeyDomain, readonly VersionedKey[]>
}

/** A new account's keyring: version 1 of everything, and a new root. */
export const createKeyring = (): Keyring => ({
  domains: eachDomain(() => [newKey(1)]),
  identities: [newIdentity(1)],
  rootSeed: generateSigningSeed(),
})

/** What a rotation makes new besides all domain keys. */
export type KeyringRotation = { readonly identity?: boolean; readonly root?: boolean }

/**
 * A keyring with one more version of every domain key, for new writes; all old versions stay. With `identity`
 * or `root` (suspected compromise) also a new identity version or root. Throws RangeError at 4096 versions.
 */
export const rotateKeyring = (keyring: Keyring, also: KeyringRotation = {}): Keyring => ({
  domains: eachDomain((domain) => {
    const keys = keyring.domains[domain]
    return [...keys, newKey(keys.length + 1)]
  }),
  identities: also.identity
    ? [...keyring.identities, newIdentity(keyring.identities.length + 1)]
    : keyring.identities,
  rootSeed: also.root ? generateSigningSeed() : keyring.rootSeed,
})

/** The newest key of a domain: for everything that is written now. */
export const currentDomainKey = (keyring: Keyring, domain: KeyDomain): VersionedKey =>
  keyring.domains[domain].at(-1)!

/** The key of a version; undefined for a version that this keyring does not hold. */
export const findDomainKey = (
  keyring: Keyring,
  domain: KeyDomain,
  version: number,
): VersionedKey | undefined => keyring.domains[domain][version - 1]

/** The newest identity. */
export const currentIdentity = (keyring: Keyring): IdentitySeeds => keyring.identities.at(-1)!

const checkVersions = (items: readonly { readonly version: number }[]): void => {
  if (items.length === 0 || items.length > keyVersionsLimit) {
    throw new RangeError('a keyring holds between 1 and 4096 versions of a key')
  }
  if (items.some(({ version }, i) => version !== i + 1)) {
    throw new RangeError('versions must ascend from 1 without gaps')
  }
}

const writeKey = (writer: ByteWriter, key: Uint8Array): void => {
  if (key.length !== keyBytes) throw new RangeError('key must be 32 bytes')
  writer.bytes(key)
}

/**
 * Canonical bytes: "hhk1", then per domain in order u16 count and that many keys (the i-th is version i),
 * then u16 count and per identity X-Wing seed and Ed25519 seed, then the root seed.
 */
export const encodeKeyring = (keyring: Keyring): Bytes => {
  const writer = new ByteWriter(512).bytes(magic)
  for (const domain of keyDomains) {
    const keys = keyring.domains[domain]
    checkVersions(keys)
    writer.u16(keys.length)
    for (const { key } of keys) writeKey(writer, key)
  }
  checkVersions(keyring.identities)
  writer.u16(keyring.identities.length)
  for (const { kemSeed, signingSeed } of keyring.identities) {
    writeKey(writer, kemSeed)
    writeKey(writer, signingSeed)
  }
  writeKey(writer, keyring.rootSeed)
  return writer.finish()
}

const readCount = (reader: ByteReader): number => {
  const count = reader.u16()
  if (count === 0 || count > keyVersionsLimit) {
    throw new IntegrityError('malformed', 'A keyring holds between 1 and 4096 versions of a key.')
  }
  return count
}

const readVersions = <Item>(reader: ByteReader, read: (version: number) => Item): Item[] =>
  Array.from({ length: readCount(reader) }, (_, i) => read(i + 1))

/** Reads canonical bytes; IntegrityError('malformed') for anything else. Keys are copies. */
export const decodeKeyring = (bytes: Uint8Array): Keyring => {
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(4), magic)) throw new IntegrityError('malformed', 'Not a keyring.')
  const readKey = (): Bytes => reader.bytes(keyBytes).slice()
  const keyring = {
    domains: eachDomain(() => readVersions(reader, (version) => ({ version, key: readKey() }))),
    identities: readVersions(reader, (version) => ({
      version,
      kemSeed: readKey(),
      signingSeed: readKey(),
    })),
    rootSeed: readKey(),
  }
  reader.end()
  return keyring
}

/** Whose keyring, and of which generation of the account key. */
export type KeyringPlace = { readonly account: Uint8Array; readonly generation: number }

const keyringKey = (accountKey: Uint8Array, { account, generation }: KeyringPlace): Bytes => {
  if (account.length !== 16) throw new RangeError('id must be 16 bytes')
  if (accountKey.length !== keyBytes) throw new RangeError('account key must be 32 bytes')
  return hkdf(accountKey, account, lp(label, generation))
}

/** Seals the keyring under HKDF(AK, account, lp(label, g)), bound to account and generation. */
export const sealKeyring = async (
  accountKey: Uint8Array,
  place: KeyringPlace,
  keyring: Keyring,
): Promise<Bytes> =>
  seal(
    keyringKey(accountKey, place),
    encodeKeyring(keyring),
    lp(label, place.account, place.generation),
  )

/** Opens a sealed keyring; IntegrityError('account_keyring'). Check the signed state's hash of it first. */
export const openKeyring = async (
  accountKey: Uint8Array,
  place: KeyringPlace,
  sealed: Uint8Array,
): Promise<Keyring> => {
  const key = keyringKey(accountKey, place)
  const aad = lp(label, place.account, place.generation)
  const bytes = await open(key, sealed, aad, 'account_keyring')
  try {
    return decodeKeyring(bytes)
  } catch (cause) {
    throw new IntegrityError('account_keyring', 'The keyring is in no known format.', { cause })
  }
}
