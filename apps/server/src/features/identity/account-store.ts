import type { Selectable } from 'kysely'
import { placesFor, runText } from '#platform/db/index.ts'
import type { On, Trx } from './deps.ts'
import type { PasswordRecord } from './opaque.ts'
import type { IdentityTables } from './tables.ts'

export type AccountRow = Selectable<IdentityTables['accounts']>

export const findAccount = async (on: On, account: string): Promise<AccountRow | undefined> =>
  (await runText<AccountRow>(on, 'select * from accounts where account = ?', [account]))[0]

/** The account of a name, by the name's blind index under any version of the pepper. */
export const findAccountByName = (
  on: On,
  indexes: readonly Uint8Array[],
): Promise<{ account: string } | undefined> =>
  on.selectFrom('accounts').select('account').where('name_index', 'in', indexes).executeTakeFirst()

/** Those that were let in. */
export const listAccounts = (on: On): Promise<AccountRow[]> =>
  on
    .selectFrom('accounts')
    .selectAll()
    .where('waiting_until', 'is', null)
    .orderBy('created_at')
    .orderBy('account')
    .execute()

/** Those of `accounts` that may not act: suspended, waiting, or gone. */
export const listInactive = async (
  on: On,
  accounts: readonly string[],
): Promise<ReadonlySet<string>> => {
  const rows = await on
    .selectFrom('accounts')
    .select('account')
    .where('suspended', '=', 0)
    .where('waiting_until', 'is', null)
    .execute()
  const active = new Set(rows.map(({ account }) => account))
  return new Set(accounts.filter((account) => !active.has(account)))
}

export const insertAccount = async (trx: Trx, row: AccountRow): Promise<void> => {
  await trx.insertInto('accounts').values(row).execute()
}

export const updateAccount = async (
  trx: Trx,
  account: string,
  values: Partial<Pick<AccountRow, 'suspended' | 'quota_bytes' | 'name_index' | 'pepper_version'>>,
): Promise<void> => {
  await trx.updateTable('accounts').set(values).where('account', '=', account).execute()
}

/** Hosts who can act. */
export const countActiveHosts = async (on: On): Promise<number> => {
  const { count } = await on
    .selectFrom('accounts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('role', '=', 'host')
    .where('suspended', '=', 0)
    .executeTakeFirstOrThrow()
  return count
}

/** One query whether the name, or its password, exists or not: so that time tells nothing. */
export const findPasswordByName = async (
  on: On,
  indexes: readonly Uint8Array[],
): Promise<(PasswordRecord & { account: string }) | undefined> => {
  const text = `select accounts.account, passwords.record, passwords.setup_version
    from accounts inner join passwords on passwords.account = accounts.account
    where accounts.name_index in (${placesFor(indexes)})`
  const [row] = await runText<
    Pick<IdentityTables['passwords'], 'account' | 'record' | 'setup_version'>
  >(on, text, indexes)
  return row && { account: row.account, record: row.record, setupVersion: row.setup_version }
}

export const findPassword = async (
  on: On,
  account: string,
): Promise<PasswordRecord | undefined> => {
  const row = await on
    .selectFrom('passwords')
    .select(['record', 'setup_version'])
    .where('account', '=', account)
    .executeTakeFirst()
  return row && { record: row.record, setupVersion: row.setup_version }
}

export const putPassword = async (
  trx: Trx,
  account: string,
  method: string,
  password: PasswordRecord,
  now: number,
): Promise<void> => {
  const values = {
    method,
    setup_version: password.setupVersion,
    record: password.record,
    changed_at: now,
  }
  await trx
    .insertInto('passwords')
    .values({ account, ...values })
    .onConflict((conflict) => conflict.column('account').doUpdateSet(values))
    .execute()
}

export const removePassword = async (trx: Trx, account: string): Promise<void> => {
  await trx.deleteFrom('passwords').where('account', '=', account).execute()
}

export const findTotp = async (
  on: On,
  account: string,
): Promise<{ sealed_secret: Uint8Array; last_step: number } | undefined> => {
  const text = 'select sealed_secret, last_step from totps where account = ?'
  return (await runText<IdentityTables['totps']>(on, text, [account]))[0]
}

/** `lastStep` is the step whose code verified it: that code is used up. */
export const putTotp = async (
  trx: Trx,
  account: string,
  sealedSecret: Uint8Array,
  lastStep: number,
): Promise<void> => {
  const values = { sealed_secret: sealedSecret, last_step: lastStep }
  await trx
    .insertInto('totps')
    .values({ account, ...values })
    .onConflict((conflict) => conflict.column('account').doUpdateSet(values))
    .execute()
}

/** Uses a step up; false if it, or a later one, was used before. */
export const useTotpStep = async (trx: Trx, account: string, step: number): Promise<boolean> => {
  const text =
    'update totps set last_step = ?1 where account = ?2 and last_step < ?1 returning last_step'
  return (await runText(trx, text, [step, account])).length === 1
}

export const removeTotp = async (trx: Trx, account: string): Promise<void> => {
  await trx.deleteFrom('totps').where('account', '=', account).execute()
}
