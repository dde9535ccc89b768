import type { AccountRow } from './account-store.ts'
import type { On, Trx } from './deps.ts'
import type { RegistrationText } from './tables.ts'

/** Stands for the invitation in the row of a sign-up without one; ids of invitations are hex. */
export const withoutInvitation = 'open'

export type RegistrationSetting = {
  readonly registration: RegistrationText
  readonly quotaBytes: number | null
}

/** Closed before the instance is set up. */
export const findRegistration = async (on: On): Promise<RegistrationSetting> => {
  const row = await on
    .selectFrom('instance')
    .select(['registration', 'registration_quota_bytes'])
    .executeTakeFirst()
  return {
    registration: row?.registration ?? 'closed',
    quotaBytes: row?.registration_quota_bytes ?? null,
  }
}

export const updateRegistration = async (
  on: On,
  wanted: Partial<RegistrationSetting>,
): Promise<void> => {
  const { registration, quotaBytes } = wanted
  const values = {
    ...(registration === undefined ? {} : { registration }),
    ...(quotaBytes === undefined ? {} : { registration_quota_bytes: quotaBytes }),
  }
  if (Object.keys(values).length > 0) await on.updateTable('instance').set(values).execute()
}

/** Accounts that a host may still let in, oldest first. */
export const listWaiting = (on: On, now: number): Promise<AccountRow[]> =>
  on
    .selectFrom('accounts')
    .selectAll()
    .where('waiting_until', '>', now)
    .orderBy('created_at')
    .orderBy('account')
    .execute()

export const countWaiting = async (on: On, now: number): Promise<number> => {
  const { count } = await on
    .selectFrom('accounts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('waiting_until', '>', now)
    .executeTakeFirstOrThrow()
  return count
}

export const countBegun = async (on: On, now: number): Promise<number> => {
  const { count } = await on
    .selectFrom('sign_ups')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('invitation', '=', withoutInvitation)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return count
}

/** False where it does not wait (any more): the update decides between two hosts at once. */
export const letIn = async (trx: Trx, account: string, now: number): Promise<boolean> => {
  const { numUpdatedRows } = await trx
    .updateTable('accounts')
    .set({ waiting_until: null })
    .where('account', '=', account)
    .where('waiting_until', '>', now)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/**
 * Deletes a waiting account with its credentials and answers its log; undefined where none waits. An account that was
 * let in is never deleted here.
 */
export const deleteWaiting = async (trx: Trx, account: string): Promise<string | undefined> => {
  const row = await trx
    .deleteFrom('accounts')
    .where('account', '=', account)
    .where('waiting_until', 'is not', null)
    .returning('log')
    .executeTakeFirst()
  if (!row) return undefined
  await trx.deleteFrom('sign_in_steps').where('account', '=', account).execute()
  // Halves begun for the same id: their names are sealed under the key that goes now.
  await trx.deleteFrom('sign_ups').where('account', '=', account).execute()
  return row.log
}

/** Accounts for which no host decided in time. */
export const listOverdue = async (on: On, now: number): Promise<string[]> => {
  const rows = await on
    .selectFrom('accounts')
    .select('account')
    .where('waiting_until', '<=', now)
    .execute()
  return rows.map(({ account }) => account)
}
