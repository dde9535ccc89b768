import type { ObjectUse } from '#platform/logs/index.ts'
import type { On } from './deps.ts'

/** An object as its row says. */
export type StoredObject = {
  readonly id: string
  readonly owner: string
  readonly sizeBytes: number
  /** Undefined while it is being uploaded. */
  readonly sha256: string | undefined
}

/** SQLite takes some thousand parameters; a few hundred at a time keep statements short. */
const rowsAtOnce = 400

const chunksOf = <Item>(items: readonly Item[]): (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / rowsAtOnce) }, (_, index) =>
    items.slice(index * rowsAtOnce, (index + 1) * rowsAtOnce),
  )

/** Those of `ids` that have a row, by id. */
export const findObjects = async (
  on: On,
  ids: readonly string[],
): Promise<Map<string, StoredObject>> => {
  const found = new Map<string, StoredObject>()
  for (const chunk of chunksOf(ids)) {
    const rows = await on
      .selectFrom('objects')
      .select(['id', 'owner', 'size_bytes', 'sha256'])
      .where('id', 'in', chunk)
      .execute()
    for (const { id, owner, size_bytes: sizeBytes, sha256 } of rows)
      found.set(id, { id, owner, sizeBytes, sha256: sha256 ?? undefined })
  }
  return found
}

export const insertObjects = async (
  on: On,
  objects: readonly StoredObject[],
  now: number,
): Promise<void> => {
  for (const chunk of chunksOf(objects))
    await on
      .insertInto('objects')
      .values(
        chunk.map(({ id, owner, sizeBytes, sha256 }) => ({
          id,
          owner,
          size_bytes: sizeBytes,
          sha256: sha256 ?? null,
          created_at: now,
          unreferenced_since: sha256 === undefined ? null : now,
        })),
      )
      .execute()
}

/**
 * The object is uploaded: from now on an entry has a day to refer to it. Said twice (a request that asks for the state
 * at that moment finishes it too) the first counts: an entry may refer to it by then.
 */
export const completeObject = async (
  on: On,
  id: string,
  sha256: string,
  now: number,
): Promise<void> => {
  await on
    .updateTable('objects')
    .set({ sha256, unreferenced_since: now })
    .where('id', '=', id)
    .where('sha256', 'is', null)
    .execute()
}

/** Objects sent again get another day. */
export const renewUnreferenced = async (
  on: On,
  ids: readonly string[],
  now: number,
): Promise<void> => {
  for (const chunk of chunksOf(ids))
    await on
      .updateTable('objects')
      .set({ unreferenced_since: now })
      .where('id', 'in', chunk)
      .where('unreferenced_since', 'is not', null)
      .execute()
}

/** @returns bytes that the removed objects took, by owner */
export const deleteObjects = async (
  on: On,
  ids: readonly string[],
): Promise<Map<string, number>> => {
  const bytes = new Map<string, number>()
  for (const chunk of chunksOf(ids)) {
    const rows = await on
      .deleteFrom('objects')
      .where('id', 'in', chunk)
      .returning(['owner', 'size_bytes'])
      .execute()
    for (const { owner, size_bytes: size } of rows) bytes.set(owner, (bytes.get(owner) ?? 0) + size)
  }
  return bytes
}

/** Objects that nothing has referred to since before `time`. */
export const listUnreferenced = async (on: On, time: number, limit: number): Promise<string[]> => {
  const rows = await on
    .selectFrom('objects')
    .select('id')
    .where('unreferenced_since', 'is not', null)
    .where('unreferenced_since', '<', time)
    .orderBy('unreferenced_since')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** The logs that refer to each object; objects without one are not in the answer. */
export const logsReferring = async (
  on: On,
  ids: readonly string[],
): Promise<Map<string, string[]>> => {
  const logs = new Map<string, string[]>()
  for (const chunk of chunksOf(ids)) {
    const rows = await on
      .selectFrom('object_references')
      .select(['object', 'log'])
      .distinct()
      .where('object', 'in', chunk)
      .execute()
    for (const { object, log } of rows) {
      const known = logs.get(object)
      if (known) known.push(log)
      else logs.set(object, [log])
    }
  }
  return logs
}

export const insertReferences = async (
  on: On,
  log: string,
  objects: readonly string[],
  use: ObjectUse,
): Promise<void> => {
  for (const chunk of chunksOf(objects)) {
    await on
      .insertInto('object_references')
      .values(chunk.map((object) => ({ object, log, use })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await on
      .updateTable('objects')
      .set({ unreferenced_since: null })
      .where('id', 'in', chunk)
      .where('unreferenced_since', 'is not', null)
      .execute()
  }
}

export const deleteReferences = async (
  on: On,
  log: string,
  objects: readonly string[],
  use: ObjectUse,
): Promise<void> => {
  for (const chunk of chunksOf(objects))
    await on
      .deleteFrom('object_references')
      .where('object', 'in', chunk)
      .where('log', '=', log)
      .where('use', '=', use)
      .execute()
}
