import { ProblemError } from '@hearthold/contract'
import { encodeReceipts, fromHex, randomId, toB64, toHex } from '@hearthold/crypto'
import type { Transaction } from 'kysely'
import { inTransaction, isUniqueViolation } from '#platform/db/index.ts'
import { checkFirstAppend, type FirstAppend, readAppend } from './account-append.ts'
import {
  findAccount,
  findAccountByName,
  insertAccount,
  putPassword,
  putTotp,
} from './account-store.ts'
import { replaceBackupCodes } from './backup-codes.ts'
import type { Caller, Trx } from './deps.ts'
import { checkGuesses, onAddress, takeGuess } from './guesses.ts'
import { insertInstance, type SetUpState } from './instance.ts'
import { useInvitation } from './invitation-store.ts'
import { getOpenInvitation, invitationInvalid } from './invitations.ts'
import { applyMethodChanges } from './methods-store.ts'
import { comparedName, newDisplayName } from './names.ts'
import { readPasswordRecord } from './opaque.ts'
import { type IdentityParts, totpPlace } from './parts.ts'
import { pepperedEver, pepperedNow } from './peppered.ts'
import { createSession, handOver, type NewSession } from './sessions.ts'
import {
  countSignUpTry,
  findSignUp,
  insertSignUp,
  type SignUpRow,
  takeSignUp,
} from './sign-up-store.ts'
import type { RoleText } from './tables.ts'
import { matchTotp, newTotpSecret, totpTexts } from './totp.ts'

export const nameLabel = 'hearthold/v1/name-index'
const signUpMs = 30 * 60_000
const codeTriesLimit = 5

export type SignUpStart = { name: string; account: string; registrationRequest: string }
export type SignUpFinish = {
  signUp: string
  registrationRecord: string
  totpCode: string
  append: string
  recoveryLocator: string
  transport: 'bearer' | 'cookie'
  staySignedIn?: boolean
}
/** By what right: the set-up token, or an invitation. */
type Right =
  | { readonly setUp: true; readonly instanceName: string }
  | { readonly setUp: false; readonly invitation: string }

const nameTaken = (): ProblemError => new ProblemError('name_taken', 'This name is taken.')
const expired = (): ProblemError =>
  new ProblemError('sign_up_expired', 'This sign-up has expired. Begin again.')
const setUpDone = (): ProblemError =>
  new ProblemError('set_up_done', 'This server is set up already.')

/**
 * Sign-up in two halves. Between them lies one row with what the server must remember, for half an hour; what makes
 * an account is written in one transaction with its log, so that password and second factor come together or not at
 * all, and cancelling needs no request.
 */
export const signUpService = (parts: IdentityParts, setUp: SetUpState) => {
  const { db, clock, keys, opaque, logs } = parts
  const { peppers } = keys.secrets

  const checkSetUpToken = async (token: string, caller: Caller): Promise<void> => {
    const counted = onAddress(caller.address)
    await checkGuesses(db, clock.now(), counted)
    if (!setUp.needed()) throw setUpDone()
    if (setUp.fits(token)) return
    await inTransaction(db, (trx) => takeGuess(trx, clock.now(), counted))
    throw new ProblemError(
      'set_up_token_wrong',
      'This is not the token of this start of the server.',
    )
  }

  /** Only who may sign up learns that a name is taken, and not for many names in a row. */
  const checkName = async (name: string, caller: Caller): Promise<void> => {
    const indexes = pepperedEver(peppers, nameLabel, comparedName(name))
    if (!(await findAccountByName(db, indexes))) return
    await inTransaction(db, (trx) => takeGuess(trx, clock.now(), onAddress(caller.address)))
    throw nameTaken()
  }

  const start = async (
    wanted: SignUpStart,
    right: { role: RoleText; invitation: string | null },
    caller: Caller,
  ) => {
    const name = newDisplayName(wanted.name)
    await checkName(name, caller)
    const { account } = wanted
    if (await findAccount(db, account))
      throw new ProblemError('sign_up_invalid', 'An account id is made of 16 new random bytes.')
    const { setupVersion, registrationResponse } = opaque.register(
      account,
      wanted.registrationRequest,
    )
    const index = pepperedNow(peppers, nameLabel, comparedName(name))
    const secret = newTotpSecret()
    const row: SignUpRow = {
      id: toHex(randomId()),
      invitation: right.invitation,
      account,
      name_index: index.hash,
      pepper_version: index.version,
      sealed_name: await parts.sealName(db, account, name),
      sealed_totp: await keys.service.seal(db, totpPlace(account), secret),
      setup_version: setupVersion,
      role: right.role,
      tries: 0,
      expires_at: clock.now() + signUpMs,
    }
    await inTransaction(db, (trx) => insertSignUp(trx, row))
    return {
      signUp: row.id,
      registrationResponse,
      ksf: 1 as const,
      ...totpTexts(secret, name),
      instanceKey: toHex(keys.secrets.signingKey),
      role: right.role,
      expiresAt: row.expires_at,
    }
  }

  /** The time step of the code. Each try counts; after five the sign-up is over. */
  const checkCode = async (row: SignUpRow, code: string): Promise<number> => {
    const tries = await inTransaction(db, (trx) => countSignUpTry(trx, row.id))
    if (tries === undefined || tries > codeTriesLimit) throw expired()
    const secret = await keys.service.open(db, totpPlace(row.account), row.sealed_totp)
    const step = matchTotp(secret, code, clock.now())
    if (step === undefined)
      throw new ProblemError('second_factor_wrong', 'This is not the code that the app shows now.')
    return step
  }

  /** All that makes an account, inside the transaction of its log. */
  const commit = async (
    trx: Trx,
    row: SignUpRow,
    right: Right,
    made: {
      first: FirstAppend
      step: number
      record: Uint8Array
      locator: Uint8Array
      session: Parameters<typeof createSession>[2]
    },
  ): Promise<{ session: NewSession; backupCodes: string[] }> => {
    const { account } = row
    const now = clock.now()
    if (!(await takeSignUp(trx, row.id))) throw expired()
    if (right.setUp) await orThrow(insertInstance(trx, right.instanceName, now), setUpDone)
    else if (!(await useInvitation(trx, row.invitation ?? '', now))) throw invitationInvalid()
    const indexes = await heldIndexes(trx, row)
    if (indexes) throw nameTaken()
    const stored = insertAccount(trx, {
      account,
      log: made.first.log,
      role: row.role,
      name_index: row.name_index,
      pepper_version: row.pepper_version,
      sealed_name: row.sealed_name,
      suspended: 0,
      quota_bytes: null,
      created_at: now,
    })
    await orThrow(stored, nameTaken)
    const password = { setupVersion: row.setup_version, record: made.record }
    await putPassword(trx, account, made.first.passwordMethod, password, now)
    await putTotp(trx, account, row.sealed_totp, made.step)
    const changes = { added: made.first.methods, removed: [] }
    const methods = applyMethodChanges(trx, account, changes, made.locator)
    await orThrow(
      methods,
      () => new ProblemError('sign_up_invalid', 'This recovery key is in use.'),
    )
    const backupCodes = await replaceBackupCodes(trx, peppers, account)
    return { session: await createSession(parts, trx, made.session), backupCodes }
  }

  /** A name may be held under an older pepper, where the unique index does not see it. */
  const heldIndexes = async (trx: Trx, row: SignUpRow): Promise<boolean> => {
    if (peppers.all.length === 1) return false
    const name = await parts.openName(trx, row.account, row.sealed_name)
    const indexes = pepperedEver(peppers, nameLabel, comparedName(name))
    return (await findAccountByName(trx, indexes)) !== undefined
  }

  const finish = async (body: SignUpFinish, right: Right, caller: Caller) => {
    const row = await findSignUp(db, body.signUp, clock.now())
    if (!row || (row.invitation === null) !== right.setUp) throw expired()
    if (!right.setUp && row.invitation !== right.invitation) throw expired()
    const record = readPasswordRecord(body.registrationRecord)
    const appends = readAppend(body.append)
    const wanted = { account: row.account, instanceKey: keys.secrets.signingKey }
    const first = checkFirstAppend(appends, wanted)
    const step = await checkCode(row, body.totpCode)
    let done: Awaited<ReturnType<typeof commit>> | undefined
    const receipts = await logs.append({
      actor: { account: row.account, log: first.log },
      appends,
      within: async (trx: Transaction<unknown>) => {
        done = await commit(trx as unknown as Trx, row, right, {
          first,
          step,
          record,
          locator: fromHex(body.recoveryLocator),
          session: {
            account: row.account,
            method: 'sign-up',
            transport: body.transport,
            stay: body.staySignedIn ?? false,
            device: first.device,
            caller,
          },
        })
      },
    })
    // Without `within` the log was there before: its account has signed up, and this is not a sign-up of it.
    if (!done) throw new ProblemError('log_exists', 'This account has signed up already.')
    if (right.setUp) setUp.finished(right.instanceName)
    const { token, cookie } = handOver(done.session)
    const answer = {
      account: row.account,
      log: first.log,
      session: done.session.id,
      expiresAt: done.session.expiresAt,
      ...(token === undefined ? {} : { token }),
      backupCodes: done.backupCodes,
      receipts: toB64(encodeReceipts(receipts)),
    }
    return { answer, cookie }
  }

  return {
    startSetUp: async ({ token, ...wanted }: SignUpStart & { token: string }, caller: Caller) => {
      await checkSetUpToken(token, caller)
      return start(wanted, { role: 'host', invitation: null }, caller)
    },
    finishSetUp: async (
      { token, instanceName, ...body }: SignUpFinish & { token: string; instanceName: string },
      caller: Caller,
    ) => {
      await checkSetUpToken(token, caller)
      return finish(body, { setUp: true, instanceName }, caller)
    },
    startSignUp: async (
      { invitation, ...wanted }: SignUpStart & { invitation: string },
      caller: Caller,
    ) => {
      const { id, role } = await getOpenInvitation(parts, invitation, caller)
      return start(wanted, { role, invitation: id }, caller)
    },
    finishSignUp: async (
      { invitation, ...body }: SignUpFinish & { invitation: string },
      caller: Caller,
    ) => {
      const { id } = await getOpenInvitation(parts, invitation, caller)
      return finish(body, { setUp: false, invitation: id }, caller)
    },
  }
}

/** Of two at once that want the same row, one gets it; the other is told by `problem`. */
const orThrow = async (work: Promise<void>, problem: () => ProblemError): Promise<void> => {
  try {
    await work
  } catch (error) {
    throw isUniqueViolation(error) ? problem() : error
  }
}
