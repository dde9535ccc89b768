/**
 * The recovery key: 160 random bits on paper (docs/formats/recovery-key.md, details.md "Accounts and devices").
 */
import { type Bytes, lp, randomBytes, utf8 } from '../bytes.ts'
import { hkdf, sha256 } from '../hash.ts'

export const recoverySecretBytes = 20

/** Crockford's base 32: no I, L, O or U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const secretCharacters = 32
const checkCharacters = 4
const groupCharacters = 4

/**
 * Why a typed recovery key was refused: 'length' (not 36 characters), 'character' (one that no recovery key
 * has), 'check' (mistyped). Says nothing of what was typed.
 */
export class RecoveryKeyError extends Error {
  readonly code: 'length' | 'character' | 'check'

  constructor(code: RecoveryKeyError['code'], message: string) {
    super(message)
    this.name = 'RecoveryKeyError'
    this.code = code
  }
}

const checkSecret = (secret: Uint8Array): void => {
  if (secret.length !== recoverySecretBytes)
    throw new RangeError('recovery secret must be 20 bytes')
}

/** 160 random bits. */
export const generateRecoverySecret = (): Bytes => randomBytes(recoverySecretBytes)

/** Five bits a character, most significant first. `bytes` must hold a multiple of 5 bits of them. */
const toCharacters = (bytes: Uint8Array, count: number): string => {
  let text = ''
  for (let i = 0; i < count; i++) {
    const bit = i * 5
    const pair = (bytes[bit >> 3]! << 8) | (bytes[(bit >> 3) + 1] ?? 0)
    text += alphabet[(pair >> (11 - (bit & 7))) & 31]!
  }
  return text
}

/** First 20 bits of SHA-256(lp("hearthold/v1/recovery/check", secret)). */
const checkOf = (secret: Uint8Array): string =>
  toCharacters(sha256(lp('hearthold/v1/recovery/check', secret)), checkCharacters)

/**
 * The key as shown and printed: 8 groups of 4 characters and a ninth of 4 check characters, with hyphens.
 * Throws RangeError for another length than 20 bytes.
 */
export const formatRecoveryKey = (secret: Uint8Array): string => {
  checkSecret(secret)
  const text = toCharacters(secret, secretCharacters) + checkOf(secret)
  return text.match(new RegExp(`.{${groupCharacters}}`, 'g'))!.join('-')
}

/** ASCII white space and hyphens, and the dashes that text programs put in their place. */
const isSeparator = (character: string): boolean => /[\s\-\u2010-\u2015\u2212]/.test(character)

const digitOf = (character: string): number => {
  // ASCII only: other scripts have letters whose upper case is one of ours.
  if (!/^[0-9A-Za-z]$/.test(character)) return -1
  const upper = character.toUpperCase()
  if (upper === 'I' || upper === 'L') return 1
  return upper === 'O' ? 0 : alphabet.indexOf(upper)
}

/**
 * The secret of a typed key: case, spaces and hyphens do not matter, I and L are read as 1, O as 0.
 * Throws RecoveryKeyError ('character', then 'length', then 'check').
 */
export const parseRecoveryKey = (text: string): Bytes => {
  // Far above any spelling of 36 characters: a pasted file is not worth a loop.
  if (text.length > 1024) throw new RecoveryKeyError('length', 'A recovery key has 36 characters.')
  const digits = [...text].filter((character) => !isSeparator(character)).map(digitOf)
  if (digits.includes(-1)) {
    throw new RecoveryKeyError('character', 'The recovery key has a character that none has.')
  }
  if (digits.length !== secretCharacters + checkCharacters) {
    throw new RecoveryKeyError('length', 'A recovery key has 36 characters.')
  }
  const secret = new Uint8Array(recoverySecretBytes)
  for (let i = 0; i < secretCharacters * 5; i++) {
    const bit = (digits[Math.floor(i / 5)]! >> (4 - (i % 5))) & 1
    secret[i >> 3]! |= bit << (7 - (i & 7))
  }
  const check = digits.slice(secretCharacters).map((digit) => alphabet[digit])
  if (check.join('') !== checkOf(secret)) {
    throw new RecoveryKeyError(
      'check',
      'The recovery key is mistyped: its last group does not fit.',
    )
  }
  return secret
}

/**
 * Where the server finds the account of a recovery key, without a name: 32 bytes,
 * HKDF(secret, no salt, "hearthold/v1/recovery/locator"). Throws RangeError for another length than 20 bytes.
 */
export const recoveryLocator = (secret: Uint8Array): Bytes => {
  checkSecret(secret)
  return hkdf(secret, new Uint8Array(0), utf8('hearthold/v1/recovery/locator'))
}
