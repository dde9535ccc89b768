import { ProblemError } from '@hearthold/contract'
import { methodType } from '@hearthold/crypto'
import type { Selectable } from 'kysely'
import { isUniqueViolation } from '#platform/db/index.ts'
import type { On, Trx } from './deps.ts'
import type { NewPasskey, PasskeyUse } from './passkey-verify.ts'
import type { IdentityTables } from './tables.ts'

export type PasskeyRow = Selectable<IdentityTables['passkeys']>
export type ListedPasskeyRow = PasskeyRow & { readonly canUnlock: boolean }

/** An account's passkeys, oldest first. One unlocks if the newest signed state has a method of its id. */
export const listPasskeyRows = async (on: On, account: string): Promise<ListedPasskeyRow[]> => {
  const rows = await on
    .selectFrom('passkeys')
    .leftJoin('methods', (join) =>
      join
        .onRef('methods.account', '=', 'passkeys.account')
        .onRef('methods.method', '=', 'passkeys.passkey')
        .on('methods.type', '=', methodType.passkey),
    )
    .selectAll('passkeys')
    .select('methods.method as unlocks')
    .where('passkeys.account', '=', account)
    .orderBy('passkeys.created_at')
    .orderBy('passkeys.passkey')
    .execute()
  return rows.map(({ unlocks, ...row }) => ({ ...row, canUnlock: unlocks !== null }))
}

export const findPasskey = (on: On, passkey: string): Promise<PasskeyRow | undefined> =>
  on.selectFrom('passkeys').selectAll().where('passkey', '=', passkey).executeTakeFirst()

export const hasPasskey = async (on: On, account: string): Promise<boolean> =>
  (await on
    .selectFrom('passkeys')
    .select('passkey')
    .where('account', '=', account)
    .executeTakeFirst()) !== undefined

/** In all, those that only sign in included. */
const passkeyLimit = 20

/** @throws ProblemError `passkey_refused` */
export const checkPasskeyRoom = (known: readonly unknown[]): void => {
  if (known.length >= passkeyLimit)
    throw new ProblemError(
      'passkey_refused',
      `An account has at most ${passkeyLimit} passkeys. Remove one that you no longer use.`,
    )
}

/** @throws ProblemError `passkey_refused` for one that is known already, whoever's it is */
export const insertPasskey = async (
  trx: Trx,
  account: string,
  made: NewPasskey,
  more: { readonly label: Uint8Array | null; readonly now: number },
): Promise<void> => {
  checkPasskeyRoom(await listPasskeyRows(trx, account))
  try {
    await trx
      .insertInto('passkeys')
      .values({ ...made, account, label: more.label, created_at: more.now, last_used_at: null })
      .execute()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new ProblemError('passkey_refused', 'This passkey is known already.')
  }
}

/** Writes a use down; false if the passkey is gone, or was used by another at the same time. */
export const usePasskey = async (
  trx: Trx,
  row: PasskeyRow,
  { counter, synced }: PasskeyUse,
  now: number,
): Promise<boolean> => {
  const { numUpdatedRows } = await trx
    .updateTable('passkeys')
    .set({ counter, synced, last_used_at: now })
    .where('passkey', '=', row.passkey)
    .where('account', '=', row.account)
    .where('counter', '=', row.counter)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/** False where the account has no such passkey. */
export const labelPasskey = async (
  trx: Trx,
  account: string,
  passkey: string,
  label: Uint8Array,
): Promise<boolean> => {
  const { numUpdatedRows } = await trx
    .updateTable('passkeys')
    .set({ label })
    .where('passkey', '=', passkey)
    .where('account', '=', account)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export const deletePasskey = async (trx: Trx, account: string, passkey: string): Promise<void> => {
  await trx
    .deleteFrom('passkeys')
    .where('passkey', '=', passkey)
    .where('account', '=', account)
    .execute()
}
