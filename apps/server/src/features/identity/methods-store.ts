import { equalBytes, methodType, type MethodRecord, sha256, toHex } from '@hearthold/crypto'
import type { Selectable } from 'kysely'
import type { On, Trx } from './deps.ts'
import type { IdentityTables } from './tables.ts'

export type MethodRow = Selectable<IdentityTables['methods']>

/** How the methods of a new signed state differ from those of the state before. */
export type MethodChanges = {
  readonly added: readonly MethodRecord[]
  readonly removed: readonly MethodRow[]
}

const isSame = (row: MethodRow, method: MethodRecord): boolean =>
  row.method === toHex(method.id) &&
  row.type === method.type &&
  equalBytes(row.public_key_hash, sha256(method.publicKey)) &&
  equalBytes(row.auth_key, method.authPublicKey)

/** A method with another key is another method, whatever its id: it is removed and added. */
export const compareMethods = (
  rows: readonly MethodRow[],
  methods: readonly MethodRecord[],
): MethodChanges => ({
  added: methods.filter((method) => !rows.some((row) => isSame(row, method))),
  removed: rows.filter((row) => !methods.some((method) => isSame(row, method))),
})

export const listMethods = (on: On, account: string): Promise<MethodRow[]> =>
  on.selectFrom('methods').selectAll().where('account', '=', account).execute()

/** `locator` belongs to a recovery method among them. */
export const applyMethodChanges = async (
  trx: Trx,
  account: string,
  { added, removed }: MethodChanges,
  locator: Uint8Array | undefined,
): Promise<void> => {
  for (const { method } of removed) {
    await trx
      .deleteFrom('methods')
      .where('account', '=', account)
      .where('method', '=', method)
      .execute()
  }
  for (const method of added) {
    const isRecovery = method.type === methodType.recovery
    await trx
      .insertInto('methods')
      .values({
        account,
        method: toHex(method.id),
        type: method.type,
        public_key_hash: sha256(method.publicKey),
        auth_key: method.authPublicKey,
        locator: isRecovery ? (locator ?? null) : null,
        retired: 0,
      })
      .execute()
  }
}

/** Methods of retired devices no longer sign in, although the signed state still lists them. */
export const retireMethods = async (
  trx: Trx,
  account: string,
  devices: readonly string[],
): Promise<void> => {
  await trx
    .updateTable('methods')
    .set({ retired: 1 })
    .where('account', '=', account)
    .where('method', 'in', devices)
    .where('type', '=', methodType.device)
    .execute()
}

export const findByLocator = (on: On, locator: Uint8Array): Promise<MethodRow | undefined> =>
  on
    .selectFrom('methods')
    .selectAll()
    .where('locator', '=', locator)
    .where('type', '=', methodType.recovery)
    .executeTakeFirst()

/** A method that may sign in. */
export const findMethod = (
  on: On,
  account: string,
  method: string,
): Promise<MethodRow | undefined> =>
  on
    .selectFrom('methods')
    .selectAll()
    .where('account', '=', account)
    .where('method', '=', method)
    .where('retired', '=', 0)
    .executeTakeFirst()
