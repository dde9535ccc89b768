/**
 * Sign-in methods: what each method's secret opens (docs/formats/account-keys.md 1, cryptography.md 8.2).
 * From one secret, never sent, come three keys: the X-Wing seed that opens the wrapped account key, the key
 * of the anchor that names the account's root, and the Ed25519 seed that proves the method to the server.
 */
import { open, seal } from '../aead.ts'
import { type Bytes, lp } from '../bytes.ts'
import { hkdf, sha256 } from '../hash.ts'
import { hpkeOpen, hpkeOverheadBytes, hpkeSeal } from '../hpke.ts'
import { IntegrityError } from '../integrity-error.ts'
import { kemCiphertextBytes, kemPublicKey } from '../kem.ts'
import { signingPublicKey } from '../signature.ts'

/** Numbers of the methods in every format. */
export const methodType = {
  password: 1,
  passkey: 2,
  recovery: 3,
  nostr: 4,
  device: 5,
} as const

export type MethodType = (typeof methodType)[keyof typeof methodType]

/**
 * Bytes of each method's secret: OPAQUE's export key, the PRF result, 160 random bits, and twice 32 random
 * bytes. Any other length is a secret that is missing or of something else.
 */
const secretBytes: Readonly<Record<MethodType, number>> = { 1: 64, 2: 32, 3: 20, 4: 32, 5: 32 }

export const accountKeyBytes = 32
export const wrappedAccountKeyBytes = hpkeOverheadBytes + accountKeyBytes
export const anchorBytes = 60

/** Which method of which account. Ids are 16 bytes. */
export type MethodPlace = {
  readonly account: Uint8Array
  readonly type: MethodType
  readonly id: Uint8Array
}

/** A method's place in one generation of the account key. */
export type WrapPlace = MethodPlace & { readonly generation: number }

const wrapInfo = lp('hearthold/v1/wrap-ak')
const anchorLabel = 'hearthold/v1/method/anchor'

/** Whether a number read from a format is a method's type. */
export const isMethodType = (value: number): value is MethodType => value in secretBytes

const checkPlace = ({ account, id }: MethodPlace): void => {
  if (account.length !== 16 || id.length !== 16) throw new RangeError('id must be 16 bytes')
}

/**
 * Throws RangeError unless the secret has its method's exact length and is not all zeros: an absent PRF
 * result must fail, never become a key that anyone can compute (cryptography.md 2, pitfall 1).
 */
const checkSecret = (secret: Uint8Array, type: MethodType): void => {
  if (secret.length !== secretBytes[type] || secret.every((byte) => byte === 0)) {
    throw new RangeError('method secret missing or of a wrong length')
  }
}

const derive = (secret: Uint8Array, place: MethodPlace, label: string): Bytes => {
  checkPlace(place)
  checkSecret(secret, place.type)
  return hkdf(secret, place.account, lp(label, place.type, place.id))
}

/** The method's X-Wing private key: HKDF(S, account, lp("hearthold/v1/method/seed", type, id)). */
export const methodSeed = (secret: Uint8Array, place: MethodPlace): Bytes =>
  derive(secret, place, 'hearthold/v1/method/seed')

/** The method's X-Wing public key (1216 bytes): all that re-wrapping the account key for it needs. */
export const methodPublicKey = (secret: Uint8Array, place: MethodPlace): Bytes =>
  kemPublicKey(methodSeed(secret, place))

/** Seed of the Ed25519 key by which recovery and device methods answer the server's challenge. */
export const methodAuthSeed = (secret: Uint8Array, place: MethodPlace): Bytes =>
  derive(secret, place, 'hearthold/v1/method/auth-ed25519')

/** Public key of `methodAuthSeed`: what the server keeps. */
export const methodAuthPublicKey = (secret: Uint8Array, place: MethodPlace): Bytes =>
  signingPublicKey(methodAuthSeed(secret, place))

const wrapAad = ({ account, generation, type, id }: WrapPlace): Bytes =>
  lp(account, generation, type, id)

/**
 * Seals the account key to a method: 1168 bytes. Needs only the method's public key, so that rotation works
 * while the recovery sheet stays in its drawer. Whoever knows that key could forge a wrap: the signed state
 * and the anchor are what make it trusted.
 */
export const wrapAccountKey = async (
  publicKey: Uint8Array,
  accountKey: Uint8Array,
  place: WrapPlace,
): Promise<Bytes> => {
  checkPlace(place)
  if (accountKey.length !== accountKeyBytes) throw new RangeError('account key must be 32 bytes')
  return hpkeSeal(publicKey, accountKey, { info: wrapInfo, aad: wrapAad(place) })
}

/** Opens a wrap; IntegrityError('account_wrap') if it is of another account, method, generation or secret. */
export const openAccountKey = async (
  secret: Uint8Array,
  wrap: Uint8Array,
  place: WrapPlace,
): Promise<Bytes> => {
  const seed = methodSeed(secret, place)
  const context = { info: wrapInfo, aad: wrapAad(place) }
  const accountKey = await hpkeOpen(seed, wrap, context, 'account_wrap')
  if (accountKey.length !== accountKeyBytes) {
    throw new IntegrityError('account_wrap', 'What the wrap holds is not an account key.')
  }
  return accountKey
}

/** SHA-256(lp(enc, ct)): the wrap as the signed state names it. Throws RangeError for another length. */
export const wrapHash = (wrap: Uint8Array): Bytes => {
  if (wrap.length !== wrappedAccountKeyBytes) throw new RangeError('wrap must be 1168 bytes')
  return sha256(lp(wrap.subarray(0, kemCiphertextBytes), wrap.subarray(kemCiphertextBytes)))
}

const anchorKey = (secret: Uint8Array, place: MethodPlace): Bytes =>
  derive(secret, place, anchorLabel)

const anchorAad = ({ account, type, id }: MethodPlace): Bytes => lp(anchorLabel, account, type, id)

/**
 * Seals the root's public key under the method's secret: 60 bytes. It tells the method, and nobody can forge
 * it without the secret, whose signature the account's state must carry.
 */
export const sealAnchor = async (
  secret: Uint8Array,
  rootPublicKey: Uint8Array,
  place: MethodPlace,
): Promise<Bytes> => {
  if (rootPublicKey.length !== 32) throw new RangeError('root public key must be 32 bytes')
  return seal(anchorKey(secret, place), rootPublicKey, anchorAad(place))
}

/** The root's public key that this method vouches for; IntegrityError('account_anchor'). */
export const openAnchor = async (
  secret: Uint8Array,
  anchor: Uint8Array,
  place: MethodPlace,
): Promise<Bytes> => {
  const key = anchorKey(secret, place)
  if (anchor.length !== anchorBytes) {
    throw new IntegrityError('account_anchor', 'The anchor is cut short or too long.')
  }
  return open(key, anchor, anchorAad(place), 'account_anchor')
}

/** What of a method is stored and not secret. */
export type MethodRecord = {
  readonly type: MethodType
  readonly id: Bytes
  /** X-Wing, 1216 bytes. */
  readonly publicKey: Bytes
  readonly wrap: Bytes
  readonly anchor: Bytes
  /** Ed25519, 32 bytes: used by recovery and device methods only. */
  readonly authPublicKey: Bytes
}

/** Everything a new method needs, from its secret. Throws RangeError for a missing or wrong secret. */
export const createMethod = async (
  secret: Uint8Array,
  place: WrapPlace,
  keys: { readonly accountKey: Uint8Array; readonly rootPublicKey: Uint8Array },
): Promise<MethodRecord> => {
  const publicKey = methodPublicKey(secret, place)
  return {
    type: place.type,
    id: place.id.slice(),
    publicKey,
    wrap: await wrapAccountKey(publicKey, keys.accountKey, place),
    anchor: await sealAnchor(secret, keys.rootPublicKey, place),
    authPublicKey: methodAuthPublicKey(secret, place),
  }
}
