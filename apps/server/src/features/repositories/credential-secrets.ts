import { randomBytes, timingSafeEqual } from 'node:crypto'
import { type Bytes, hkdf, hmacSha256, lp, utf8 } from '@hearthold/crypto'
import type { InstanceSecrets } from '#platform/keys/index.ts'

type Peppers = InstanceSecrets['peppers']

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** Random letters of base32, 5 bits each: 256 is a multiple of 32, so none is likelier. */
const randomText = (length: number): string =>
  Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join('')

/** A word of the label and 8 random characters. */
export const newCredentialName = (label: string): string => {
  const word = label
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 20)
  return `${word === '' ? 'machine' : word}-${randomText(8)}`
}

/** 130 random bits: nothing to guess, so a keyed hash is enough and bcrypt would only cost time. */
export const newCredentialSecret = (): string => randomText(26)

const keyOf = (pepper: Uint8Array): Bytes =>
  hkdf(pepper, new Uint8Array(0), utf8('hearthold/v1/repository-credentials'))

/**
 * Hashes secrets: HMAC-SHA-256(key, lp("hearthold/v1/repository-credential", name, secret)), the key
 * HKDF(pepper, "hearthold/v1/repository-credentials"). A stolen database without the pepper cannot even test a guess.
 */
export type CredentialHasher = {
  hash(name: string, secret: string): { version: number; hash: Bytes }
  /** In constant time. Where nothing is stored it takes as long, and is false. */
  matches(
    name: string,
    secret: string,
    stored: { readonly version: number | undefined; readonly hash: Uint8Array | undefined },
  ): boolean
}

export const credentialHasher = (peppers: Peppers): CredentialHasher => {
  const keys = new Map(peppers.all.map(({ version, value }) => [version, keyOf(value)]))
  const current = peppers.current.version
  const hashUnder = (version: number, name: string, secret: string): Bytes | undefined => {
    const key = keys.get(version)
    return key && hmacSha256(key, lp('hearthold/v1/repository-credential', name, secret))
  }
  return {
    hash: (name, secret) => {
      const hash = hashUnder(current, name, secret)
      if (hash === undefined) throw new Error('The newest pepper is not among the peppers')
      return { version: current, hash }
    },
    matches: (name, secret, stored) => {
      const hash = hashUnder(stored.version ?? current, name, secret)
      if (hash === undefined || stored.hash?.length !== hash.length) return false
      return timingSafeEqual(hash, stored.hash)
    },
  }
}
