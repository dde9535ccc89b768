/**
 * X-Wing (MLKEM768-X25519, HPKE KEM id 0x647a) where the platform has it, else on noble. `hpke` uses the
 * platform's and does not fall back; Chromium before 156 and other browsers lack it. Both give the same bytes.
 */
import { ml_kem768_x25519 as xWing } from '@noble/post-quantum/hybrid.js'
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_MLKEM768_X25519,
  type Key,
  type KEMFactory,
  type KeyPair,
} from 'hpke'
import { type Bytes, equalBytes, randomBytes } from './bytes.ts'

export const kemSeedBytes = 32
export const kemPublicKeyBytes = 1216
export const kemCiphertextBytes = 1120

/** Bytes of the X25519 part at the end of a public key and of a ciphertext. */
const x25519Bytes = 32

/** u-coordinates of small order (RFC 7748 section 6, and their values above p), without the unused top bit. */
const smallOrderU: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/**
 * Whether the X25519 part shares a secret at all. Platforms differ in what they do with small-order points
 * (an error here, an all-zero secret there), so these are refused before any of them is asked.
 */
const endsInPlainX25519 = (bytes: Uint8Array): boolean => {
  let text = ''
  for (let i = 0; i < x25519Bytes; i++) {
    const byte = bytes[bytes.length - x25519Bytes + i]!
    text += (i === x25519Bytes - 1 ? byte & 0x7f : byte).toString(16).padStart(2, '0')
  }
  return !smallOrderU.has(text)
}

/** ML-KEM's 768 coefficients of 12 bits must be below q (FIPS 203, 7.2: the modulus check). */
const hasReducedCoefficients = (publicKey: Uint8Array): boolean => {
  const q = 3329
  for (let i = 0; i < 1152; i += 3) {
    const low = publicKey[i]! | ((publicKey[i + 1]! & 0x0f) << 8)
    const high = (publicKey[i + 1]! >> 4) | (publicKey[i + 2]! << 4)
    if (low >= q || high >= q) return false
  }
  return true
}

/** Whether bytes can be an X-Wing public key: the length, ML-KEM's modulus check, no small-order X25519 part. */
export const isKemPublicKey = (publicKey: Uint8Array): boolean =>
  publicKey.length === kemPublicKeyBytes &&
  hasReducedCoefficients(publicKey) &&
  endsInPlainX25519(publicKey)

/** Whether bytes can be an X-Wing ciphertext: the length, and no small-order X25519 part. */
export const isKemCiphertext = (ciphertext: Uint8Array): boolean =>
  ciphertext.length === kemCiphertextBytes && endsInPlainX25519(ciphertext)

/**
 * The 1216-byte X-Wing public key of a 32-byte seed, which *is* the private key. About 2 ms. Throws
 * RangeError for another length.
 */
export const kemPublicKey = (seed: Uint8Array): Bytes => {
  if (seed.length !== kemSeedBytes) throw new RangeError('KEM seed must be 32 bytes')
  return xWing.keygen(seed).publicKey
}

type ScriptKey = Key & { readonly bytes: Bytes }

const scriptKey = (type: 'public' | 'private', bytes: Uint8Array): ScriptKey => ({
  algorithm: { name: 'MLKEM768-X25519' },
  extractable: true,
  type,
  bytes: bytes.slice(),
})

const scriptKeyPair = (seed: Uint8Array): KeyPair<ScriptKey> => ({
  privateKey: scriptKey('private', seed),
  publicKey: scriptKey('public', kemPublicKey(seed)),
})

const refuseKey = (): never => {
  throw new TypeError('not an X-Wing public key or ciphertext')
}

/** X-Wing on noble in the shape that `hpke` expects of a KEM. */
const scriptKem: KEMFactory<ScriptKey> = () => ({
  id: 0x647a,
  type: 'KEM',
  name: 'MLKEM768-X25519',
  Nsecret: 32,
  Nenc: kemCiphertextBytes,
  Npk: kemPublicKeyBytes,
  Nsk: kemSeedBytes,
  // Nothing here derives keys from other material: a seed is a private key as it is.
  DeriveKeyPair: () => Promise.reject(new TypeError('not used')),
  GenerateKeyPair: async () => scriptKeyPair(randomBytes(kemSeedBytes)),
  SerializePublicKey: async (key) => key.bytes.slice(),
  SerializePrivateKey: async (key) => key.bytes.slice(),
  DeserializePublicKey: async (bytes) =>
    isKemPublicKey(bytes) ? scriptKey('public', bytes) : refuseKey(),
  DeserializePrivateKey: async (bytes) => scriptKey('private', bytes),
  Encap: async (recipient) => {
    const { cipherText, sharedSecret } = xWing.encapsulate(recipient.bytes)
    return { enc: cipherText, shared_secret: sharedSecret }
  },
  Decap: async (ciphertext, recipient) =>
    isKemCiphertext(ciphertext) ? xWing.decapsulate(ciphertext, recipient.bytes) : refuseKey(),
})

/** What hpke.ts needs of a suite, the same for both: keys go in as bytes. */
export type KemSuite = {
  seal(
    publicKey: Uint8Array,
    plaintext: Uint8Array,
    options: { info: Uint8Array; aad: Uint8Array },
  ): Promise<{ encapsulatedSecret: Uint8Array; ciphertext: Uint8Array }>
  open(
    seed: Uint8Array,
    encapsulatedSecret: Uint8Array,
    ciphertext: Uint8Array,
    options: { info: Uint8Array; aad: Uint8Array },
  ): Promise<Uint8Array>
}

const suiteOf = <K extends Key>(kem: KEMFactory<K>): KemSuite => {
  const suite = new CipherSuite<K>(kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
  return {
    seal: async (publicKey, plaintext, options) =>
      suite.Seal(await suite.DeserializePublicKey(publicKey), plaintext, options),
    open: async (seed, encapsulatedSecret, ciphertext, options) =>
      suite.Open(
        await suite.DeserializePrivateKey(seed, false),
        encapsulatedSecret,
        ciphertext,
        options,
      ),
  }
}

/** The suite on noble: everywhere, about ten times slower. */
export const createScriptSuite = (): KemSuite => suiteOf(scriptKem)
/** The suite on the platform's own X-Wing or its parts; its calls reject where the platform has neither. */
export const createNativeSuite = (): KemSuite => suiteOf(KEM_MLKEM768_X25519)

/** Whether the platform's suite works and means the same keys as noble: tried once, not looked up by name. */
const worksNatively = async (suite: KemSuite): Promise<boolean> => {
  const seed = randomBytes(kemSeedBytes)
  const secret = randomBytes(32)
  const options = { info: new Uint8Array(0), aad: new Uint8Array(0) }
  try {
    const sealed = await suite.seal(kemPublicKey(seed), secret, options)
    return equalBytes(
      await suite.open(seed, sealed.encapsulatedSecret, sealed.ciphertext, options),
      secret,
    )
  } catch {
    return false
  }
}

const chooseSuite = async (): Promise<KemSuite> => {
  const suite = createNativeSuite()
  return (await worksNatively(suite)) ? suite : createScriptSuite()
}

let chosen: Promise<KemSuite> | undefined

/** The best suite of this platform. */
export const kemSuite = (): Promise<KemSuite> => (chosen ??= chooseSuite())
