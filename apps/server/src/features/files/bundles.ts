import { bundleLimitBytes, ProblemError } from '@hearthold/contract'
import { hash } from 'node:crypto'
import { inTransaction } from '#platform/db/index.ts'
import type { SmallObject } from '#platform/objects/index.ts'
import { bundleOverheadBytes, bundleTooLarge, encodeBundle, parseBundle } from './bundle-format.ts'
import type { Asker } from './deps.ts'
import { readableObjects } from './object-access.ts'
import { findObjects, insertObjects, renewUnreferenced, type StoredObject } from './store.ts'
import { chargeObjects, checkRoom, type FilesParts, withRoom } from './usage.ts'

export type BundleService = {
  /** Before the body is read. @throws ProblemError `over_quota` if it can hold nothing but more than there is room for */
  checkRoom(asker: Asker, bodyBytes: number): Promise<void>
  /** Stores many small objects; the same bytes again are accepted. @returns how many the bundle held */
  put(asker: Asker, bundle: Uint8Array): Promise<number>
  /** Reads many small objects, in the order asked. @throws ProblemError `not_found` if one is not the asker's to read */
  read(asker: Asker, ids: readonly string[]): Promise<Uint8Array>
}

/** Many small objects in one request each way. */
export const bundleService = (deps: FilesParts): BundleService => ({
  checkRoom: (asker, bodyBytes) => checkRoom(deps, asker.account, bodyBytes),
  put: (asker, bundle) => put(deps, asker, parseBundle(bundle)),
  read: async (asker, ids) => {
    const rows = await readableObjects(deps, asker, ids)
    let sizeBytes = bundleOverheadBytes(ids.length)
    for (const id of ids) sizeBytes += rows.get(id)?.sizeBytes ?? 0
    if (sizeBytes > bundleLimitBytes) throw bundleTooLarge()
    const stored = await deps.objects.readMany(ids)
    return encodeBundle(ids.map((id, index) => ({ id, bytes: present(stored[index]) })))
  },
})

/** A row without its file: the disk has lost what was acknowledged, and somebody must hear of it. */
const present = (bytes: Uint8Array | undefined): Uint8Array => {
  if (!bytes) throw new Error('A stored object is not on the disk')
  return bytes
}

const put = async (
  deps: FilesParts,
  { account }: Asker,
  objects: readonly SmallObject[],
): Promise<number> => {
  const stored = await findObjects(
    deps.db,
    objects.map(({ id }) => id),
  )
  const fresh = objects.filter((object) => !isSame(object, account, stored.get(object.id)))
  // Before anything is written: files that do not fit would lie there until the sweep.
  const room = fresh.map(({ id, bytes }) => ({ id, sizeBytes: bytes.length }))
  await withRoom(deps, account, room, () => store(deps, account, fresh, [...stored.keys()]))
  return objects.length
}

/** @param known ids of the others of the bundle */
const store = async (
  { db, clock, objects }: FilesParts,
  account: string,
  fresh: readonly SmallObject[],
  known: readonly string[],
): Promise<void> => {
  const hashes = await objects.putMany(fresh)
  const rows = fresh.map(({ id, bytes }, index) => ({
    id,
    owner: account,
    sizeBytes: bytes.length,
    sha256: hashes[index],
  }))
  await inTransaction(db, async (trx) => {
    const now = clock.now()
    // A retry may have overtaken the call it repeats.
    const since = await findObjects(
      trx,
      rows.map(({ id }) => id),
    )
    const added = rows.filter((row) => !isSameRow(row, since.get(row.id)))
    const sizeBytes = added.reduce((sum, row) => sum + row.sizeBytes, 0)
    if (added.length > 0) await chargeObjects(trx, account, sizeBytes)
    await insertObjects(trx, added, now)
    await renewUnreferenced(trx, [...known, ...since.keys()], now)
  })
}

/** @throws ProblemError `object_exists` if the id is another's, being uploaded, or of other bytes */
const isSame = (
  { id, bytes }: SmallObject,
  account: string,
  stored: StoredObject | undefined,
): boolean =>
  stored !== undefined &&
  isSameRow(
    { id, owner: account, sizeBytes: bytes.length, sha256: hash('sha256', bytes, 'hex') },
    stored,
  )

const isSameRow = (row: StoredObject, stored: StoredObject | undefined): boolean => {
  if (!stored) return false
  if (stored.owner === row.owner && stored.sha256 === row.sha256) return true
  throw new ProblemError('object_exists', 'There is an object of this id already.')
}
