import { ProblemError } from '@hearthold/contract'
import { inTransaction } from '#platform/db/index.ts'
import type { Caller } from './deps.ts'
import { checkGuesses, onAddress, takeGuess } from './guesses.ts'
import type { SetUpState } from './instance.ts'
import { getOpenInvitation } from './invitations.ts'
import type { IdentityParts } from './parts.ts'
import { beginUninvited } from './registration.ts'
import { withoutInvitation } from './registration-store.ts'
import {
  answerSignUp,
  answerWithSession,
  finishSignUp,
  setUpDone,
  type SignUpFinish,
} from './sign-up-finish.ts'
import { type SignUpStart, startSignUp } from './sign-up-start.ts'

type WithToken = { token: string }
type WithInvitation = { invitation?: string }

const checkSetUpToken = async (
  { db, clock }: IdentityParts,
  setUp: SetUpState,
  token: string,
  caller: Caller,
): Promise<void> => {
  const counted = onAddress(caller.address)
  await checkGuesses(db, clock.now(), counted)
  if (!setUp.needed()) throw setUpDone()
  if (setUp.fits(token)) return
  await inTransaction(db, (trx) => takeGuess(trx, clock.now(), counted))
  throw new ProblemError('set_up_token_wrong', 'This is not the token of this start of the server.')
}

/**
 * Sign-up in two halves, by the set-up token, an invitation, or open registration. Between them lies one row with what the server must
 * remember, for half an hour; what makes an account is written in one transaction with its log, so that password and
 * second factor come together or not at all, and cancelling needs no request.
 */
export const signUpService = (parts: IdentityParts, setUp: SetUpState) => ({
  startSetUp: async ({ token, ...wanted }: SignUpStart & WithToken, caller: Caller) => {
    await checkSetUpToken(parts, setUp, token, caller)
    return startSignUp(parts, wanted, { role: 'host', invitation: null }, caller)
  },
  finishSetUp: async (
    { token, instanceName, ...body }: SignUpFinish & WithToken & { instanceName: string },
    caller: Caller,
  ) => {
    await checkSetUpToken(parts, setUp, token, caller)
    const { made, entry } = await finishSignUp(parts, body, { instanceName }, caller)
    if (!('session' in entry)) throw new Error('The first host waits for nobody.')
    setUp.finished(instanceName)
    return answerWithSession(made, entry.session)
  },
  startSignUp: async ({ invitation, ...wanted }: SignUpStart & WithInvitation, caller: Caller) => {
    if (invitation === undefined) {
      await beginUninvited(parts, caller)
      return startSignUp(parts, wanted, { role: 'member', invitation: withoutInvitation }, caller)
    }
    const { id, role } = await getOpenInvitation(parts, invitation, caller)
    return startSignUp(parts, wanted, { role, invitation: id }, caller)
  },
  finishSignUp: async ({ invitation, ...body }: SignUpFinish & WithInvitation, caller: Caller) => {
    if (invitation === undefined)
      return answerSignUp(await finishSignUp(parts, body, { uninvited: true }, caller))
    const { id } = await getOpenInvitation(parts, invitation, caller)
    return answerSignUp(await finishSignUp(parts, body, { invitation: id }, caller))
  },
})
