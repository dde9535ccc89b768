import type { Kysely, Selectable, Transaction } from 'kysely'
import type { LogFeatureTables } from './tables.ts'

/** The database, or a transaction of it. */
export type On = Kysely<LogFeatureTables> | Transaction<LogFeatureTables>

export type CheckpointRow = Selectable<LogFeatureTables['log_checkpoints']>
export type RegisterRow = Selectable<LogFeatureTables['registers']>

export const findCheckpoint = (on: On, log: string): Promise<CheckpointRow | undefined> =>
  on.selectFrom('log_checkpoints').selectAll().where('log', '=', log).executeTakeFirst()

/** Inserts a log's checkpoint, or replaces it. */
export const saveCheckpoint = async (on: On, row: CheckpointRow): Promise<void> => {
  const { log: _log, ...values } = row
  await on
    .insertInto('log_checkpoints')
    .values(row)
    .onConflict((conflict) => conflict.column('log').doUpdateSet(values))
    .execute()
}

export const findRegister = (
  on: On,
  owner: string,
  name: string,
): Promise<RegisterRow | undefined> =>
  on
    .selectFrom('registers')
    .selectAll()
    .where('owner', '=', owner)
    .where('name', '=', name)
    .executeTakeFirst()

export const countRegisters = async (on: On, owner: string): Promise<number> => {
  const { n } = await on
    .selectFrom('registers')
    .select(({ fn }) => fn.countAll<number>().as('n'))
    .where('owner', '=', owner)
    .executeTakeFirstOrThrow()
  return n
}

/** Inserts a register, or replaces it. */
export const saveRegister = async (on: On, row: RegisterRow): Promise<void> => {
  const { owner: _owner, name: _name, ...values } = row
  await on
    .insertInto('registers')
    .values(row)
    .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet(values))
    .execute()
}
