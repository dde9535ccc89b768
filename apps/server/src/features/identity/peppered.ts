import { type Bytes, hmacSha256, lp, toHex } from '@hearthold/crypto'
import type { InstanceSecrets } from '#platform/keys/index.ts'
import type { Peppered } from './deps.ts'

type Peppers = InstanceSecrets['peppers']
type Field = string | Uint8Array

/** Label of the blind index of sign-in names. */
export const nameLabel = 'hearthold/v1/name-index'

/** HMAC(newest pepper, lp(label, ...fields)), for a new row. */
export const pepperedNow = (peppers: Peppers, label: string, ...fields: Field[]): Peppered => ({
  version: peppers.current.version,
  hash: hmacSha256(peppers.current.value, lp(label, ...fields)),
})

/** The same under every version of the pepper that is still in use, newest first, for look-ups. */
export const pepperedEver = (peppers: Peppers, label: string, ...fields: Field[]): Bytes[] =>
  peppers.all.toReversed().map(({ value }) => hmacSha256(value, lp(label, ...fields)))

/**
 * An id that looks like any other, and stays the same for what it stands for: the answer about somebody who is not
 * there. Under the oldest pepper, so that a new one does not change what a patient asker sees.
 */
export const stableId = (peppers: Peppers, label: string, ...fields: Field[]): string =>
  toHex(hmacSha256((peppers.all[0] ?? peppers.current).value, lp(label, ...fields)).slice(0, 16))
