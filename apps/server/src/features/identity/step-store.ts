import { randomId, toHex } from '@hearthold/crypto'
import type { Selectable } from 'kysely'
import type { On, Trx } from './deps.ts'
import type { IdentityTables, StepKind } from './tables.ts'

/** One half of something that takes two requests: a login state, a challenge, a pending second factor, a change. */
export type Step = Selectable<IdentityTables['sign_in_steps']>

export const newStepId = (): string => toHex(randomId())

export const insertStep = async (
  trx: Trx,
  step: Omit<Step, 'tries' | 'session' | 'method'> & { session?: string; method?: string },
): Promise<void> => {
  await trx
    .insertInto('sign_in_steps')
    .values({ session: null, method: null, ...step, tries: 0 })
    .execute()
}

/** Looks at a live step and leaves it. */
export const findStep = (
  on: On,
  id: string,
  kinds: readonly StepKind[],
  now: number,
): Promise<Step | undefined> =>
  on
    .selectFrom('sign_in_steps')
    .selectAll()
    .where('id', '=', id)
    .where('kind', 'in', kinds)
    .where('expires_at', '>', now)
    .executeTakeFirst()

/** Takes a live step away: the deletion is what decides, so that it serves once. Expired ones go too. */
export const takeStep = async (
  trx: Trx,
  id: string,
  kinds: readonly StepKind[],
  now: number,
): Promise<Step | undefined> => {
  const step = await trx
    .deleteFrom('sign_in_steps')
    .where('id', '=', id)
    .where('kind', 'in', kinds)
    .returningAll()
    .executeTakeFirst()
  return step && step.expires_at > now ? step : undefined
}

export const countTry = async (trx: Trx, id: string): Promise<void> => {
  await trx
    .updateTable('sign_in_steps')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('id', '=', id)
    .execute()
}

/**
 * Half-done sign-ins of an account whose methods changed: what they prove is a method of before. Changes that the
 * session itself began stay.
 */
export const voidSignIns = async (trx: Trx, account: string): Promise<void> => {
  const kinds: StepKind[] = [
    'password',
    'second-factor',
    'recovery',
    'device',
    'unlock',
    'passkey-unlock',
  ]
  await trx
    .deleteFrom('sign_in_steps')
    .where('account', '=', account)
    .where('kind', 'in', kinds)
    .execute()
}

export const sweepSteps = async (trx: Trx, now: number): Promise<void> => {
  await trx.deleteFrom('sign_in_steps').where('expires_at', '<=', now).execute()
}

/** The authenticator that this session has verified for a password to come. */
export const takeVerifiedTotp = async (
  trx: Trx,
  session: string,
  now: number,
): Promise<Step | undefined> => {
  const step = await trx
    .selectFrom('sign_in_steps')
    .select('id')
    .where('session', '=', session)
    .where('kind', '=', 'totp-verified')
    .where('expires_at', '>', now)
    .orderBy('expires_at', 'desc')
    .executeTakeFirst()
  return step && takeStep(trx, step.id, ['totp-verified'], now)
}
