import { ProblemError } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import { findAccount, findPassword, putTotp } from './account-store.ts'
import { replaceBackupCodes } from './backup-codes.ts'
import type { Caller } from './deps.ts'
import { onAccount, onAddress, returnGuess, takeGuess } from './guesses.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { findSession, removeSessions } from './session-store.ts'
import { checkFreshProof } from './sessions.ts'
import { signInExpired } from './sign-in.ts'
import { countTry, findStep, insertStep, newStepId, takeStep, voidSignIns } from './step-store.ts'
import { matchTotp, newTotpSecret, totpTexts } from './totp.ts'

/** A change that was begun is finished in this time, or begun again. */
export const changeMs = 30 * 60_000
const codeTriesLimit = 5
const nothing = new Uint8Array(0)

/** Changes of what the server keeps beside the account log: password, authenticator, backup codes. */
export const credentialsService = (parts: IdentityParts) => {
  const { db, clock, keys, opaque, events } = parts

  const checkProof = async (session: SessionContext): Promise<void> =>
    checkFreshProof(await findSession(db, session.sessionId), clock.now())

  /** Takes effect with the append that carries the new password's method (account-entries.ts). */
  const startPasswordChange = async (
    session: SessionContext,
    body: { registrationRequest: string },
  ) => {
    await checkProof(session)
    const { account } = session
    const { setupVersion, registrationResponse } = opaque.register(
      account,
      body.registrationRequest,
    )
    const id = newStepId()
    await inTransaction(db, (trx) =>
      insertStep(trx, {
        id,
        kind: 'password-change',
        account,
        session: session.sessionId,
        method: String(setupVersion),
        state: nothing,
        expires_at: clock.now() + changeMs,
      }),
    )
    return { change: id, registrationResponse, ksf: 1 as const }
  }

  const startTotpChange = async (session: SessionContext) => {
    await checkProof(session)
    const row = await findAccount(db, session.account)
    if (!row) throw new ProblemError('unauthenticated', 'This session has ended.')
    const { account } = row
    const secret = newTotpSecret()
    const sealed = await keys.service.seal(db, totpPlace(account), secret)
    const id = newStepId()
    await inTransaction(db, (trx) =>
      insertStep(trx, {
        id,
        kind: 'totp-change',
        account,
        session: session.sessionId,
        state: sealed,
        expires_at: clock.now() + changeMs,
      }),
    )
    const name = await parts.openName(db, account, row.sealed_name)
    return { change: id, ...totpTexts(secret, name) }
  }

  /**
   * With a password the new secret replaces the old at once and other sessions end; without one it waits, verified,
   * for the password that comes with it, since neither is saved alone.
   */
  const finishTotpChange = async (
    session: SessionContext,
    body: { change: string; totpCode: string },
    caller: Caller,
  ) => {
    await checkProof(session)
    const now = clock.now()
    const { account, sessionId } = session
    const counted = [onAddress(caller.address), onAccount(account, 'totp')]
    const outcome = await inTransaction(db, async (trx) => {
      const step = await findStep(trx, body.change, ['totp-change'], now)
      if (!step || step.session !== sessionId) return 'expired'
      await takeGuess(trx, now, ...counted)
      const secret = await keys.service.open(trx, totpPlace(account), step.state)
      const used = matchTotp(secret, body.totpCode, now)
      if (used === undefined) {
        if (step.tries + 1 >= codeTriesLimit) await takeStep(trx, step.id, [step.kind], now)
        else await countTry(trx, step.id)
        return 'wrong'
      }
      await takeStep(trx, step.id, [step.kind], now)
      await returnGuess(trx, ...counted)
      if (!(await findPassword(trx, account))) {
        await insertStep(trx, {
          id: step.id,
          kind: 'totp-verified',
          account,
          session: sessionId,
          method: String(used),
          state: step.state,
          expires_at: step.expires_at,
        })
        return { replaced: false, ended: [] }
      }
      await putTotp(trx, account, step.state, used)
      await voidSignIns(trx, account)
      return { replaced: true, ended: await removeSessions(trx, { account, except: sessionId }) }
    })
    if (outcome === 'expired') throw signInExpired()
    if (outcome === 'wrong')
      throw new ProblemError('second_factor_wrong', 'This is not the code that the app shows now.')
    events.ended(outcome.ended)
    return { replaced: outcome.replaced }
  }

  const newBackupCodes = async (session: SessionContext) => {
    await checkProof(session)
    const { account } = session
    const backupCodes = await inTransaction(db, async (trx) => {
      if (!(await findPassword(trx, account)))
        throw new ProblemError('method_required', 'Backup codes belong to a password.')
      return replaceBackupCodes(trx, keys.secrets.peppers, account)
    })
    return { backupCodes }
  }

  return { startPasswordChange, startTotpChange, finishTotpChange, newBackupCodes }
}
