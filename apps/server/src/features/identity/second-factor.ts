import { ProblemError } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import { findTotp, useTotpStep } from './account-store.ts'
import { useBackupCode } from './backup-codes.ts'
import type { Caller, Trx } from './deps.ts'
import { onAccount, onAddress, returnGuess, takeGuess } from './guesses.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { findSession } from './session-store.ts'
import { checkFreshProof, hasStrongProof } from './sessions.ts'
import { isTotpCode, matchTotp } from './totp.ts'

/** What a code was; undefined for a wrong one, a used one, and where there is no second factor. */
export type SecondFactor = 'totp' | 'backup-code'

/** Checks a code and uses it up in this transaction. A backup code stands in for the app and never unlocks keys. */
export const useSecondFactor = async (
  { keys, clock }: Pick<IdentityParts, 'keys' | 'clock'>,
  trx: Trx,
  account: string,
  code: string,
): Promise<SecondFactor | undefined> => {
  const typed = code.replaceAll(' ', '')
  if (!isTotpCode(typed))
    return (await useBackupCode(trx, keys.secrets.peppers, account, typed))
      ? 'backup-code'
      : undefined
  const totp = await findTotp(trx, account)
  if (!totp) return undefined
  const secret = await keys.service.open(trx, totpPlace(account), totp.sealed_secret)
  const step = matchTotp(secret, typed, clock.now())
  return step !== undefined && (await useTotpStep(trx, account, step)) ? 'totp' : undefined
}

export const secondFactorNeeded = (): ProblemError =>
  new ProblemError(
    'second_factor_needed',
    'This asks for a code of the authenticator or a backup code, or for a fresh proof by recovery key or a passkey that unlocks.',
  )
export const secondFactorWrong = (): ProblemError =>
  new ProblemError('second_factor_wrong', 'This code is wrong or was used already.')

/**
 * Whether a session may replace the authenticator or its backup codes (ID-4): beside a fresh proof it needs a code,
 * unless that proof was stronger or there is no authenticator. A wrong code counts as a guess, so let the transaction
 * commit and throw `secondFactorWrong` after it.
 * @throws ProblemError `step_up_needed`, `second_factor_needed`, `locked_out`
 */
export const confirmSecondFactor = async (
  parts: IdentityParts,
  trx: Trx,
  { account, sessionId }: Pick<SessionContext, 'account' | 'sessionId'>,
  code: string | undefined,
  caller: Caller,
): Promise<'right' | 'wrong'> => {
  const now = parts.clock.now()
  const row = checkFreshProof(await findSession(trx, sessionId), now)
  if (hasStrongProof(row, now) || !(await findTotp(trx, account))) return 'right'
  if (code === undefined) throw secondFactorNeeded()
  const counted = [onAddress(caller.address), onAccount(account, 'totp')]
  await takeGuess(trx, now, ...counted)
  if (!(await useSecondFactor(parts, trx, account, code))) return 'wrong'
  await returnGuess(trx, ...counted)
  return 'right'
}

/**
 * The same for an act of another feature: passes, or throws.
 * @throws ProblemError `step_up_needed`, `second_factor_needed`, `second_factor_wrong`, `locked_out`
 */
export const checkSecondFactor = async (
  parts: IdentityParts,
  session: SessionContext,
  code: string | undefined,
  caller: Caller,
): Promise<void> => {
  const outcome = await inTransaction(parts.db, (trx) =>
    confirmSecondFactor(parts, trx, session, code, caller),
  )
  if (outcome === 'wrong') throw secondFactorWrong()
}
