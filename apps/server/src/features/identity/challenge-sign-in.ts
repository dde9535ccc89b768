import { methodType, randomBytes, fromHex, toHex, verifySignInChallenge } from '@hearthold/crypto'
import { inTransaction } from '#platform/db/index.ts'
import type { Caller } from './deps.ts'
import {
  checkGuesses,
  type GuessKind,
  onAccount,
  onAddress,
  returnGuess,
  takeGuess,
} from './guesses.ts'
import { findByLocator, findMethod } from './methods-store.ts'
import type { IdentityParts } from './parts.ts'
import { stableId } from './peppered.ts'
import {
  admit,
  answerSignIn,
  type ProvenSignIn,
  signInExpired,
  signInFailed,
  type TransportWanted,
} from './sign-in.ts'
import { insertStep, newStepId, type Step, takeStep } from './step-store.ts'

const challengeMs = 60_000

/**
 * Sign-in by a key that answers a challenge: the recovery key, or a device. No second factor is asked: both are 160
 * bits and more. Unknown locators and methods get a challenge too, and then fail.
 */
export const challengeSignInService = (parts: IdentityParts) => {
  const { db, clock, keys } = parts
  const { peppers, signingKey } = keys.secrets

  /** An unfinished challenge counts on its address only: nobody can lock out a key by asking for challenges. */
  const begin = async (
    kind: GuessKind & Step['kind'],
    account: string,
    method: string,
    caller: Caller,
  ) => {
    const now = clock.now()
    const challenge = randomBytes(32)
    const id = newStepId()
    await inTransaction(db, async (trx) => {
      await checkGuesses(trx, now, onAccount(account, kind))
      await takeGuess(trx, now, onAddress(caller.address))
      await insertStep(trx, {
        id,
        kind,
        account,
        method,
        state: challenge,
        expires_at: now + challengeMs,
      })
    })
    return { signIn: id, challenge: toHex(challenge) }
  }

  const startRecovery = async ({ locator }: { locator: string }, caller: Caller) => {
    const bytes = fromHex(locator)
    const found = await findByLocator(db, bytes)
    const fakeAccount = stableId(peppers, 'hearthold/v1/fake-recovery-account', bytes)
    const fakeMethod = stableId(peppers, 'hearthold/v1/fake-recovery-method', bytes)
    const account = found?.account ?? fakeAccount
    const method = found?.method ?? fakeMethod
    return { ...(await begin('recovery', account, method, caller)), account, method }
  }

  /** Whether there is such a method is not even asked here, so nothing can tell. */
  const startDevice = (wanted: { account: string; method: string }, caller: Caller) =>
    begin('device', wanted.account, wanted.method, caller)

  /** Whether the key of the method answered; for a method that is not there some other key is asked, in vain. */
  const isAnswered = async (step: Step, signature: string): Promise<boolean> => {
    const method = step.method ?? ''
    const row = await findMethod(db, step.account, method)
    const fits =
      row !== undefined &&
      row.type === (step.kind === 'recovery' ? methodType.recovery : methodType.device)
    const valid = await verifySignInChallenge(
      fits ? row.auth_key : signingKey,
      fromHex(signature),
      { account: fromHex(step.account), id: fromHex(method) },
      step.state,
    )
    return fits && valid
  }

  const finish = async (
    body: { signIn: string; signature: string } & TransportWanted,
    caller: Caller,
  ) => {
    const now = clock.now()
    const kinds = ['recovery', 'device'] as const
    // Taken before it is checked: a challenge is answered once, rightly or wrongly.
    const step = await inTransaction(db, (trx) => takeStep(trx, body.signIn, kinds, now))
    if (!step) throw signInExpired()
    const kind = step.kind === 'recovery' ? 'recovery' : 'device'
    if (!(await isAnswered(step, body.signature))) {
      await inTransaction(db, (trx) => takeGuess(trx, now, onAccount(step.account, kind)))
      throw signInFailed()
    }
    const outcome = await inTransaction(db, async (trx): Promise<ProvenSignIn | 'gone'> => {
      // It may have been removed since.
      if (!(await findMethod(trx, step.account, step.method ?? ''))) return 'gone'
      await returnGuess(trx, onAddress(caller.address))
      return admit(parts, trx, {
        account: step.account,
        method: kind,
        transport: body.transport,
        stay: body.staySignedIn ?? false,
        ...(kind === 'device' && step.method !== null ? { device: step.method } : {}),
        caller,
      })
    })
    if (outcome === 'gone') throw signInFailed()
    return answerSignIn(parts, step.account, outcome, false)
  }

  return { startRecovery, startDevice, finish }
}
