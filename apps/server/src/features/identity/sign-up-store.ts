import type { Selectable } from 'kysely'
import type { On, Trx } from './deps.ts'
import type { IdentityTables } from './tables.ts'

export type SignUpRow = Selectable<IdentityTables['sign_ups']>

export const insertSignUp = async (trx: Trx, row: SignUpRow): Promise<void> => {
  await trx.insertInto('sign_ups').values(row).execute()
}

export const findSignUp = (on: On, id: string, now: number): Promise<SignUpRow | undefined> =>
  on
    .selectFrom('sign_ups')
    .selectAll()
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .executeTakeFirst()

/** Counts a try and answers how many there were, this one included; undefined if the sign-up is gone. */
export const countSignUpTry = async (trx: Trx, id: string): Promise<number | undefined> => {
  const row = await trx
    .updateTable('sign_ups')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('id', '=', id)
    .returning('tries')
    .executeTakeFirst()
  return row?.tries
}

/** Takes the sign-up away: the deletion decides between two finishes of the same one. */
export const takeSignUp = async (trx: Trx, id: string): Promise<boolean> => {
  const { numDeletedRows } = await trx
    .deleteFrom('sign_ups')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** Removes expired sign-ups and answers the account ids of those, which no other sign-up or account uses now. */
export const sweepSignUps = async (trx: Trx, now: number): Promise<string[]> => {
  const rows = await trx
    .deleteFrom('sign_ups')
    .where('expires_at', '<=', now)
    .returning('account')
    .execute()
  const unused: string[] = []
  for (const account of new Set(rows.map((row) => row.account))) {
    const used =
      (await trx
        .selectFrom('accounts')
        .select('account')
        .where('account', '=', account)
        .executeTakeFirst()) ??
      (await trx
        .selectFrom('sign_ups')
        .select('account')
        .where('account', '=', account)
        .executeTakeFirst())
    if (!used) unused.push(account)
  }
  return unused
}
