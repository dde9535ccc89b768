import { ProblemError } from '@hearthold/contract'
import { findAccount } from './account-store.ts'
import { countBackupCodes } from './backup-codes.ts'
import type { Trx } from './deps.ts'
import { renewNameIndex } from './name-index.ts'
import type { IdentityParts } from './parts.ts'
import { createSession, handOver, type NewSession, type SessionWanted } from './sessions.ts'

/** How a sign-in wants its session. */
export type TransportWanted = { transport: 'bearer' | 'cookie'; staySignedIn?: boolean }

/** A sign-in that was proven: its session, or that its account is shut or waits, which only its owner learns. */
export type ProvenSignIn =
  | { readonly outcome: 'signed-in'; readonly log: string; readonly session: NewSession }
  | { readonly outcome: 'suspended' | 'waiting' }

/** Begins the session of a proven sign-in, in the transaction that used the proof up. */
export const admit = async (
  parts: IdentityParts,
  trx: Trx,
  wanted: SessionWanted,
): Promise<ProvenSignIn> => {
  const account = await findAccount(trx, wanted.account)
  if (!account || account.suspended === 1) return { outcome: 'suspended' }
  if (account.waiting_until !== null) return { outcome: 'waiting' }
  await renewNameIndex(parts, trx, account)
  return {
    outcome: 'signed-in',
    log: account.log,
    session: await createSession(parts, trx, wanted),
  }
}

/** From here on the member is warned (ID-4). */
const fewCodes = 3

const notAdmitted = (outcome: 'suspended' | 'waiting'): ProblemError =>
  outcome === 'suspended'
    ? new ProblemError('account_suspended', 'A host has suspended this account.')
    : new ProblemError('approval_pending', 'A host has not let this account in yet.')

/** The answer of a finished sign-in. @throws ProblemError `account_suspended`, `approval_pending` */
export const answerSignIn = async (
  { db }: Pick<IdentityParts, 'db'>,
  account: string,
  proven: ProvenSignIn,
  usedBackupCode: boolean,
) => {
  if (proven.outcome !== 'signed-in') throw notAdmitted(proven.outcome)
  const { token, cookie } = handOver(proven.session)
  const left = usedBackupCode ? await countBackupCodes(db, account) : undefined
  const answer = {
    next: 'signed-in' as const,
    account,
    log: proven.log,
    session: proven.session.id,
    expiresAt: proven.session.expiresAt,
    ...(token === undefined ? {} : { token }),
    ...(left !== undefined && left <= fewCodes ? { backupCodesLeft: left } : {}),
  }
  return { answer, cookie }
}

export const signInFailed = (): ProblemError =>
  new ProblemError('sign_in_failed', 'The sign-in failed.')

export const signInExpired = (): ProblemError =>
  new ProblemError('sign_in_expired', 'This took too long, or was used already. Begin again.')
