import { ProblemError } from '@hearthold/contract'
import { inTransaction } from '#platform/db/index.ts'
import { findPasswordByName } from './account-store.ts'
import type { Caller } from './deps.ts'
import { checkGuesses, onAccount, onAddress, returnGuess, takeGuess } from './guesses.ts'
import { comparedName } from './names.ts'
import type { IdentityParts } from './parts.ts'
import { nameLabel, pepperedEver, stableId } from './peppered.ts'
import { type SecondFactor, useSecondFactor } from './second-factor.ts'
import {
  admit,
  answerSignIn,
  type ProvenSignIn,
  signInExpired,
  signInFailed,
  type TransportWanted,
} from './sign-in.ts'
import { insertStep, newStepId, takeStep } from './step-store.ts'

/** A login state lives for a minute; a right password waits five for its second factor. */
export const loginStateMs = 60_000
const secondFactorMs = 5 * 60_000
const codeTriesLimit = 5
const nothing = new Uint8Array(0)

type Start = { name: string; startLoginRequest: string }
type Finish = { signIn: string; finishLoginRequest: string }
type Code = { pending: string; code: string } & TransportWanted

/**
 * The first OPAQUE message. Whether a name exists shows nowhere: an unknown one has an account id of its own, stable
 * per name, is counted and locked out like a real one, and fails at the end as a wrong password does.
 */
const start = (parts: IdentityParts, body: Start, caller: Caller) => {
  const { db, clock, keys, opaque } = parts
  const { peppers } = keys.secrets
  const indexes = pepperedEver(peppers, nameLabel, comparedName(body.name))
  // Computed for real names too, so that both take the same time.
  const fake = stableId(peppers, 'hearthold/v1/fake-account', indexes.at(-1)!)
  const now = clock.now()
  const id = newStepId()
  return inTransaction(db, async (trx) => {
    // Read in here: a password that is changed meanwhile must not be proven by a record of the old one.
    const found = await findPasswordByName(trx, indexes)
    const account = found?.account ?? fake
    await takeGuess(trx, now, onAddress(caller.address), onAccount(account, 'password'))
    const login = opaque.startLogin(account, found, body.startLoginRequest)
    await insertStep(trx, {
      id,
      kind: 'password',
      account,
      state: await parts.sealState({ id, account }, login.state),
      expires_at: now + loginStateMs,
    })
    return { signIn: id, account, loginResponse: login.loginResponse, ksf: 1 as const }
  })
}

const finish = async (parts: IdentityParts, body: Finish, caller: Caller) => {
  const now = parts.clock.now()
  const pending = newStepId()
  // What the failed step leaves behind must be committed: the outcome is thrown outside.
  const outcome = await inTransaction(parts.db, async (trx) => {
    const step = await takeStep(trx, body.signIn, ['password'], now)
    if (!step) return 'expired'
    const state = await parts.openState(step)
    if (!parts.opaque.finishLogin(state, body.finishLoginRequest)) return 'failed'
    await returnGuess(trx, onAddress(caller.address), onAccount(step.account, 'password'))
    await insertStep(trx, {
      id: pending,
      kind: 'second-factor',
      account: step.account,
      state: nothing,
      expires_at: now + secondFactorMs,
    })
    return 'right'
  })
  if (outcome === 'expired') throw signInExpired()
  if (outcome === 'failed') throw signInFailed()
  return { next: 'second-factor' as const, pending }
}

type Coded = { account: string; proven: ProvenSignIn; factor: SecondFactor }

const useCode = (parts: IdentityParts, body: Code, caller: Caller) =>
  inTransaction(parts.db, async (trx): Promise<Coded | 'expired' | 'wrong'> => {
    const now = parts.clock.now()
    const step = await takeStep(trx, body.pending, ['second-factor'], now)
    if (!step) return 'expired'
    const { account } = step
    const counted = [onAddress(caller.address), onAccount(account, 'totp')]
    await checkGuesses(trx, now, ...counted)
    const factor = await useSecondFactor(parts, trx, account, body.code)
    if (!factor) {
      // Checking and counting are one transaction: nobody comes between.
      await takeGuess(trx, now, ...counted)
      const tries = step.tries + 1
      if (tries < codeTriesLimit) await insertStep(trx, { ...step, tries })
      return 'wrong'
    }
    const { transport, staySignedIn: stay = false } = body
    const proven = await admit(parts, trx, { account, method: 'password', transport, stay, caller })
    return { account, proven, factor }
  })

const finishSecondFactor = async (parts: IdentityParts, body: Code, caller: Caller) => {
  const outcome = await useCode(parts, body, caller)
  if (outcome === 'expired') throw signInExpired()
  if (outcome === 'wrong')
    throw new ProblemError('second_factor_wrong', 'This code is wrong or was used already.')
  const { account, proven, factor } = outcome
  return answerSignIn(parts, account, proven, factor === 'backup-code')
}

/** Sign-in by OPAQUE and a second factor. */
export const passwordSignInService = (parts: IdentityParts) => ({
  start: (body: Start, caller: Caller) => start(parts, body, caller),
  finish: (body: Finish, caller: Caller) => finish(parts, body, caller),
  secondFactor: (body: Code, caller: Caller) => finishSecondFactor(parts, body, caller),
})
