import {
  ByteReader,
  ByteWriter,
  type Bytes,
  IntegrityError,
  lp,
  open,
  randomBytes,
  seal,
} from '@hearthold/crypto'
import type { KeyDriver, KeysDb } from './key-driver.ts'

/** Whose it is, what for, and of what: all three are bound, so that sealed bytes cannot change places. */
export type SealedPlace = {
  /** Account id in hex: the member whose key seals it. */
  readonly account: string
  /** A constant such as `totp`. */
  readonly purpose: string
  /** The row that holds it. */
  readonly subject: string
}

/** Seals what the server must be able to read, under one key per member. Not for what members hold themselves. */
export type KeyService = {
  /** Bytes for a column, in the form that createKeyService describes. */
  seal(db: KeysDb, place: SealedPlace, plaintext: Uint8Array): Promise<Bytes>
  /** @throws IntegrityError `malformed` or `sealed_bytes`: of another place, changed, or shredded */
  open(db: KeysDb, place: SealedPlace, sealed: Uint8Array): Promise<Bytes>
  /** A new version of the member's key for what is sealed from now on. */
  rotate(db: KeysDb, account: string): Promise<number>
  /** Nothing sealed for this member opens after this. */
  shred(db: KeysDb, account: string): Promise<void>
}

const format = 1

const aadOf = (place: SealedPlace): Uint8Array =>
  lp('hearthold/v1/smt', place.account, place.subject, place.purpose)

/**
 * Sealed bytes: format u8 (1), driver u8, key version u32, wrapped data key (u32 length and bytes), then
 * nonce(12) | ciphertext | tag(16) under the data key. Both layers carry the AAD
 * lp("hearthold/v1/smt", account, subject, purpose).
 */
export const createKeyService = (driver: KeyDriver): KeyService => ({
  seal: async (db, place, plaintext) => {
    const aad = aadOf(place)
    const dataKey = randomBytes(32)
    const { keyVersion, wrapped } = await driver.wrap(db, place.account, dataKey, aad)
    return new ByteWriter(96 + plaintext.length)
      .u8(format)
      .u8(driver.number)
      .u32(keyVersion)
      .sized(wrapped)
      .bytes(await seal(dataKey, plaintext, aad))
      .finish()
  },
  open: async (db, place, sealed) => {
    const reader = new ByteReader(sealed)
    if (reader.u8() !== format || reader.u8() !== driver.number)
      throw new IntegrityError('malformed', 'Sealed by another key service or version.')
    const keyVersion = reader.u32()
    const wrapped = reader.sized(4096)
    const aad = aadOf(place)
    const dataKey = await driver.unwrap(db, place.account, keyVersion, wrapped, aad)
    return open(dataKey, reader.bytes(reader.left), aad)
  },
  rotate: (db, account) => driver.rotate(db, account),
  shred: (db, account) => driver.shred(db, account),
})
