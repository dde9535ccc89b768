/** Sign-in methods of an unlocked account: list, add, replace, remove (cryptography.md 8.6). */
import {
  finishTotpChange,
  ProblemError,
  replaceBackupCodes,
  startPasswordChange,
  startTotpChange,
} from '@hearthold/contract'
import {
  type Bytes,
  equalBytes,
  formatRecoveryKey,
  fromHex,
  generateRecoverySecret,
  type MethodRecord,
  methodType,
  type MethodType,
  randomBytes,
  randomId,
  recoveryLocator,
  toHex,
} from '@hearthold/crypto'
import { registerPassword } from '../opaque.ts'
import { passwordProblem } from '../password.ts'
import type { PasswordWay } from './sign-up-way.ts'
import { changeState } from './state-change.ts'
import { deviceOf, type MethodSecret, refresh, type Unlocked } from './unlock.ts'

export type MethodName = keyof typeof methodType

export type ListedMethod = {
  /** Hex. */
  readonly id: string
  readonly type: MethodName
  /** True for the method by which this device unlocked the account. */
  readonly current: boolean
}

const nameOf = (type: MethodType): MethodName =>
  (Object.keys(methodType) as MethodName[]).find((name) => methodType[name] === type)!

/** The methods of the newest signed state. */
export const listMethods = async (member: Unlocked): Promise<ListedMethod[]> => {
  await refresh(member)
  return member.account.state().methods.map(({ id, type }) => ({
    id: toHex(id),
    type: nameOf(type),
    current: equalBytes(id, member.unlockedBy.id),
  }))
}

const idsOf = (member: Unlocked, matches: (method: MethodRecord) => boolean): Bytes[] =>
  member.account
    .state()
    .methods.filter(matches)
    .map(({ id }) => id)

export type PasswordChange = {
  readonly password: string
  /** True where somebody else may know the old one: the account key and all domain keys are made new. */
  readonly rotate?: boolean
}

/**
 * Sets a new password (or a first one again, after one was lost): a new OPAQUE registration and a new method in
 * its place. All other sessions end. Throws RangeError for a bad password, ProblemError('step_up_needed') where the
 * session has given no fresh proof.
 */
export const changePassword = async (
  member: Unlocked,
  { password, rotate = false }: PasswordChange,
): Promise<{ sessionsEnded: number }> => {
  const problem = passwordProblem(password)
  if (problem !== undefined) throw new RangeError(problem)
  const registration = await registerPassword(password)
  const started = await member.context.client.call(startPasswordChange, {
    body: { registrationRequest: registration.request },
  })
  const { record, secret } = registration.finish({
    account: member.accountId,
    response: started.registrationResponse,
    ksf: started.ksf,
  })
  const method = { type: methodType.password, id: randomId(), secret }
  const result = await changeState(member, () => ({
    remove: idsOf(member, ({ type }) => type === methodType.password),
    add: [method],
    rotate,
    credentials: { password: { change: started.change, registrationRecord: record } },
  }))
  if (member.unlockedBy.type === methodType.password) member.unlockedBy = method
  return result
}

/** The server counts wrong codes by itself; this is only where asking ends. */
const codeAttempts = 5

const verifyTotp = async (
  { context: { client } }: Unlocked,
  { keepTotp, onWrongCode }: Omit<PasswordWay, 'kind'>,
): Promise<void> => {
  const {
    change,
    totpSecret: secret,
    totpUri: uri,
  } = await client.call(startTotpChange, { body: {} })
  let totpCode = await keepTotp({ secret, uri })
  for (let attempt = 1; ; attempt++) {
    try {
      await client.call(finishTotpChange, { body: { change, totpCode } })
      return
    } catch (error) {
      const wrong = error instanceof ProblemError && error.code === 'second_factor_wrong'
      if (!wrong || !onWrongCode || attempt >= codeAttempts) throw error
      totpCode = await onWrongCode()
    }
  }
}

/**
 * Gives an account without a password its first one, with an authenticator app: both count from the same moment, or
 * neither does. Other sessions end. `backupCodes` are shown once; there are none where their request failed, and
 * `replaceBackupCodes` makes new ones. Throws RangeError for a bad password, ProblemError 'step_up_needed',
 * 'second_factor_wrong' ..., and 'bad_request' where there is a password already: `changePassword` changes it.
 */
export const addPassword = async (
  member: Unlocked,
  wanted: Omit<PasswordWay, 'kind'>,
): Promise<{ backupCodes: readonly string[]; sessionsEnded: number }> => {
  const problem = passwordProblem(wanted.password)
  if (problem !== undefined) throw new RangeError(problem)
  deviceOf(member)
  await refresh(member)
  if (idsOf(member, ({ type }) => type === methodType.password).length > 0) {
    throw new ProblemError('bad_request', 'This account has a password already.')
  }
  await verifyTotp(member, wanted)
  const { sessionsEnded } = await changePassword(member, { password: wanted.password })
  const made = member.context.client.call(replaceBackupCodes, { body: {} })
  const { backupCodes } = await made.catch(() => ({ backupCodes: [] }))
  return { backupCodes, sessionsEnded }
}

/**
 * Replaces the recovery key. `keep` gets the new key's text and resolves once it is safely kept; only then the old
 * one stops working, and the account key is made new. Due at once after a sign-in by the recovery key.
 */
export const replaceRecoveryKey = async (
  member: Unlocked,
  keep: (text: string) => Promise<void>,
): Promise<{ sessionsEnded: number }> => {
  deviceOf(member)
  const secret = generateRecoverySecret()
  const method = { type: methodType.recovery, id: randomId(), secret }
  await keep(formatRecoveryKey(secret))
  const result = await changeState(member, () => ({
    remove: idsOf(member, ({ type }) => type === methodType.recovery),
    add: [method],
    rotate: true,
    credentials: { recoveryLocator: toHex(recoveryLocator(secret)) },
  }))
  if (member.unlockedBy.type === methodType.recovery) member.unlockedBy = method
  return result
}

/**
 * Makes a device method for this device, so that it unlocks by itself: the secret belongs in a place that only this
 * device reads. A method that it had before is replaced.
 */
export const addDeviceMethod = async (member: Unlocked): Promise<Required<MethodSecret>> => {
  const id = fromHex(deviceOf(member).id)
  const method = { type: methodType.device, id, secret: randomBytes(32) }
  await changeState(member, () => ({
    remove: idsOf(member, (known) => equalBytes(known.id, id)),
    add: [method],
    rotate: false,
  }))
  if (equalBytes(member.unlockedBy.id, id)) member.unlockedBy = method
  return method
}

/**
 * Removes a method (id in hex) and makes the account key and all domain keys new, with a fence in every share. The
 * recovery key is replaced, never removed; the last other method stays (ProblemError 'method_required'). Removing
 * the password asks for a second factor.
 */
export const removeMethod = async (
  member: Unlocked,
  id: string,
  secondFactor?: string,
): Promise<{ sessionsEnded: number }> => {
  await refresh(member)
  const wanted = fromHex(id)
  const method = member.account.state().methods.find((known) => equalBytes(known.id, wanted))
  if (!method) throw new ProblemError('not_found', 'The account has no such method.')
  if (method.type === methodType.recovery) {
    throw new ProblemError('method_required', 'A recovery key is replaced, not removed.')
  }
  return changeState(member, () => ({
    remove: [wanted],
    rotate: true,
    ...(secondFactor === undefined ? {} : { credentials: { secondFactor } }),
  }))
}
