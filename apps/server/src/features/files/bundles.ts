import { bundleLimitBytes, ProblemError } from '@hearthold/contract'
import { hash } from 'node:crypto'
import { inTransaction } from '#platform/db/index.ts'
import type { SmallObject } from '#platform/objects/index.ts'
import { bundleOverheadBytes, bundleTooLarge, encodeBundle, parseBundle } from './bundle-format.ts'
import type { Asker, FilesDeps } from './deps.ts'
import { readableObjects } from './object-access.ts'
import { findObjects, insertObjects, renewUnreferenced, type StoredObject } from './store.ts'
import { chargeObjects, checkRoom } from './usage.ts'

export type BundleService = {
  /** Before the body is read. @throws ProblemError `over_quota` if it can hold nothing but more than there is room for */
  checkRoom(asker: Asker, bodyBytes: number): Promise<void>
  /** Stores many small objects; the same bytes again are accepted. @returns how many the bundle held */
  put(asker: Asker, bundle: Uint8Array): Promise<number>
  /** Reads many small objects, in the order asked. @throws ProblemError `not_found` if one is not the asker's to read */
  read(asker: Asker, ids: readonly string[]): Promise<Uint8Array>
}

/** Many small objects in one request each way. */
export const bundleService = (deps: FilesDeps): BundleService => ({
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
  deps: FilesDeps,
  { account }: Asker,
  objects: readonly SmallObject[],
): Promise<number> => {
  const { db, clock } = deps
  const stored = await findObjects(
    db,
    objects.map(({ id }) => id),
  )
  const fresh = objects.filter((object) => !isSame(object, account, stored.get(object.id)))
  await checkRoom(deps, account, sizeOf(fresh))
  const hashes = await deps.objects.putMany(fresh)
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
    if (added.length > 0)
      await chargeObjects(
        deps,
        trx,
        account,
        added.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      )
    await insertObjects(trx, added, now)
    await renewUnreferenced(trx, [...stored.keys(), ...since.keys()], now)
  })
  return objects.length
}

const sizeOf = (objects: readonly SmallObject[]): number =>
  objects.reduce((sum, { bytes }) => sum + bytes.length, 0)

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
