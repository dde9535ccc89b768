import { inTransaction } from '#platform/db/index.ts'
import { dayMs, type FilesDeps } from './deps.ts'
import { deleteObjects, findObjects, listUnreferenced } from './store.ts'
import { deleteUpload, listExpiredUploads, listOpenUploads } from './upload-store.ts'
import { cancelUpload } from './uploads.ts'
import { refundObjects } from './usage.ts'

const rowsAtOnce = 400
/** A file is older than any request that may still be writing its row. */
const strayAgeMs = 3600_000

/** What one sweep removed. */
export type Swept = { uploads: number; unreferenced: number; strays: number }

/** Removes uploads nobody used for a day, and objects no entry refers to after a day. */
export const sweepExpired = async (deps: FilesDeps): Promise<Omit<Swept, 'strays'>> => ({
  uploads: await sweepUploads(deps),
  unreferenced: await sweepUnreferenced(deps),
})

const sweepUploads = async (deps: FilesDeps): Promise<number> => {
  const { db, clock, objects } = deps
  let removed = 0
  for (;;) {
    const expired = await listExpiredUploads(db, clock.now(), rowsAtOnce)
    const idle = expired.filter(({ upload }) => !objects.uploads.isBusy(upload))
    for (const upload of idle)
      if (upload.done) await deleteUpload(db, upload.upload)
      else if (await cancelUpload(deps, upload)) removed += 1
    if (idle.length < rowsAtOnce) return removed
  }
}

const sweepUnreferenced = async ({ db, clock, objects }: FilesDeps): Promise<number> => {
  let removed = 0
  for (;;) {
    const ids = await inTransaction(db, async (trx) => {
      const old = await listUnreferenced(trx, clock.now() - dayMs, rowsAtOnce)
      if (old.length > 0) await refundObjects(trx, await deleteObjects(trx, old))
      return old
    })
    await objects.remove(ids)
    removed += ids.length
    if (ids.length < rowsAtOnce) return removed
  }
}

/**
 * Removes files that no row knows: what a crash left between a file and its row, or between a row and its file.
 * Reads every folder; once a day is enough.
 */
export const sweepStrays = async ({ db, clock, objects }: FilesDeps): Promise<number> => {
  let removed = 0
  for await (const ids of objects.list()) {
    const known = await findObjects(db, ids)
    const strays = ids.filter((id) => {
      const stat = known.has(id) ? undefined : objects.stat(id)
      return stat !== undefined && stat.modifiedAt < clock.now() - strayAgeMs
    })
    await objects.remove(strays)
    removed += strays.length
  }
  const open = new Set(await listOpenUploads(db))
  return removed + (await objects.sweepUploads((upload) => open.has(upload)))
}
