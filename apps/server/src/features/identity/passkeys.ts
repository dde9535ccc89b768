import { type PasskeyRegistration, ProblemError } from '@hearthold/contract'
import { fromB64 } from '@hearthold/crypto'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import { findAccount } from './account-store.ts'
import { checkProof, insertChange } from './credentials.ts'
import type { Trx } from './deps.ts'
import type { IdentityParts } from './parts.ts'
import { getPasskeySite } from './passkey-site.ts'
import {
  checkPasskeyRoom,
  deletePasskey,
  insertPasskey,
  labelPasskey,
  listPasskeyRows,
} from './passkey-store.ts'
import {
  creationOptions,
  type NewPasskey,
  newPasskeyChallenge,
  verifyPasskeyRegistration,
} from './passkey-verify.ts'
import { findSession, removeSessions } from './session-store.ts'
import { checkFreshProof } from './sessions.ts'
import { signInExpired } from './sign-in.ts'
import { findStep, takeStep, voidSignIns } from './step-store.ts'

/** A passkey as it comes with the change that was begun for it. */
export type PasskeyAddition = {
  change: string
  registration: PasskeyRegistration
  label?: string
}

/** What is verified and ready to be stored. */
export type VerifiedPasskey = {
  readonly change: string
  readonly made: NewPasskey
  readonly label: Uint8Array | null
}

const changeKinds = ['passkey-change'] as const
const notFound = (): ProblemError => new ProblemError('not_found', 'There is no such passkey.')

/** @throws ProblemError `bad_request` for what is no label */
export const readLabel = (label: string | undefined): Uint8Array | null => {
  if (label === undefined) return null
  try {
    return fromB64(label)
  } catch {
    throw new ProblemError('bad_request', 'The label is not base64url.')
  }
}

const startChange = async (parts: IdentityParts, session: SessionContext) => {
  const site = getPasskeySite(parts)
  await checkProof(parts, session)
  const { db } = parts
  const row = await findAccount(db, session.account)
  if (!row) throw new ProblemError('unauthenticated', 'This session has ended.')
  const known = await listPasskeyRows(db, row.account)
  checkPasskeyRoom(known)
  const challenge = newPasskeyChallenge()
  const change = await insertChange(parts, session, { kind: 'passkey-change', state: challenge })
  const name = await parts.openName(db, row.account, row.sealed_name)
  return {
    change,
    options: creationOptions(site, challenge, { account: row.account, name, known }),
  }
}

/** Checks an addition outside of a transaction; `storePasskey` uses the change up. */
export const verifyAddition = async (
  parts: IdentityParts,
  session: SessionContext,
  { change, registration, label }: PasskeyAddition,
): Promise<VerifiedPasskey> => {
  const site = getPasskeySite(parts)
  const step = await findStep(parts.db, change, changeKinds, parts.clock.now())
  if (!step || step.session !== session.sessionId) throw signInExpired()
  const made = await verifyPasskeyRegistration(site, step.state, registration)
  return { change, made, label: readLabel(label) }
}

export const storePasskey = async (
  { clock }: IdentityParts,
  trx: Trx,
  account: string,
  { change, made, label }: VerifiedPasskey,
): Promise<void> => {
  const now = clock.now()
  if (!(await takeStep(trx, change, changeKinds, now))) throw signInExpired()
  await insertPasskey(trx, account, made, { label, now })
}

/** Adding and removing one ends the other sessions, as every change of methods does (ID-11). */
const changed = async (trx: Trx, { account, sessionId }: SessionContext): Promise<string[]> => {
  await voidSignIns(trx, account)
  return removeSessions(trx, { account, except: sessionId })
}

const add = async (parts: IdentityParts, session: SessionContext, body: PasskeyAddition) => {
  const { db, clock, events } = parts
  await checkProof(parts, session)
  const verified = await verifyAddition(parts, session, body)
  const ended = await inTransaction(db, async (trx) => {
    checkFreshProof(await findSession(trx, session.sessionId), clock.now())
    await storePasskey(parts, trx, session.account, verified)
    return changed(trx, session)
  })
  events.ended(ended)
  return { passkey: verified.made.passkey, sessionsEnded: ended.length }
}

const remove = async (parts: IdentityParts, session: SessionContext, passkey: string) => {
  const { db, clock, events } = parts
  const { account } = session
  const ended = await inTransaction(db, async (trx) => {
    const row = (await listPasskeyRows(trx, account)).find((one) => one.passkey === passkey)
    if (!row) throw notFound()
    checkFreshProof(await findSession(trx, session.sessionId), clock.now())
    if (row.canUnlock)
      throw new ProblemError(
        'method_required',
        'This passkey unlocks the account: it goes with its method, by a new signed state.',
      )
    await deletePasskey(trx, account, passkey)
    return changed(trx, session)
  })
  events.ended(ended)
  return { sessionsEnded: ended.length }
}

/** The passkeys of one's own account. */
export const passkeysService = (parts: IdentityParts) => ({
  list: async ({ account }: SessionContext) => {
    const rows = await listPasskeyRows(parts.db, account)
    const passkeys = rows.map((row) => ({
      passkey: row.passkey,
      label: row.label && Buffer.from(row.label).toString('base64url'),
      canUnlock: row.canUnlock,
      synced: row.synced === 1,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
    }))
    return { passkeys }
  },
  startChange: (session: SessionContext) => startChange(parts, session),
  add: (session: SessionContext, body: PasskeyAddition) => add(parts, session, body),
  rename: async ({ account }: SessionContext, passkey: string, body: { label: string }) => {
    const label = readLabel(body.label) ?? new Uint8Array()
    const known = await inTransaction(parts.db, (trx) => labelPasskey(trx, account, passkey, label))
    if (!known) throw notFound()
    return { passkey }
  },
  remove: (session: SessionContext, passkey: string) => remove(parts, session, passkey),
})
