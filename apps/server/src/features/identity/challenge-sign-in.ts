import { fromHex, methodType, randomBytes, toHex, verifySignInChallenge } from '@hearthold/crypto'
import { inTransaction } from '#platform/db/index.ts'
import type { Caller } from './deps.ts'
import {
  checkGuesses,
  type Counted,
  onAccount,
  onAddress,
  onDevice,
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
const kinds = ['recovery', 'device'] as const
type Kind = (typeof kinds)[number]
type Finish = { signIn: string; signature: string } & TransportWanted

const onMethod = (kind: Kind, account: string, method: string): Counted =>
  kind === 'device' ? onDevice(account, method) : onAccount(account, kind)

/**
 * A challenge for a method, real or not. One that nobody answers counts on its address only: nobody can lock out a
 * key by asking for challenges.
 */
const begin = async (
  { db, clock }: IdentityParts,
  kind: Kind,
  { account, method }: { account: string; method: string },
  caller: Caller,
) => {
  const now = clock.now()
  const challenge = randomBytes(32)
  const id = newStepId()
  const expires_at = now + challengeMs
  await inTransaction(db, async (trx) => {
    await checkGuesses(trx, now, onMethod(kind, account, method))
    await takeGuess(trx, now, onAddress(caller.address))
    await insertStep(trx, { id, kind, account, method, state: challenge, expires_at })
  })
  return { signIn: id, challenge: toHex(challenge) }
}

/** An unknown locator has an account and a method of its own, the same each time. */
const startRecovery = async (parts: IdentityParts, locator: string, caller: Caller) => {
  const { peppers } = parts.keys.secrets
  const bytes = fromHex(locator)
  const found = await findByLocator(parts.db, bytes)
  // Computed for real ones too, so that both take the same time.
  const fake = {
    account: stableId(peppers, 'hearthold/v1/fake-recovery-account', bytes),
    method: stableId(peppers, 'hearthold/v1/fake-recovery-method', bytes),
  }
  const { account, method } = found ?? fake
  return { ...(await begin(parts, 'recovery', { account, method }, caller)), account, method }
}

/** Whether the key of the method answered; for a method that is not there some other key is asked, in vain. */
const isAnswered = async (
  { db, keys }: IdentityParts,
  step: Step,
  kind: Kind,
  signature: string,
): Promise<boolean> => {
  const method = step.method ?? ''
  const row = await findMethod(db, step.account, method)
  const fits = row?.type === methodType[kind]
  const valid = await verifySignInChallenge(
    row && fits ? row.auth_key : keys.secrets.signingKey,
    fromHex(signature),
    { account: fromHex(step.account), id: fromHex(method) },
    step.state,
  )
  return fits && valid
}

const finish = async (parts: IdentityParts, body: Finish, caller: Caller) => {
  const { db, clock } = parts
  const now = clock.now()
  // Taken before it is checked: a challenge is answered once, rightly or wrongly.
  const step = await inTransaction(db, (trx) => takeStep(trx, body.signIn, kinds, now))
  if (!step) throw signInExpired()
  const { account } = step
  const kind = step.kind === 'recovery' ? 'recovery' : 'device'
  if (!(await isAnswered(parts, step, kind, body.signature))) {
    const counted = onMethod(kind, account, step.method ?? '')
    await inTransaction(db, (trx) => takeGuess(trx, now, counted))
    throw signInFailed()
  }
  const outcome = await inTransaction(db, async (trx): Promise<ProvenSignIn | 'gone'> => {
    // It may have been removed since.
    if (!(await findMethod(trx, account, step.method ?? ''))) return 'gone'
    await returnGuess(trx, onAddress(caller.address))
    const { transport, staySignedIn: stay = false } = body
    // A device may be in other hands: its proof replaces no authenticator.
    const more =
      kind === 'recovery'
        ? { proves: 'strong' as const }
        : step.method === null
          ? {}
          : { device: step.method }
    return admit(parts, trx, { account, method: kind, transport, stay, ...more, caller })
  })
  if (outcome === 'gone') throw signInFailed()
  return answerSignIn(parts, account, outcome, false)
}

/**
 * Sign-in by a key that answers a challenge: the recovery key, or a device. No second factor is asked: both have 160
 * bits and more.
 */
export const challengeSignInService = (parts: IdentityParts) => ({
  startRecovery: ({ locator }: { locator: string }, caller: Caller) =>
    startRecovery(parts, locator, caller),
  /** Whether there is such a method is not even asked here, so nothing can tell. */
  startDevice: (wanted: { account: string; method: string }, caller: Caller) =>
    begin(parts, 'device', wanted, caller),
  finish: (body: Finish, caller: Caller) => finish(parts, body, caller),
})
