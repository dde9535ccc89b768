/** The formats of docs/formats, written down a second time (see hex.oracle.ts). */
import { ml_kem768_x25519 as xWing } from '@noble/post-quantum/hybrid.js'
import {
  bytesOf,
  encrypt,
  frame,
  type Hex,
  hexOf,
  hkdf,
  hmac,
  integer,
  seal,
  sha256,
  slice,
  text,
  u64,
} from './hex.oracle.ts'

/** docs/formats/sealed-object.md; one nonce for each segment. */
export const sealedObject = async (
  key: Hex,
  objectId: Hex,
  plaintext: Hex,
  nonces: readonly Hex[],
): Promise<{ commitment: Hex; sealed: Hex }> => {
  const segmentKey = await hkdf(key, objectId, text('hearthold/v1/object/segment'))
  const segments = nonces.map((nonce, index) => {
    const last = index === nonces.length - 1
    const aad = text('hh-file1') + objectId + u64(index) + (last ? '01' : '00') + '12'
    return seal(segmentKey, nonce, slice(plaintext, index * 262_144, 262_144), aad)
  })
  return {
    commitment: await hkdf(key, objectId, text('hearthold/v1/object/commit')),
    sealed: segments.join(''),
  }
}

/** HKDF's two halves (RFC 5869), which HPKE uses apart. */
const extract = (salt: Hex, ikm: Hex): Promise<Hex> => hmac(salt || '00'.repeat(32), ikm)
const expand = async (key: Hex, info: Hex, bytes: number): Promise<Hex> => {
  let out = ''
  let block = ''
  for (let i = 1; out.length < 2 * bytes; i++) {
    block = await hmac(key, block + info + integer(i, 1))
    out += block
  }
  return slice(out, 0, bytes)
}

/** X-Wing, HKDF-SHA256, AES-256-GCM. */
const hpkeSuite = text('HPKE') + ['647a', '0001', '0002'].join('')
const labeledExtract = (salt: Hex, label: string, ikm: Hex): Promise<Hex> =>
  extract(salt, text('HPKE-v1') + hpkeSuite + text(label) + ikm)
const labeledExpand = (key: Hex, label: string, info: Hex, bytes: number): Promise<Hex> =>
  expand(key, integer(bytes, 2) + text('HPKE-v1') + hpkeSuite + text(label) + info, bytes)

/** HPKE base mode, one message (RFC 9180, 5.1 and 5.2); `coins` are X-Wing's 64 random bytes. */
export const hpkeSealed = async (
  publicKey: Hex,
  coins: Hex,
  plaintext: Hex,
  info: Hex,
  aad: Hex,
): Promise<Hex> => {
  const { cipherText, sharedSecret } = xWing.encapsulate(bytesOf(publicKey), bytesOf(coins))
  const context =
    '00' +
    (await labeledExtract('', 'psk_id_hash', '')) +
    (await labeledExtract('', 'info_hash', info))
  const secret = await labeledExtract(hexOf(sharedSecret), 'secret', '')
  const key = await labeledExpand(secret, 'key', context, 32)
  const nonce = await labeledExpand(secret, 'base_nonce', context, 12)
  return hexOf(cipherText) + encrypt(key, nonce, plaintext, aad)
}

export const kemPublic = (seed: Hex): Hex => hexOf(xWing.keygen(bytesOf(seed)).publicKey)

export type Method = { account: Hex; type: number; id: Hex }

const methodKey = (secret: Hex, method: Method, label: string): Promise<Hex> =>
  hkdf(secret, method.account, frame(text(label), u64(method.type), method.id))

/** docs/formats/account-keys.md 1. */
export const methodKeys = async (secret: Hex, method: Method) => {
  const seed = await methodKey(secret, method, 'hearthold/v1/method/seed')
  return {
    seed,
    publicKey: kemPublic(seed),
    anchorKey: await methodKey(secret, method, 'hearthold/v1/method/anchor'),
    authSeed: await methodKey(secret, method, 'hearthold/v1/method/auth-ed25519'),
  }
}

export const anchor = (anchorKey: Hex, nonce: Hex, rootPublicKey: Hex, method: Method): Hex =>
  seal(
    anchorKey,
    nonce,
    rootPublicKey,
    frame(text('hearthold/v1/method/anchor'), method.account, u64(method.type), method.id),
  )

export const wrap = (
  publicKey: Hex,
  coins: Hex,
  accountKey: Hex,
  generation: number,
  method: Method,
): Promise<Hex> =>
  hpkeSealed(
    publicKey,
    coins,
    accountKey,
    frame(text('hearthold/v1/wrap-ak')),
    frame(method.account, u64(generation), u64(method.type), method.id),
  )

/** docs/formats/account-keys.md 2; methods as [type, id, public key, wrap]. */
export const accountState = async (
  account: Hex,
  generation: number,
  counter: number,
  sealedKeyring: Hex,
  methods: readonly (readonly [number, Hex, Hex, Hex])[],
): Promise<Hex> => {
  const fields = [
    text('hearthold/v1/account-state'),
    account,
    u64(generation),
    u64(counter),
    await sha256(sealedKeyring),
  ]
  for (const [type, id, publicKey, wrapped] of methods.toSorted((a, b) => (a[1] < b[1] ? -1 : 1))) {
    const wrapHash = await sha256(frame(slice(wrapped, 0, 1120), slice(wrapped, 1120)))
    fields.push(u64(type), id, await sha256(publicKey), wrapHash)
  }
  return frame(...fields)
}

/** docs/formats/account-keys.md 3: seven lists of domain keys, then seed pairs, then the root's seed. */
export const keyring = (
  domains: readonly (readonly Hex[])[],
  identities: readonly (readonly [Hex, Hex])[],
  rootSeed: Hex,
): Hex =>
  text('hhk1') +
  domains.map((keys) => integer(keys.length, 2) + keys.join('')).join('') +
  integer(identities.length, 2) +
  identities.flat().join('') +
  rootSeed

export const sealedKeyring = async (
  accountKey: Hex,
  nonce: Hex,
  account: Hex,
  generation: number,
  bytes: Hex,
): Promise<Hex> => {
  const label = text('hearthold/v1/keyring')
  const key = await hkdf(accountKey, account, frame(label, u64(generation)))
  return seal(key, nonce, bytes, frame(label, account, u64(generation)))
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const toCrockford = (hex: Hex, bits: number): string => {
  const all = [...hex].map((digit) => parseInt(digit, 16).toString(2).padStart(4, '0')).join('')
  return (all.slice(0, bits).match(/.{5}/g) ?? [])
    .map((five) => crockford[parseInt(five, 2)])
    .join('')
}

/** docs/formats/recovery-key.md. */
export const recoveryKeyText = async (secret: Hex): Promise<string> => {
  const check = await sha256(frame(text('hearthold/v1/recovery/check'), secret))
  return (toCrockford(secret, 160) + toCrockford(check, 20)).match(/.{4}/g)!.join('-')
}

/** docs/formats/account-keys.md 5. */
export const identityBundle = (
  account: Hex,
  version: number,
  rootPublicKey: Hex,
  kemPublicKey: Hex,
  signingPublicKey: Hex,
): Hex =>
  frame(
    text('hearthold/v1/identity-bundle'),
    account,
    u64(version),
    rootPublicKey,
    kemPublicKey,
    signingPublicKey,
  )

export const safetyDigits = async (one: Hex, other: Hex): Promise<string> => {
  const hash = await sha256(frame(...[one, other].toSorted()))
  const digits = (BigInt('0x' + hash) % 10n ** 60n).toString().padStart(60, '0')
  return digits.match(/.{5}/g)!.join(' ')
}

/** docs/formats/register.md. */
export const register = async (
  key: Hex,
  keyVersion: number,
  nonce: Hex,
  owner: Hex,
  name: string,
  version: number,
  value: Hex,
): Promise<{ sealed: Hex; signed: Hex }> => {
  const label = text('hearthold/v1/register')
  const place = [owner, text(name), u64(version)]
  const registerKey = await hkdf(key, owner, frame(label, text(name)))
  const sealed =
    integer(keyVersion, 4) +
    seal(registerKey, nonce, value, frame(label, ...place, u64(keyVersion)))
  return { sealed, signed: frame(label, ...place, await sha256(sealed)) }
}

/** docs/formats/checkpoint.md. */
export const checkpointHeader = (fields: {
  rules: number
  log: Hex
  seq: number
  chain: Hex
  epoch: number
  keyVersion: number
  sealedLogKey: Hex
  author: Hex
  device: Hex
  tree: Hex
  keys: Hex
  viewMac: Hex
}): Hex =>
  text('hhv1') +
  integer(fields.rules, 2) +
  fields.log +
  u64(fields.seq) +
  fields.chain +
  integer(fields.epoch, 4) +
  integer(fields.keyVersion, 4) +
  fields.sealedLogKey +
  fields.author +
  fields.device +
  fields.tree +
  fields.keys +
  fields.viewMac

/** RFC 9162, 2.1.1, by its recursive definition. */
export const merkle = async (items: readonly Hex[]): Promise<Hex> => {
  if (items.length === 0) return sha256('')
  if (items.length === 1) return sha256('00' + items[0]!)
  let split = 1
  while (split * 2 < items.length) split *= 2
  return sha256('01' + (await merkle(items.slice(0, split))) + (await merkle(items.slice(split))))
}
