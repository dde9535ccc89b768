import { ProblemError } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import { findPassword } from './account-store.ts'
import type { Caller } from './deps.ts'
import { onAccount, onAddress, returnGuess, takeGuess } from './guesses.ts'
import type { IdentityParts } from './parts.ts'
import { loginStateMs } from './password-sign-in.ts'
import { updateSession } from './session-store.ts'
import { signInExpired, signInFailed } from './sign-in.ts'
import { insertStep, newStepId, takeStep } from './step-store.ts'

/** OPAQUE for who is signed in and must unlock, or prove the password anew. Counted as a sign-in is. */
export const unlockService = (parts: IdentityParts) => {
  const { db, clock, opaque } = parts
  return {
    start: async (session: SessionContext, body: { startLoginRequest: string }, caller: Caller) => {
      const { account } = session
      const now = clock.now()
      const id = newStepId()
      return inTransaction(db, async (trx) => {
        const password = await findPassword(trx, account)
        if (!password) throw new ProblemError('method_required', 'This account has no password.')
        await takeGuess(trx, now, onAddress(caller.address), onAccount(account, 'password'))
        const login = opaque.startLogin(account, password, body.startLoginRequest)
        await insertStep(trx, {
          id,
          kind: 'unlock',
          account,
          session: session.sessionId,
          state: await parts.sealState({ id, account }, login.state),
          expires_at: now + loginStateMs,
        })
        return { signIn: id, loginResponse: login.loginResponse, ksf: 1 as const }
      })
    },

    finish: async (
      session: SessionContext,
      body: { signIn: string; finishLoginRequest: string },
      caller: Caller,
    ) => {
      const now = clock.now()
      const outcome = await inTransaction(db, async (trx) => {
        const step = await takeStep(trx, body.signIn, ['unlock'], now)
        if (!step || step.session !== session.sessionId) return 'expired'
        const state = await parts.openState(step)
        if (!opaque.finishLogin(state, body.finishLoginRequest)) return 'failed'
        await returnGuess(trx, onAddress(caller.address), onAccount(step.account, 'password'))
        await updateSession(trx, session.sessionId, { proof_at: now })
        return 'right'
      })
      if (outcome === 'expired') throw signInExpired()
      if (outcome === 'failed') throw signInFailed()
      return { fresh: true }
    },
  }
}
