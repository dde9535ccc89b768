import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import {
  type ObjectRef,
  type ObjectStat,
  StorageError,
  type WriteOptions,
  type WriteOutcome,
} from '../storage.ts'
import { GatheredBytes } from '../gathered-bytes.ts'
import { drain, longBody, shortBody } from './body-feed.ts'
import { type Expected, mismatch } from './upload.ts'
import type { KeyedLock } from './keyed-lock.ts'

/** What writing asks of a store beyond what all stores offer. Places are as its own code names them. */
export type WritablePlace = {
  /** Unique among all places of the storage. */
  readonly key: string
  stat(): Promise<ObjectStat | undefined>
  /**
   * SHA-256 of the bytes that lie there as hex; undefined where nothing does.
   * @throws StorageError `short` once `isWanted` tells false
   */
  hash(isWanted?: () => boolean): Promise<string | undefined>
  /**
   * All or nothing. Without `replace` it tells `exists` where something is there, as far as the store can tell;
   * whoever calls then holds a lock.
   */
  putBytes(bytes: Uint8Array, sha256: string, replace: boolean): Promise<'stored' | 'exists'>
  /** The same for bytes that come from a body. */
  putStream(body: Readable, expected: Expected, replace: boolean): Promise<'stored' | 'exists'>
}

/** Held in memory, so that it can be sent again where the connection breaks. */
const smallBytes = 256 * 1024
const configLimitBytes = 1024 * 1024

const exists = (): StorageError =>
  new StorageError('exists', 'There are other bytes under this name.')

/** Whole, within `limitBytes`. */
const collect = async (
  body: Readable,
  { sizeBytes, onBytes }: WriteOptions,
  limitBytes: number,
): Promise<{ bytes: Uint8Array; sha256: string }> => {
  const parts = new GatheredBytes()
  let received = 0
  await drain(body, (chunk) => {
    received += chunk.length
    if (received > (sizeBytes ?? limitBytes) || received > limitBytes) throw longBody()
    onBytes?.(chunk.length)
    parts.add(chunk)
  })
  if (sizeBytes !== undefined && received < sizeBytes) throw shortBody()
  const bytes = parts.take()
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** The hash of a body that is not stored. */
const hashOf = async (body: Readable, sizeBytes: number, onBytes: WriteOptions['onBytes']) => {
  const hash = createHash('sha256')
  let received = 0
  await drain(body, (chunk) => {
    received += chunk.length
    if (received > sizeBytes) throw longBody()
    onBytes?.(chunk.length)
    hash.update(chunk)
  })
  if (received < sizeBytes) throw shortBody()
  return hash.digest('hex')
}

/** One object without a name that says what is in it: it is compared, and only the first is kept. */
const writeConfig = async (
  place: WritablePlace,
  body: Readable,
  options: WriteOptions,
  locks: KeyedLock,
): Promise<WriteOutcome> => {
  const { bytes, sha256 } = await collect(body, options, configLimitBytes)
  return locks.run(place.key, async () => {
    const outcome =
      (await place.stat()) === undefined ? await place.putBytes(bytes, sha256, false) : 'exists'
    if (outcome === 'stored') return { outcome, sizeBytes: bytes.length }
    if ((await place.hash()) !== sha256) throw exists()
    return { outcome: 'present', sizeBytes: bytes.length }
  })
}

/** Bytes that are what their name says may take the place of bytes that are not: whoever does it last does no harm. */
const writeVerified = async (
  place: WritablePlace,
  id: string,
  body: Readable,
  options: WriteOptions & { readonly sizeBytes: number },
): Promise<WriteOutcome> => {
  const { sizeBytes, onBytes } = options
  const there = await place.stat()
  // It may be large: who left does not wait for it.
  if (there !== undefined && (await place.hash(() => !body.destroyed)) === id) {
    if (sizeBytes !== there.sizeBytes || (await hashOf(body, sizeBytes, onBytes)) !== id)
      throw exists()
    return { outcome: 'present', sizeBytes }
  }
  const replace = there !== undefined
  let outcome: 'stored' | 'exists'
  if (sizeBytes <= smallBytes) {
    const { bytes, sha256 } = await collect(body, options, smallBytes)
    if (sha256 !== id) throw mismatch()
    outcome = await place.putBytes(bytes, id, replace)
  } else {
    outcome = await place.putStream(body, { sizeBytes, sha256: id, onBytes }, replace)
  }
  if (outcome === 'stored')
    return { outcome, sizeBytes, ...(there && { replacedBytes: there.sizeBytes }) }
  // Another was faster; only if those bytes are right is this upload as good as stored.
  if ((await place.hash()) === id) return { outcome: 'present', sizeBytes }
  throw new StorageError('unavailable', 'The object was written by another at the same moment.')
}

const removedMeanwhile = (): StorageError =>
  new StorageError('unavailable', 'The object was removed meanwhile. Send it again.')

/**
 * The same, told truly whatever else happened to the name meanwhile: a deletion that was under way may have taken what this
 * upload found or stored, and of uploads at once only one counts as the one that stored.
 */
const writeWatched = async (
  place: WritablePlace,
  locks: KeyedLock,
  work: () => Promise<WriteOutcome>,
): Promise<WriteOutcome> => {
  const watch = locks.watch(place.key)
  try {
    const written = await work()
    const { wasStored } = watch
    if (written.outcome === 'stored') watch.stored()
    if (watch.wasLocked) {
      const there = await locks.run(place.key, () => place.stat())
      if (there === undefined) throw removedMeanwhile()
      return written
    }
    return wasStored ? { ...written, outcome: 'present' } : written
  } finally {
    watch.end()
  }
}

const writeUnverified = (
  place: WritablePlace,
  body: Readable,
  sizeBytes: number,
  { onBytes }: WriteOptions,
  locks: KeyedLock,
): Promise<WriteOutcome> =>
  locks.run(place.key, async () => {
    if ((await place.stat()) !== undefined) {
      const stored = await place.hash(() => !body.destroyed)
      const sent = await hashOf(body, sizeBytes, onBytes)
      if (stored !== sent) throw exists()
      return { outcome: 'present', sizeBytes }
    }
    const outcome = await place.putStream(body, { sizeBytes, sha256: undefined, onBytes }, false)
    if (outcome === 'exists') throw exists()
    return { outcome, sizeBytes }
  })

/** As `write` of RepositoryStore; a store over a network must know the length of all but a config. */
export const writeRemote = (
  place: WritablePlace,
  ref: ObjectRef,
  body: Readable,
  options: WriteOptions,
  locks: KeyedLock,
): Promise<WriteOutcome> => {
  if (ref.type === 'config') return writeConfig(place, body, options, locks)
  const { sizeBytes, verify } = options
  if (sizeBytes === undefined)
    return Promise.reject(
      new StorageError('length-required', 'This storage must know the length first.'),
    )
  return verify
    ? writeWatched(place, locks, () =>
        writeVerified(place, ref.id, body, { ...options, sizeBytes }),
      )
    : writeUnverified(place, body, sizeBytes, options, locks)
}
