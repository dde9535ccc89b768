import { open, seal } from '../aead.ts'
import { type Bytes, lp, utf8 } from '../bytes.ts'
import { hkdf } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'
import type { Header } from './header.ts'

/** What binds a body to its place; known before the header is, since the header holds the body's hash. */
export type BodyPlace = Pick<
  Header,
  'log' | 'author' | 'device' | 'own' | 'epoch' | 'factsHash' | 'kind'
>

const label = 'hearthold/v1/entry/body'

/** Body key = HKDF(log key, lp(log, device, own), "hearthold/v1/entry/body"): one key an entry (core.md 2). */
const bodyKey = (logKey: Uint8Array, place: BodyPlace): Bytes =>
  hkdf(logKey, lp(place.log, place.device, place.own), utf8(label))

const bodyAad = (place: BodyPlace): Bytes =>
  lp(
    label,
    place.log,
    place.author,
    place.device,
    place.own,
    place.kind,
    place.epoch,
    place.factsHash,
  )

/** Seals an entry's body under the log's key of that epoch. An empty plaintext is sealed like any other. */
export const sealBody = (
  logKey: Uint8Array,
  place: BodyPlace,
  plaintext: Uint8Array,
): Promise<Bytes> => seal(bodyKey(logKey, place), plaintext, bodyAad(place))

/** Throws IntegrityError('log_body') when the body is not this entry's, or the key not its epoch's. */
export const openBody = (logKey: Uint8Array, place: BodyPlace, body: Uint8Array): Promise<Bytes> =>
  open(bodyKey(logKey, place), body, bodyAad(place), 'log_body')

const logKeyLabel = 'hearthold/v1/log-key'
export const sealedLogKeyBytes = 60

/** A one-member log's epoch key, sealed under the member's domain key: nonce | ciphertext | tag = 60 bytes. */
export const sealLogKey = (
  domainKey: Uint8Array,
  log: Uint8Array,
  epoch: number,
  logKey: Uint8Array,
): Promise<Bytes> =>
  seal(hkdf(domainKey, log, utf8(logKeyLabel)), logKey, lp(logKeyLabel, log, epoch))

/** Throws IntegrityError('sealed_bytes') when it is of another log, epoch or domain key. */
export const openLogKey = async (
  domainKey: Uint8Array,
  log: Uint8Array,
  epoch: number,
  sealed: Uint8Array,
): Promise<Bytes> => {
  const key = await open(
    hkdf(domainKey, log, utf8(logKeyLabel)),
    sealed,
    lp(logKeyLabel, log, epoch),
  )
  if (key.length !== 32) throw new IntegrityError('malformed', 'A log key must be 32 bytes.')
  return key
}
