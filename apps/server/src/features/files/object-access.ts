import { ProblemError } from '@hearthold/contract'
import type { Transaction } from 'kysely'
import { onCommit } from '#platform/db/index.ts'
import type { ObjectAccess, ObjectUse } from '#platform/logs/index.ts'
import type { Asker, FilesDeps, On } from './deps.ts'
import {
  deleteObjects,
  deleteReferences,
  findObjects,
  insertReferences,
  logsReferring,
  type StoredObject,
} from './store.ts'
import { addUsage, entryGraceBytes, otherBytesOf, overQuota, refundObjects } from './usage.ts'

const missing = (): ProblemError =>
  new ProblemError('object_missing', 'An object that this refers to is not stored.')

/** Remembers the answers for logs asked about already. */
const askedOnce = (mayRead: (log: string) => Promise<boolean>) => {
  const answers = new Map<string, Promise<boolean>>()
  return async (logs: readonly string[]): Promise<boolean> => {
    for (const log of logs) {
      const answer = answers.get(log) ?? mayRead(log)
      answers.set(log, answer)
      if (await answer) return true
    }
    return false
  }
}

/** What the log service asks of the objects: see the type. */
export const objectAccess = (
  deps: Pick<FilesDeps, 'objects' | 'log' | 'quotaBytes' | 'otherBytes'>,
): ObjectAccess => ({
  checkReferencable: async (trx, { actor, references, mayRead }) => {
    const on = filesTables(trx)
    const ids = references.map(({ object }) => object)
    const found = await findObjects(on, ids)
    for (const { object, sizeBytes } of references) {
      const row = found.get(object)
      if (row?.sha256 === undefined) throw missing()
      if (sizeBytes !== undefined && sizeBytes !== row.sizeBytes) throw missing()
    }
    const logs = await logsReferring(on, ids)
    const mayReadAny = askedOnce(mayRead)
    for (const id of ids) {
      const referring = logs.get(id)
      const allowed = referring
        ? await mayReadAny(referring)
        : found.get(id)?.owner === actor.account
      if (!allowed) throw missing()
    }
  },
  markReferenced: (trx, log, objects, use) => insertReferences(filesTables(trx), log, objects, use),
  release: (trx, log, objects, use) => release(deps, trx, log, objects, use),
  addEntryBytes: async (trx, account, sizeBytes) => {
    const on = filesTables(trx)
    const used = await addUsage(on, account, { objectBytes: 0, entryBytes: sizeBytes })
    if (sizeBytes <= 0) return
    const quota = await deps.quotaBytes(on, account)
    if (quota === undefined) return
    if (used + otherBytesOf(deps, account) <= quota + entryGraceBytes) return
    // An append of one entry has no savepoint: a refusal must leave the sum as it was.
    await addUsage(on, account, { objectBytes: 0, entryBytes: -sizeBytes })
    throw overQuota()
  },
})

/** A transaction of the whole database, seen with this feature's tables. */
const filesTables = (trx: Transaction<unknown>): On => trx

const release = async (
  { objects, log: serverLog }: Pick<FilesDeps, 'objects' | 'log'>,
  trx: Transaction<unknown>,
  log: string,
  released: readonly string[],
  use: ObjectUse,
): Promise<void> => {
  const on = filesTables(trx)
  await deleteReferences(on, log, released, use)
  const kept = await logsReferring(on, released)
  const gone = released.filter((id) => !kept.has(id))
  await refundObjects(on, await deleteObjects(on, gone))
  if (gone.length === 0) return
  onCommit(trx, () => {
    // What stays on the disk if this fails has no row, and is found by the sweep.
    objects
      .remove(gone)
      .catch((error: unknown) => serverLog.warn({ err: error }, 'erased objects were not removed'))
  })
}

/**
 * The rows of `ids`, all of which the asker may read: their own, and what a log refers to that they may read.
 * @throws ProblemError `not_found`, the same for what is not there and for what is another's
 */
export const readableObjects = async (
  deps: Pick<FilesDeps, 'db' | 'mayReadLog'>,
  asker: Asker,
  ids: readonly string[],
): Promise<Map<string, StoredObject>> => {
  const found = await findObjects(deps.db, ids)
  const notOwn = ids.filter((id) => {
    const row = found.get(id)
    if (row?.sha256 === undefined) throw unknown()
    return row.owner !== asker.account
  })
  if (notOwn.length === 0) return found
  const logs = await logsReferring(deps.db, notOwn)
  const mayReadAny = askedOnce((log) => deps.mayReadLog(asker.log, log))
  for (const id of notOwn) if (!(await mayReadAny(logs.get(id) ?? []))) throw unknown()
  return found
}

const unknown = (): ProblemError => new ProblemError('not_found', 'There is no such object.')
