import type { StorageSettings } from '@hearthold/contract'
import type { StoragesOn } from './storages-tables.ts'

/** A row, with its secret sealed. */
export type StorageRow = {
  readonly storage: string
  readonly name: string
  readonly settings: StorageSettings
  readonly sealedSecret: Uint8Array
  readonly createdAt: number
}

const rowOf = (row: {
  storage: string
  name: string
  settings: string
  sealed_secret: Uint8Array
  created_at: number
}): StorageRow => ({
  storage: row.storage,
  name: row.name,
  settings: JSON.parse(row.settings) as StorageSettings,
  sealedSecret: row.sealed_secret,
  createdAt: row.created_at,
})

export const listStorageRows = async (on: StoragesOn): Promise<StorageRow[]> =>
  (await on.selectFrom('storages').selectAll().orderBy('name').execute()).map(rowOf)

export const findStorageRow = async (
  on: StoragesOn,
  storage: string,
): Promise<StorageRow | undefined> => {
  const row = await on
    .selectFrom('storages')
    .selectAll()
    .where('storage', '=', storage)
    .executeTakeFirst()
  return row && rowOf(row)
}

export const storageNameTaken = async (on: StoragesOn, name: string): Promise<boolean> =>
  (await on
    .selectFrom('storages')
    .select('storage')
    .where('name', '=', name)
    .executeTakeFirst()) !== undefined

/** Throws what isUniqueViolation knows where the name is taken. */
export const insertStorage = async (on: StoragesOn, row: StorageRow): Promise<void> => {
  await on
    .insertInto('storages')
    .values({
      storage: row.storage,
      name: row.name,
      settings: JSON.stringify(row.settings),
      sealed_secret: row.sealedSecret,
      created_at: row.createdAt,
    })
    .execute()
}

export const updateStorageRow = async (
  on: StoragesOn,
  storage: string,
  { settings, sealedSecret }: Pick<StorageRow, 'settings' | 'sealedSecret'>,
): Promise<void> => {
  await on
    .updateTable('storages')
    .set({ settings: JSON.stringify(settings), sealed_secret: sealedSecret })
    .where('storage', '=', storage)
    .execute()
}

/** How many repositories lie on each storage; those in the bin too. */
export const countRepositoriesByStorage = async (
  on: StoragesOn,
): Promise<ReadonlyMap<string, number>> => {
  const rows = await on
    .selectFrom('repositories')
    .select(['storage', (eb) => eb.fn.countAll<number>().as('count')])
    .where('storage', 'is not', null)
    .groupBy('storage')
    .execute()
  return new Map(rows.map(({ storage, count }) => [storage ?? '', count]))
}

/** Removes a storage on which no repository lies. @returns whether it did */
export const deleteUnusedStorage = async (on: StoragesOn, storage: string): Promise<boolean> => {
  const { numDeletedRows } = await on
    .deleteFrom('storages')
    .where('storage', '=', storage)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('repositories').select('id').where('storage', '=', storage))),
    )
    .executeTakeFirst()
  return numDeletedRows > 0n
}
