import { ProblemError } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import { findAccount, findPassword, putTotp } from './account-store.ts'
import { replaceBackupCodes } from './backup-codes.ts'
import type { Caller, Trx } from './deps.ts'
import { onAccount, onAddress, returnGuess, takeGuess } from './guesses.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { confirmSecondFactor, secondFactorWrong } from './second-factor.ts'
import { findSession, removeSessions } from './session-store.ts'
import { checkFreshProof } from './sessions.ts'
import { signInExpired } from './sign-in.ts'
import {
  countTry,
  findStep,
  insertStep,
  newStepId,
  type Step,
  takeStep,
  voidSignIns,
} from './step-store.ts'
import { matchTotp, newTotpSecret, totpTexts } from './totp.ts'

/** A change that was begun is finished in this time, or begun again. */
const changeMs = 30 * 60_000
const codeTriesLimit = 5
const nothing = new Uint8Array(0)

/** A code of the authenticator that is there, or a backup code. */
type SecondFactorProof = { secondFactor?: string }
type TotpFinish = { change: string; totpCode: string }

/** @throws ProblemError `step_up_needed` */
export const checkProof = async (
  { db, clock }: IdentityParts,
  session: SessionContext,
): Promise<void> => {
  checkFreshProof(await findSession(db, session.sessionId), clock.now())
}

const insertChangeIn = async (
  { clock }: IdentityParts,
  trx: Trx,
  session: SessionContext,
  change: Pick<Step, 'kind' | 'state'> & { method?: string },
): Promise<string> => {
  const id = newStepId()
  const { account, sessionId } = session
  const expires_at = clock.now() + changeMs
  await insertStep(trx, { id, account, session: sessionId, expires_at, ...change })
  return id
}

/** Begins a change of this session's. */
export const insertChange = (
  parts: IdentityParts,
  session: SessionContext,
  change: Pick<Step, 'kind' | 'state'> & { method?: string },
): Promise<string> => inTransaction(parts.db, (trx) => insertChangeIn(parts, trx, session, change))

/** Takes effect with the append that carries the new password's method (account-entries.ts). */
const startPasswordChange = async (
  parts: IdentityParts,
  session: SessionContext,
  registrationRequest: string,
) => {
  await checkProof(parts, session)
  const { setupVersion, registrationResponse } = parts.opaque.register(
    session.account,
    registrationRequest,
  )
  const change = await insertChange(parts, session, {
    kind: 'password-change',
    // The version of the OPAQUE set-up that this registration was answered with.
    method: String(setupVersion),
    state: nothing,
  })
  return { change, registrationResponse, ksf: 1 as const }
}

const startTotpChange = async (
  parts: IdentityParts,
  session: SessionContext,
  { secondFactor }: SecondFactorProof,
  caller: Caller,
) => {
  const { db, keys } = parts
  const row = await findAccount(db, session.account)
  if (!row) throw new ProblemError('unauthenticated', 'This session has ended.')
  const secret = newTotpSecret()
  const state = await keys.service.seal(db, totpPlace(row.account), secret)
  const change = await inTransaction(db, async (trx) => {
    const outcome = await confirmSecondFactor(parts, trx, session, secondFactor, caller)
    return outcome === 'right'
      ? insertChangeIn(parts, trx, session, { kind: 'totp-change', state })
      : undefined
  })
  if (change === undefined) throw secondFactorWrong()
  const name = await parts.openName(db, row.account, row.sealed_name)
  return { change, ...totpTexts(secret, name) }
}

type Verified = { readonly replaced: boolean; readonly ended: readonly string[] }

/**
 * With a password the new secret replaces the old at once and other sessions end; without one it waits, verified,
 * for the password that comes with it, since neither is saved alone.
 */
const keepTotp = async (trx: Trx, step: Step, usedStep: number): Promise<Verified> => {
  const { account, session, id, state, expires_at } = step
  if (!(await findPassword(trx, account))) {
    const kept = { session: session ?? '', method: String(usedStep), state, expires_at }
    await insertStep(trx, { id, kind: 'totp-verified', account, ...kept })
    return { replaced: false, ended: [] }
  }
  await putTotp(trx, account, state, usedStep)
  await voidSignIns(trx, account)
  return { replaced: true, ended: await removeSessions(trx, { account, except: session ?? '' }) }
}

const verifyTotp = (
  { db, clock, keys }: IdentityParts,
  session: SessionContext,
  body: TotpFinish,
  caller: Caller,
) =>
  inTransaction(db, async (trx): Promise<Verified | 'expired' | 'wrong'> => {
    const now = clock.now()
    const step = await findStep(trx, body.change, ['totp-change'], now)
    if (!step || step.session !== session.sessionId) return 'expired'
    const counted = [onAddress(caller.address), onAccount(session.account, 'totp')]
    await takeGuess(trx, now, ...counted)
    const secret = await keys.service.open(trx, totpPlace(session.account), step.state)
    const usedStep = matchTotp(secret, body.totpCode, now)
    if (usedStep === undefined) {
      if (step.tries + 1 >= codeTriesLimit) await takeStep(trx, step.id, [step.kind], now)
      else await countTry(trx, step.id)
      return 'wrong'
    }
    await takeStep(trx, step.id, [step.kind], now)
    await returnGuess(trx, ...counted)
    return keepTotp(trx, step, usedStep)
  })

const finishTotpChange = async (
  parts: IdentityParts,
  session: SessionContext,
  body: TotpFinish,
  caller: Caller,
) => {
  await checkProof(parts, session)
  const outcome = await verifyTotp(parts, session, body, caller)
  if (outcome === 'expired') throw signInExpired()
  if (outcome === 'wrong')
    throw new ProblemError('second_factor_wrong', 'This is not the code that the app shows now.')
  parts.events.ended(outcome.ended)
  return { replaced: outcome.replaced }
}

const newBackupCodes = async (
  parts: IdentityParts,
  session: SessionContext,
  { secondFactor }: SecondFactorProof,
  caller: Caller,
) => {
  const backupCodes = await inTransaction(parts.db, async (trx) => {
    const outcome = await confirmSecondFactor(parts, trx, session, secondFactor, caller)
    if (outcome === 'wrong') return undefined
    if (!(await findPassword(trx, session.account)))
      throw new ProblemError('method_required', 'Backup codes belong to a password.')
    return replaceBackupCodes(trx, parts.keys.secrets.peppers, session.account)
  })
  if (!backupCodes) throw secondFactorWrong()
  return { backupCodes }
}

/** Changes of what the server keeps beside the account log: password, authenticator, backup codes. */
export const credentialsService = (parts: IdentityParts) => ({
  startPasswordChange: (session: SessionContext, body: { registrationRequest: string }) =>
    startPasswordChange(parts, session, body.registrationRequest),
  startTotpChange: (session: SessionContext, body: SecondFactorProof, caller: Caller) =>
    startTotpChange(parts, session, body, caller),
  finishTotpChange: (session: SessionContext, body: TotpFinish, caller: Caller) =>
    finishTotpChange(parts, session, body, caller),
  newBackupCodes: (session: SessionContext, body: SecondFactorProof, caller: Caller) =>
    newBackupCodes(parts, session, body, caller),
})
