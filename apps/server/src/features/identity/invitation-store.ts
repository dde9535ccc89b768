import type { Selectable } from 'kysely'
import type { On, Trx } from './deps.ts'
import type { IdentityTables } from './tables.ts'

export type InvitationRow = Selectable<IdentityTables['invitations']>

export const insertInvitation = async (trx: On, row: InvitationRow): Promise<void> => {
  await trx.insertInto('invitations').values(row).execute()
}

/** An invitation that can still be used, by the HMACs of its token. */
export const findOpenInvitation = (
  on: On,
  hashes: readonly Uint8Array[],
  now: number,
): Promise<InvitationRow | undefined> =>
  on
    .selectFrom('invitations')
    .selectAll()
    .where('token_hash', 'in', hashes)
    .where('uses_left', '>', 0)
    .where('expires_at', '>', now)
    .executeTakeFirst()

export const listOpenInvitations = (on: On, now: number): Promise<InvitationRow[]> =>
  on
    .selectFrom('invitations')
    .selectAll()
    .where('uses_left', '>', 0)
    .where('expires_at', '>', now)
    .orderBy('created_at')
    .orderBy('id')
    .execute()

/** Takes one use; false when none was left. The update is what decides between two at once. */
export const useInvitation = async (trx: Trx, id: string, now: number): Promise<boolean> => {
  const { numUpdatedRows } = await trx
    .updateTable('invitations')
    .set((eb) => ({ uses_left: eb('uses_left', '-', 1) }))
    .where('id', '=', id)
    .where('uses_left', '>', 0)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export const removeInvitation = async (on: On, id: string): Promise<boolean> => {
  const { numDeletedRows } = await on
    .deleteFrom('invitations')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

export const sweepInvitations = async (trx: Trx, now: number): Promise<void> => {
  await trx
    .deleteFrom('invitations')
    .where((eb) => eb.or([eb('expires_at', '<=', now), eb('uses_left', '<=', 0)]))
    .execute()
}
