import { type PasskeyAssertion, ProblemError } from '@hearthold/contract'
import { passkeyId, toHex } from '@hearthold/crypto'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import type { Caller, Trx } from './deps.ts'
import { checkGuesses, onPasskey, onPasskeyAddress, takeGuess } from './guesses.ts'
import type { IdentityParts } from './parts.ts'
import { getPasskeySite, type PasskeySite } from './passkey-site.ts'
import { findPasskey, listPasskeyRows, type PasskeyRow, usePasskey } from './passkey-store.ts'
import {
  credentialOf,
  newPasskeyChallenge,
  passkeyChallengeMs,
  type PasskeyUse,
  requestOptions,
  verifyPasskeyAssertion,
} from './passkey-verify.ts'
import { updateSession } from './session-store.ts'
import {
  admit,
  answerSignIn,
  signInExpired,
  signInFailed,
  type TransportWanted,
} from './sign-in.ts'
import { insertStep, newStepId, type Step, takeStep } from './step-store.ts'

type Answered = { signIn: string; assertion: PasskeyAssertion }

/** Nobody is known yet: the challenge is of no account. */
const noAccount = ''

/** A challenge tells nothing and guesses nothing: only answers count, and whoever has failed too often gets none. */
const start = async (parts: IdentityParts, caller: Caller) => {
  const { db, clock } = parts
  const site = getPasskeySite(parts)
  const now = clock.now()
  const challenge = newPasskeyChallenge()
  const id = newStepId()
  const expires_at = now + passkeyChallengeMs
  await inTransaction(db, async (trx) => {
    await checkGuesses(trx, now, onPasskeyAddress(caller.address))
    await insertStep(trx, { id, kind: 'passkey', account: noAccount, state: challenge, expires_at })
  })
  return { signIn: id, options: requestOptions(site, challenge, []) }
}

/** Taken before the answer is checked: a challenge is answered once, rightly or wrongly. */
const takeChallenge = async (
  { db, clock }: IdentityParts,
  signIn: string,
  wanted: { kind: 'passkey' } | { kind: 'passkey-unlock'; session: string },
): Promise<Step> => {
  const step = await inTransaction(db, (trx) => takeStep(trx, signIn, [wanted.kind], clock.now()))
  const session = 'session' in wanted ? wanted.session : null
  if (!step || step.session !== session) throw signInExpired()
  return step
}

type Proven = { readonly row: PasskeyRow; readonly use: PasskeyUse }

/** `of`: whose passkey it must be; undefined before sign-in, when the passkey says whose it is. */
const prove = async (
  { db, clock }: IdentityParts,
  site: PasskeySite,
  { state: challenge }: Step,
  assertion: PasskeyAssertion,
  { caller, of }: { caller: Caller; of: string | undefined },
): Promise<Proven> => {
  const now = clock.now()
  const credential = credentialOf(assertion)
  const found = credential && (await findPasskey(db, toHex(passkeyId(credential))))
  // Another member's passkey is as unknown here as any.
  const row = found && (of === undefined || found.account === of) ? found : undefined
  const counted = [
    onPasskeyAddress(caller.address),
    ...(row ? [onPasskey(row.account, row.passkey)] : []),
  ]
  await checkGuesses(db, now, ...counted)
  const named = of === undefined
  const use = row && (await verifyPasskeyAssertion(site, challenge, assertion, row, { named }))
  if (row && use) return { row, use }
  await inTransaction(db, (trx) => takeGuess(trx, now, ...counted))
  throw signInFailed()
}

/**
 * One that unlocks is in the state that the account's root key signed: its proof is strong. One that only signs in was
 * added by a session alone, which may have been a stolen one: it proves nothing for changes of methods, so that it
 * neither takes the second factor over nor adds others like it.
 */
const canUnlock = async (trx: Trx, { account, passkey }: PasskeyRow): Promise<boolean> =>
  (await listPasskeyRows(trx, account)).some((row) => row.passkey === passkey && row.canUnlock)

const finish = async (parts: IdentityParts, body: Answered & TransportWanted, caller: Caller) => {
  const site = getPasskeySite(parts)
  const step = await takeChallenge(parts, body.signIn, { kind: 'passkey' })
  const proven = await prove(parts, site, step, body.assertion, { caller, of: undefined })
  const { row, use } = proven
  const { account } = row
  const done = await inTransaction(parts.db, async (trx) => {
    // It may have been removed since, or a copy of it was faster.
    if (!(await usePasskey(trx, row, use, parts.clock.now()))) return undefined
    const { transport, staySignedIn: stay = false } = body
    const unlocks = await canUnlock(trx, row)
    const proves = unlocks ? 'strong' : 'nothing'
    const wanted = { account, method: 'passkey', transport, stay, caller, proves } as const
    return { admitted: await admit(parts, trx, wanted), unlocks }
  })
  if (!done) throw signInFailed()
  const { answer, cookie } = await answerSignIn(parts, account, done.admitted, false)
  return { answer: { ...answer, canUnlock: done.unlocks }, cookie }
}

const startUnlock = async (parts: IdentityParts, session: SessionContext, caller: Caller) => {
  const { db, clock } = parts
  const site = getPasskeySite(parts)
  const { account, sessionId } = session
  const now = clock.now()
  const challenge = newPasskeyChallenge()
  const id = newStepId()
  const rows = await inTransaction(db, async (trx) => {
    const known = (await listPasskeyRows(trx, account)).filter((row) => row.canUnlock)
    if (known.length === 0)
      throw new ProblemError('method_required', 'This account has no passkey that unlocks.')
    await checkGuesses(trx, now, onPasskeyAddress(caller.address))
    await insertStep(trx, {
      ...{ id, kind: 'passkey-unlock', account, session: sessionId, state: challenge },
      expires_at: now + passkeyChallengeMs,
    })
    return known
  })
  return { signIn: id, options: requestOptions(site, challenge, rows) }
}

const finishUnlock = async (
  parts: IdentityParts,
  session: SessionContext,
  body: Answered,
  caller: Caller,
) => {
  const site = getPasskeySite(parts)
  const kind = { kind: 'passkey-unlock', session: session.sessionId } as const
  const step = await takeChallenge(parts, body.signIn, kind)
  const { account: of } = session
  const { row, use } = await prove(parts, site, step, body.assertion, { caller, of })
  const now = parts.clock.now()
  const unlocks = await inTransaction(parts.db, async (trx) => {
    if (!(await usePasskey(trx, row, use, now))) return undefined
    const strong = await canUnlock(trx, row)
    if (strong) await updateSession(trx, session.sessionId, { proof_at: now, strong_proof_at: now })
    return strong
  })
  if (unlocks === undefined) throw signInFailed()
  return { fresh: unlocks, canUnlock: unlocks }
}

/**
 * Sign-in by a passkey, without a name, and fresh proofs by one. Its user was verified by the authenticator, so no
 * second factor is asked.
 */
export const passkeySignInService = (parts: IdentityParts) => ({
  start: (caller: Caller) => start(parts, caller),
  finish: (body: Answered & TransportWanted, caller: Caller) => finish(parts, body, caller),
  startUnlock: (session: SessionContext, caller: Caller) => startUnlock(parts, session, caller),
  finishUnlock: (session: SessionContext, body: Answered, caller: Caller) =>
    finishUnlock(parts, session, body, caller),
})
