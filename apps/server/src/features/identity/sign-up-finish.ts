import {
  type AnswerOf,
  type BodyOf,
  type finishSignUp as finishSignUpEndpoint,
  ProblemError,
} from '@hearthold/contract'
import {
  encodeReceipts,
  fromHex,
  IntegrityError,
  type LogAppend,
  type Receipt,
  toB64,
} from '@hearthold/crypto'
import { inTransaction, isUniqueViolation } from '#platform/db/index.ts'
import { checkFirstAppend, type FirstAppend, readAppend } from './account-append.ts'
import { findAccountByName, insertAccount, putPassword, putTotp } from './account-store.ts'
import { replaceBackupCodes } from './backup-codes.ts'
import type { Caller, Trx } from './deps.ts'
import { insertInstance } from './instance.ts'
import { useInvitation } from './invitation-store.ts'
import { invitationInvalid } from './invitations.ts'
import { applyMethodChanges } from './methods-store.ts'
import { comparedName } from './names.ts'
import { type PasswordRecord, readPasswordRecord } from './opaque.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { getPasskeySite } from './passkey-site.ts'
import { insertPasskey } from './passkey-store.ts'
import { type NewPasskey, verifyPasskeyRegistration } from './passkey-verify.ts'
import { readLabel } from './passkeys.ts'
import { nameLabel, pepperedEver } from './peppered.ts'
import { type Admission, admitUninvited } from './registration.ts'
import { withoutInvitation } from './registration-store.ts'
import { createSession, handOver, type NewSession, type SessionWanted } from './sessions.ts'
import { countSignUpTry, findSignUp, type SignUpRow, takeSignUp } from './sign-up-store.ts'
import { nameTaken } from './sign-up-start.ts'
import { matchTotp } from './totp.ts'

export type SignUpFinish = {
  signUp: string
  way: FinishWay
  append: string
  recoveryLocator: string
  transport: 'bearer' | 'cookie'
  staySignedIn?: boolean
}
type FinishWay = BodyOf<typeof finishSignUpEndpoint>['way']
type SignUpAnswer = {
  readonly answer: AnswerOf<typeof finishSignUpEndpoint>
  readonly cookie: ReturnType<typeof handOver>['cookie']
}
/** By what right: as the first host, by an invitation (its id), or because registration is open. */
export type FinishRight =
  | { readonly instanceName: string }
  | { readonly invitation: string }
  | { readonly uninvited: true }

const triesLimit = 5

const expired = (): ProblemError =>
  new ProblemError('sign_up_expired', 'This sign-up has expired. Begin again.')
export const setUpDone = (): ProblemError =>
  new ProblemError('set_up_done', 'This server is set up already.')

/** Of two at once that want the same row, one gets it; the other is told by `problem`. */
const orThrow = async (work: Promise<void>, problem: () => ProblemError): Promise<void> => {
  try {
    await work
  } catch (error) {
    throw isUniqueViolation(error) ? problem() : error
  }
}

/** An account whose name cannot be opened would spoil every list that it is in. */
const checkNameOpens = async (parts: IdentityParts, row: SignUpRow): Promise<void> => {
  try {
    await parts.openName(parts.db, row.account, row.sealed_name)
  } catch (error) {
    if (error instanceof IntegrityError) throw expired()
    throw error
  }
}

/** The sign-up as it was begun, by the same right. */
const getSignUp = async (
  parts: IdentityParts,
  id: string,
  right: FinishRight,
): Promise<SignUpRow> => {
  const row = await findSignUp(parts.db, id, parts.clock.now())
  const invitation =
    'invitation' in right ? right.invitation : 'uninvited' in right ? withoutInvitation : null
  if (!row || row.invitation !== invitation) throw expired()
  // Its key may have been shredded with an older half of the same account, which expired while this one began.
  await checkNameOpens(parts, row)
  return row
}

/** What the member signs in with, proven and ready to be stored. */
type ProvenWay =
  | {
      readonly kind: 'password'
      readonly record: PasswordRecord
      readonly sealedTotp: Uint8Array
      /** Time step of the code, which counts as used. */
      readonly step: number
    }
  | { readonly kind: 'passkey'; readonly made: NewPasskey; readonly label: Uint8Array | null }

const otherWay = (): ProblemError =>
  new ProblemError('sign_up_invalid', 'A sign-up ends in the way that it began.')

const provePassword = async (
  { db, clock, keys }: IdentityParts,
  { account, sealed_totp: sealedTotp, setup_version: setupVersion }: SignUpRow,
  way: Extract<FinishWay, { kind: 'password' }>,
): Promise<ProvenWay> => {
  if (!sealedTotp || setupVersion === null) throw otherWay()
  const record = { setupVersion, record: readPasswordRecord(way.registrationRecord) }
  const secret = await keys.service.open(db, totpPlace(account), sealedTotp)
  const step = matchTotp(secret, way.totpCode, clock.now())
  if (step === undefined)
    throw new ProblemError('second_factor_wrong', 'This is not the code that the app shows now.')
  return { kind: 'password', record, sealedTotp, step }
}

/** Each try counts; after five the sign-up is over. */
const proveWay = async (
  parts: IdentityParts,
  row: SignUpRow,
  way: FinishWay,
): Promise<ProvenWay> => {
  const tries = await inTransaction(parts.db, (trx) => countSignUpTry(trx, row.id))
  if (tries === undefined || tries > triesLimit) throw expired()
  if (way.kind === 'password') return provePassword(parts, row, way)
  if (!row.challenge) throw otherWay()
  const site = getPasskeySite(parts)
  const made = await verifyPasskeyRegistration(site, row.challenge, way.registration)
  return { kind: 'passkey', made, label: readLabel(way.label) }
}

const storeWay = async (
  parts: IdentityParts,
  trx: Trx,
  account: string,
  { first, way }: Made,
): Promise<void> => {
  const now = parts.clock.now()
  if (way.kind === 'passkey') {
    await insertPasskey(trx, account, way.made, { label: way.label, now })
    return
  }
  await putPassword(trx, account, first.wayMethod, way.record, now)
  await putTotp(trx, account, way.sealedTotp, way.step)
}

/** A name may be held under an older pepper, where the unique index does not see it. */
const isNameHeld = async (parts: IdentityParts, trx: Trx, row: SignUpRow): Promise<boolean> => {
  const { peppers } = parts.keys.secrets
  if (peppers.all.length === 1) return false
  const name = await parts.openName(trx, row.account, row.sealed_name)
  const indexes = pepperedEver(peppers, nameLabel, comparedName(name))
  return (await findAccountByName(trx, indexes)) !== undefined
}

/** What is checked and ready to be stored. */
type Made = {
  readonly first: FirstAppend
  readonly way: ProvenWay
  readonly locator: Uint8Array
  readonly session: SessionWanted
}

const storeAccount = async (
  parts: IdentityParts,
  trx: Trx,
  row: SignUpRow,
  made: Made,
  { quotaBytes, waitingUntil }: Admission,
): Promise<void> => {
  const { account, role, name_index, pepper_version, sealed_name } = row
  const now = parts.clock.now()
  if (await isNameHeld(parts, trx, row)) throw nameTaken()
  const stored = insertAccount(trx, {
    ...{ account, role, name_index, pepper_version, sealed_name },
    log: made.first.log,
    suspended: 0,
    quota_bytes: quotaBytes,
    created_at: now,
    waiting_until: waitingUntil,
  })
  await orThrow(stored, nameTaken)
  await storeWay(parts, trx, account, made)
  const changes = { added: made.first.methods, removed: [] }
  const methods = applyMethodChanges(trx, account, changes, made.locator)
  await orThrow(methods, () => new ProblemError('sign_up_invalid', 'This recovery key is in use.'))
}

/** No session where the account waits for a host. */
type Done = {
  readonly entry: { readonly session: NewSession } | { readonly waitsUntil: number }
  readonly backupCodes: string[]
}

const asInvited: Admission = { quotaBytes: null, waitingUntil: null }

/** Uses the right up. @throws ProblemError where it is none any more */
const useRight = async (
  trx: Trx,
  right: FinishRight,
  now: number,
  caller: Caller,
): Promise<Admission> => {
  if ('uninvited' in right) return admitUninvited(trx, now, caller)
  if ('instanceName' in right)
    await orThrow(insertInstance(trx, right.instanceName, now), setUpDone)
  else if (!(await useInvitation(trx, right.invitation, now))) throw invitationInvalid()
  return asInvited
}

/** All that makes an account, inside the transaction of its log: it comes whole or not at all. */
const commit = async (
  parts: IdentityParts,
  trx: Trx,
  row: SignUpRow,
  right: FinishRight,
  made: Made,
): Promise<Done> => {
  const now = parts.clock.now()
  if (!(await takeSignUp(trx, row.id))) throw expired()
  const admission = await useRight(trx, right, now, made.session.caller)
  await storeAccount(parts, trx, row, made, admission)
  // They stand in for the authenticator app, which only a password has.
  const backupCodes =
    made.way.kind === 'password'
      ? await replaceBackupCodes(trx, parts.keys.secrets.peppers, row.account)
      : []
  const { waitingUntil: waitsUntil } = admission
  const entry =
    waitsUntil === null
      ? { session: await createSession(parts, trx, made.session) }
      : { waitsUntil }
  return { entry, backupCodes }
}

const append = async (
  parts: IdentityParts,
  appends: readonly LogAppend[],
  row: SignUpRow,
  right: FinishRight,
  made: Made,
): Promise<Done & { receipts: Receipt[] }> => {
  let done: Done | undefined
  const receipts = await parts.logs.append({
    actor: { account: row.account, log: made.first.log },
    appends,
    within: async (trx) => {
      done = await commit(parts, trx, row, right, made)
    },
  })
  // Without `within` the log was there before: its account has signed up, and this is not a sign-up of it.
  if (!done) throw new ProblemError('log_exists', 'This account has signed up already.')
  return { ...done, receipts }
}

/** The second half: checks password record and code, or passkey, and first entries, and makes the account, with its first session if it need not wait. */
export const finishSignUp = async (
  parts: IdentityParts,
  body: SignUpFinish,
  right: FinishRight,
  caller: Caller,
) => {
  const row = await getSignUp(parts, body.signUp, right)
  const { account } = row
  const appends = readAppend(body.append)
  const first = checkFirstAppend(appends, {
    account,
    instanceKey: parts.keys.secrets.signingKey,
    way: body.way.kind,
  })
  const way = await proveWay(parts, row, body.way)
  if (way.kind === 'passkey' && way.made.passkey !== first.wayMethod)
    throw new ProblemError(
      'sign_up_invalid',
      'The method is not of the passkey that comes with it.',
    )
  const { transport, staySignedIn: stay = false } = body
  const { entry, backupCodes, receipts } = await append(parts, appends, row, right, {
    ...{ first, way },
    locator: fromHex(body.recoveryLocator),
    session: { account, method: 'sign-up', transport, stay, device: first.device, caller },
  })
  const made = {
    ...{ account, log: first.log, backupCodes },
    receipts: toB64(encodeReceipts(receipts)),
  }
  return { made, entry }
}

type Finished = Awaited<ReturnType<typeof finishSignUp>>

/** The answer of who is let in, with the first session. */
export const answerWithSession = (made: Finished['made'], session: NewSession) => {
  const { token, cookie } = handOver(session)
  const answer = {
    ...made,
    session: session.id,
    expiresAt: session.expiresAt,
    ...(token === undefined ? {} : { token }),
  }
  return { answer, cookie }
}

/** The answer of a sign-up, of which the account may have to wait for a host. */
export const answerSignUp = ({ made, entry }: Finished): SignUpAnswer =>
  'waitsUntil' in entry
    ? { answer: { ...made, waitsUntil: entry.waitsUntil }, cookie: undefined }
    : answerWithSession(made, entry.session)
