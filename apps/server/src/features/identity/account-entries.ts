import { ProblemError } from '@hearthold/contract'
import {
  encodeReceipts,
  fromHex,
  type LogAppend,
  type MethodRecord,
  methodType,
  toB64,
  toHex,
} from '@hearthold/crypto'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction, isUniqueViolation } from '#platform/db/index.ts'
import { type AccountChanges, readAccountChanges, readAppend } from './account-append.ts'
import { findTotp, putPassword, putTotp, removePassword, removeTotp } from './account-store.ts'
import { removeBackupCodes } from './backup-codes.ts'
import type { Caller, Trx } from './deps.ts'
import { onAccount, onAddress, returnGuess, takeGuess } from './guesses.ts'
import {
  applyMethodChanges,
  compareMethods,
  listMethods,
  type MethodChanges,
  retireMethods,
} from './methods-store.ts'
import { readPasswordRecord } from './opaque.ts'
import type { IdentityParts } from './parts.ts'
import { deletePasskey } from './passkey-store.ts'
import {
  type PasskeyAddition,
  storePasskey,
  type VerifiedPasskey,
  verifyAddition,
} from './passkeys.ts'
import { useSecondFactor } from './second-factor.ts'
import { findSession, removeSessions, updateSession } from './session-store.ts'
import { checkFreshProof } from './sessions.ts'
import { signInExpired } from './sign-in.ts'
import { takeStep, takeVerifiedTotp, voidSignIns } from './step-store.ts'

type Body = {
  append: string
  password?: { change: string; registrationRecord: string }
  passkey?: PasskeyAddition
  recoveryLocator?: string
  secondFactor?: string
}

/** What a body brings, with its passkey verified. */
type Proofs = Omit<Body, 'append' | 'passkey'> & { passkey: VerifiedPasskey | undefined }

const isPassword = ({ type }: { type: number }): boolean => type === methodType.password
const isPasskey = ({ type }: { type: number }): boolean => type === methodType.passkey
const isRecovery = ({ type }: { type: number }): boolean => type === methodType.recovery

/**
 * Another device of one's own says nothing against the sessions that are there; every other change of methods ends
 * them (ID-11).
 */
const endsOthers = ({ added, removed }: MethodChanges): boolean =>
  removed.length > 0 || added.some(({ type }) => type !== methodType.device)

/** The first log is one's own account log, which exists; whose the others are the log service checks. */
const ownPartOf = (session: SessionContext, [own]: readonly LogAppend[]): LogAppend => {
  if (!own || own.genesis || toHex(own.log) !== session.log)
    throw new ProblemError('entry_invalid', "An append here begins with one's own account log.")
  return own
}

/** The same that the endpoint of all other logs says: a way in beside it must not be wider. */
const checkFounding = ({ role }: SessionContext, appends: readonly LogAppend[]): void => {
  if (role === 'guest' && appends.some(({ genesis }) => genesis))
    throw new ProblemError('entry_refused', 'Guests have only what others share with them.')
}

/** Swaps the OPAQUE record in, which the session has registered before. */
const putNewPassword = async (
  { clock }: IdentityParts,
  trx: Trx,
  session: SessionContext,
  method: MethodRecord,
  password: Body['password'],
): Promise<void> => {
  const { account, sessionId } = session
  const now = clock.now()
  if (!password)
    throw new ProblemError('method_required', 'A new password comes with its registration.')
  const step = await takeStep(trx, password.change, ['password-change'], now)
  if (!step || step.session !== sessionId) throw signInExpired()
  const record = readPasswordRecord(password.registrationRecord)
  const setupVersion = Number(step.method)
  await putPassword(trx, account, toHex(method.id), { setupVersion, record }, now)
  if (await findTotp(trx, account)) return
  // The account had no password: its authenticator was verified just before, by this session.
  const verified = await takeVerifiedTotp(trx, sessionId, now)
  if (!verified)
    throw new ProblemError('method_required', 'A password needs an authenticator beside it.')
  await putTotp(trx, account, verified.state, Number(verified.method))
  // So that backup codes can follow: the one code that is valid now is used up.
  await updateSession(trx, sessionId, { strong_proof_at: now })
}

/** Authenticator and backup codes belong to the password, and go with it. */
const dropPassword = async (
  parts: IdentityParts,
  trx: Trx,
  account: string,
  code: string | undefined,
): Promise<void> => {
  const factor = code === undefined ? undefined : await useSecondFactor(parts, trx, account, code)
  if (!factor)
    throw new ProblemError(
      'second_factor_wrong',
      'Removing the password asks for a code of the authenticator, or a backup code.',
    )
  await removePassword(trx, account)
  await removeTotp(trx, account)
  await removeBackupCodes(trx, account)
}

/** A passkey's row comes and goes with its method. */
const changePasskeys = async (
  parts: IdentityParts,
  trx: Trx,
  account: string,
  { added, removed }: MethodChanges,
  passkey: VerifiedPasskey | undefined,
): Promise<void> => {
  for (const { method } of removed.filter(isPasskey)) await deletePasskey(trx, account, method)
  const [method, ...more] = added.filter(isPasskey)
  if (!method) return
  if (!passkey || more.length > 0)
    throw new ProblemError('method_required', 'One new passkey comes with its registration.')
  if (toHex(method.id) !== passkey.made.passkey)
    throw new ProblemError('entry_invalid', 'The method is not of the passkey that comes with it.')
  await storePasskey(parts, trx, account, passkey)
}

const changeMethods = async (
  parts: IdentityParts,
  trx: Trx,
  session: SessionContext,
  changes: MethodChanges,
  { passkey, ...body }: Proofs,
): Promise<void> => {
  const { account } = session
  checkFreshProof(await findSession(trx, session.sessionId), parts.clock.now())
  const { added, removed } = changes
  const password = added.find(isPassword)
  if (password) await putNewPassword(parts, trx, session, password, body.password)
  else if (removed.some(isPassword)) await dropPassword(parts, trx, account, body.secondFactor)
  await changePasskeys(parts, trx, account, changes, passkey)
  const { recoveryLocator } = body
  if (added.some(isRecovery) && recoveryLocator === undefined)
    throw new ProblemError('method_required', 'A new recovery key comes with its locator.')
  try {
    const locator = recoveryLocator === undefined ? undefined : fromHex(recoveryLocator)
    await applyMethodChanges(trx, account, changes, locator)
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new ProblemError('entry_refused', 'This recovery key is in use.')
  }
  await voidSignIns(trx, account)
}

/** Everything beside the log, in the transaction of its entries; answers the sessions that end with it. */
const commit = async (
  parts: IdentityParts,
  trx: Trx,
  session: SessionContext,
  { state, retired, revokes }: AccountChanges,
  body: Proofs,
): Promise<string[]> => {
  const { account, sessionId } = session
  const ended: string[] = []
  const changes = state && compareMethods(await listMethods(trx, account), state.methods)
  if (changes && changes.added.length + changes.removed.length > 0)
    await changeMethods(parts, trx, session, changes, body)
  if (revokes || (changes && endsOthers(changes)))
    ended.push(...(await removeSessions(trx, { account, except: sessionId })))
  if (body.password && !changes?.added.some(isPassword))
    throw new ProblemError('entry_invalid', 'No new password is among these entries.')
  if (body.passkey && !changes?.added.some(isPasskey))
    throw new ProblemError('entry_invalid', 'No new passkey is among these entries.')
  if (retired.length > 0) {
    await retireMethods(trx, account, retired)
    ended.push(...(await removeSessions(trx, { account, devices: retired })))
  }
  return ended
}

/** A code that comes along is a guess, until the append has succeeded or failed for another reason. */
const asGuess = async <T>(
  { db, clock }: IdentityParts,
  session: SessionContext,
  caller: Caller,
  work: () => Promise<T>,
): Promise<T> => {
  const counted = [onAddress(caller.address), onAccount(session.account, 'totp')]
  const giveBack = () => inTransaction(db, (trx) => returnGuess(trx, ...counted))
  await inTransaction(db, (trx) => takeGuess(trx, clock.now(), ...counted))
  try {
    const done = await work()
    await giveBack()
    return done
  } catch (error) {
    const wrong = error instanceof ProblemError && error.code === 'second_factor_wrong'
    if (!wrong) await giveBack()
    throw error
  }
}

const append = async (
  parts: IdentityParts,
  session: SessionContext,
  body: Body,
  caller: Caller,
) => {
  const appends = readAppend(body.append)
  const changes = readAccountChanges(ownPartOf(session, appends).entries)
  checkFounding(session, appends)
  const { passkey: addition, ...others } = body
  const passkey = addition && (await verifyAddition(parts, session, addition))
  let ended: string[] = []
  const store = () =>
    parts.logs.append({
      actor: { account: session.account, log: session.log },
      appends,
      within: async (trx) => {
        ended = await commit(parts, trx, session, changes, { ...others, passkey })
      },
    })
  const receipts =
    body.secondFactor === undefined ? await store() : await asGuess(parts, session, caller, store)
  parts.events.ended(ended)
  return { receipts: toB64(encodeReceipts(receipts)), sessionsEnded: ended.length }
}

/** Appends to one's own account log, and changes the credentials beside it in the same transaction. */
export const accountEntriesService = (parts: IdentityParts) => ({
  append: (session: SessionContext, body: Body, caller: Caller) =>
    append(parts, session, body, caller),
})
