import { poly1305 } from './poly1305.ts'
import { ResticError } from './restic-error.ts'

/** Bytes that sealing adds: the IV before, the MAC after. */
export const sealedExtraBytes = 32
const [ivBytes, macBytes] = [16, 16]
const zeroBlock = new Uint8Array(16)

/** AES-CTR with one key, at once. */
type QuickCtr = (
  counter: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array<ArrayBuffer>,
) => Uint8Array<ArrayBuffer>

/**
 * Ciphers and hash that answer at once, where a platform has them (Node). WebCrypto hands each call to another thread,
 * which for a small piece takes longer than its work; large ones are left to it.
 */
export type QuickCrypto = {
  /** SHA-256 in lowercase hex. */
  hash(bytes: Uint8Array<ArrayBuffer>): string
  /** Takes a copy of the key: 16 or 32 bytes. */
  aesCtr(key: Uint8Array<ArrayBuffer>): QuickCtr
}

/** Above this two threads do more than one that does not wait. */
export const quickLimitBytes = 64 * 1024

/** AES-256-CTR and Poly1305-AES keys of a repository, or of a password. */
export type SealingKeys = {
  readonly encrypt: CryptoKey
  readonly macKey: CryptoKey
  readonly macFactor: Uint8Array<ArrayBuffer>
  readonly quick:
    | { readonly hash: QuickCrypto['hash']; readonly encrypt: QuickCtr; readonly mac: QuickCtr }
    | undefined
}

const importAes = (bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', bytes, 'AES-CTR', false, ['encrypt', 'decrypt'])

/** Keys from their 64 bytes: 32 for AES, 16 for AES of the MAC, 16 for Poly1305. */
export const importSealingKeys = async (
  bytes: Uint8Array<ArrayBuffer>,
  quick?: QuickCrypto,
): Promise<SealingKeys> => ({
  encrypt: await importAes(bytes.slice(0, 32)),
  macKey: await importAes(bytes.slice(32, 48)),
  macFactor: bytes.slice(48, 64),
  quick: quick && {
    hash: quick.hash,
    encrypt: quick.aesCtr(bytes.subarray(0, 32)),
    mac: quick.aesCtr(bytes.subarray(32, 48)),
  },
})

const ctr = (counter: Uint8Array<ArrayBuffer>) => ({ name: 'AES-CTR', counter, length: 128 })

/** True where both are equal; takes as long wherever they differ. */
const equal = (one: Uint8Array, other: Uint8Array): boolean => {
  let difference = one.length ^ other.length
  for (let index = 0; index < one.length; index++)
    difference |= (one[index] ?? 0) ^ (other[index] ?? 0)
  return difference === 0
}

/** The MAC of a ciphertext. AES of one block is AES-CTR of zeros from that block on: WebCrypto has no ECB. */
export const macOf = async (
  keys: SealingKeys,
  iv: Uint8Array<ArrayBuffer>,
  ciphertext: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> => {
  const summand = new Uint8Array(await crypto.subtle.encrypt(ctr(iv), keys.macKey, zeroBlock))
  return poly1305(keys.macFactor, summand, ciphertext)
}

/**
 * Opens what restic sealed: IV (16), AES-256-CTR ciphertext, MAC (16). Nothing of it is handed out before the MAC fits;
 * undefined where it does not.
 */
export const findUnsealed = async (
  keys: SealingKeys,
  sealed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  if (sealed.length < sealedExtraBytes) return undefined
  const iv = sealed.subarray(0, ivBytes)
  const ciphertext = sealed.subarray(ivBytes, sealed.length - macBytes)
  const { quick } = keys
  if (quick && sealed.length <= quickLimitBytes) {
    const expected = poly1305(keys.macFactor, quick.mac(iv, zeroBlock), ciphertext)
    if (!equal(expected, sealed.subarray(sealed.length - macBytes))) return undefined
    return quick.encrypt(iv, ciphertext)
  }
  const opening = crypto.subtle.decrypt(ctr(iv), keys.encrypt, ciphertext)
  const mac = await macOf(keys, iv, ciphertext)
  const plain = new Uint8Array(await opening)
  return equal(mac, sealed.subarray(sealed.length - macBytes)) ? plain : undefined
}

/** Opens what restic sealed. Throws `damaged`; `what` names it. */
export const unseal = async (
  keys: SealingKeys,
  sealed: Uint8Array<ArrayBuffer>,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> => {
  const plain = await findUnsealed(keys, sealed)
  if (plain) return plain
  throw new ResticError('damaged', `${what} is damaged: its MAC does not fit.`)
}
