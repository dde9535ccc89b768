import { randomId, toHex } from '@hearthold/crypto'
import type { Selectable } from 'kysely'
import { placesFor, runText } from '#platform/db/index.ts'
import type { On, Trx } from './deps.ts'
import type { IdentityTables, StepKind } from './tables.ts'

/** One half of something that takes two requests: a login state, a challenge, a pending second factor, a change. */
export type Step = Selectable<IdentityTables['sign_in_steps']>

export const newStepId = (): string => toHex(randomId())

const insertText = `insert into sign_in_steps
  (id, kind, account, session, method, state, tries, expires_at) values (?, ?, ?, ?, ?, ?, ?, ?)`

export const insertStep = async (
  trx: Trx,
  step: Omit<Step, 'tries' | 'session' | 'method'> & Partial<Step>,
): Promise<void> => {
  const { id, kind, account, session = null, method = null, state, tries = 0, expires_at } = step
  await runText(trx, insertText, [id, kind, account, session, method, state, tries, expires_at])
}

/** Looks at a live step and leaves it. */
export const findStep = async (
  on: On,
  id: string,
  kinds: readonly StepKind[],
  now: number,
): Promise<Step | undefined> => {
  const text = `select * from sign_in_steps
    where id = ? and kind in (${placesFor(kinds)}) and expires_at > ?`
  const [step] = await runText<Step>(on, text, [id, ...kinds, now])
  return step
}

/** Takes a live step away: the deletion is what decides, so that it serves once. Expired ones go too. */
export const takeStep = async (
  trx: Trx,
  id: string,
  kinds: readonly StepKind[],
  now: number,
): Promise<Step | undefined> => {
  const text = `delete from sign_in_steps where id = ? and kind in (${placesFor(kinds)}) returning *`
  const [step] = await runText<Step>(trx, text, [id, ...kinds])
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
