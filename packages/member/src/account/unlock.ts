/** Unlocking: from a method's secret to the account's keys, by a log that proves itself (cryptography.md 8.2). */
import { ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  currentDomainKey,
  deviceId,
  equalBytes,
  findDomainKey,
  fromHex,
  IntegrityError,
  type Keyring,
  type KeyDomain,
  type MethodRecord,
  type MethodType,
  signingPublicKey,
  toHex,
  unlockAccount,
} from '@hearthold/crypto'
import { signedStateOf } from '@hearthold/model'
import type { DeviceKey } from '../logs/log-entries.ts'
import type { MemberContext } from '../member-context.ts'
import { type AccountLog, openAccountLog } from './account-log.ts'

/** A method's secret (cryptography.md 8.2). Without `id` the account's only method of that type is meant. */
export type MethodSecret = {
  readonly type: MethodType
  readonly id?: Bytes
  readonly secret: Bytes
}

/** What the account key opens, as of one signed state. */
export type AccountKeys = {
  readonly accountKey: Bytes
  readonly generation: number
  /** Number of the state entry. */
  readonly counter: number
  readonly keyring: Keyring
}

/** An account unlocked on this device. `keys` and `unlockedBy` change with rotations and new methods. */
export type Unlocked = {
  readonly context: MemberContext
  /** Account id in hex. */
  readonly accountId: string
  readonly account: AccountLog
  keys: AccountKeys
  unlockedBy: Required<MethodSecret>
  /** This device's key, once it is enrolled. */
  device: DeviceKey | undefined
  /**
   * Keys of states that this device has signed and whose answer it waits for. Such a state may be in the log, and read by
   * another act, before its own act has gone on; the method that unlocked the account may be gone in it.
   */
  readonly signedHere: Set<SignedHere>
}

/** A state as this device made it; the signature tells which one. */
export type SignedHere = { readonly rootSignature: Bytes; readonly keys: AccountKeys }

/** The device key of a seed of 32 bytes. */
export const deviceKeyOf = (seed: Bytes): DeviceKey => {
  const publicKey = signingPublicKey(seed)
  return { seed, publicKey, id: toHex(deviceId(publicKey)) }
}

/** The account's signed state holds no such method: it was removed, or the device was revoked, elsewhere. */
export class MethodGoneError extends IntegrityError {
  constructor() {
    super('account_state', 'The account has no such method in its signed state.')
  }
}

const findMethod = (account: AccountLog, by: MethodSecret): MethodRecord => {
  const method = account
    .state()
    .methods.find(({ type, id }) => type === by.type && (!by.id || equalBytes(id, by.id)))
  if (!method) throw new MethodGoneError()
  return method
}

const openKeys = async (
  account: AccountLog,
  by: MethodSecret,
): Promise<AccountKeys & { id: Bytes }> => {
  const state = account.state()
  const method = findMethod(account, by)
  const { accountKey, keyring } = await unlockAccount(
    by.secret,
    {
      state: signedStateOf(
        account.accountId(),
        { seq: state.seq, bodyHash: state.keyringHash },
        { entry: 'state', ...state },
      ),
      stateSignature: state.rootSignature,
      sealedKeyring: account.sealedKeyring(),
      method,
    },
    // The log was held against the remembered head: no older state can have been taken for the newest.
    { account: account.accountId(), seenCounter: 0, pinnedRoot: account.rootKey() },
  )
  return { accountKey, keyring, generation: state.generation, counter: state.seq, id: method.id }
}

/**
 * Unlocks an account: reads and verifies its log, then opens anchor, state, wrap and keyring in that order. `where`
 * is what the sign-in answered, `device` this device's key where it has one; it counts only if the log has enrolled it.
 * Throws IntegrityError for everything that does not fit, RangeError for a missing secret.
 */
export const unlock = async (
  context: MemberContext,
  where: { account: string; log: string },
  by: MethodSecret,
  device?: DeviceKey,
): Promise<Unlocked> => {
  const account = await openAccountLog(context, where)
  const { id, ...keys } = await openKeys(account, by)
  return {
    context,
    accountId: where.account,
    account,
    keys,
    unlockedBy: { type: by.type, id, secret: by.secret },
    device: device && isEnrolled(account, device) ? device : undefined,
    signedHere: new Set(),
  }
}

/** Whether the account's log certifies this device now. */
export const isEnrolled = (account: AccountLog, device: DeviceKey): boolean => {
  const known = account.view.devices.get(device.id)
  return known !== undefined && known.retiredSeq === undefined
}

/**
 * Brings account log and keys up to date: after a rotation by another device the new keys are opened by the same
 * method. MethodGoneError where that method was removed meanwhile: unlock again by another.
 */
export const refresh = async (member: Unlocked): Promise<void> => {
  await member.account.replica.sync()
  const { seq, rootSignature } = member.account.state()
  if (seq === member.keys.counter) return
  const own = [...member.signedHere].find((made) => equalBytes(made.rootSignature, rootSignature))
  if (own) {
    member.keys = own.keys
    return
  }
  const { id: _, ...keys } = await openKeys(member.account, member.unlockedBy)
  member.keys = keys
}

/** This device's key; ProblemError('device_unknown') where it is not enrolled. */
export const deviceOf = (member: Unlocked): DeviceKey => {
  if (!member.device) {
    throw new ProblemError('device_unknown', 'This device is not enrolled in the account.')
  }
  return member.device
}

/** The account's log id as bytes: how others, and all headers, name the account. */
export const authorOf = (member: Unlocked): Bytes => fromHex(member.account.log)

/** The domain's key for new writes, and its version. */
export const newestKey = (member: Unlocked, domain: KeyDomain) =>
  currentDomainKey(member.keys.keyring, domain)

/** The domain's key of a version, after asking the log once for a rotation; undefined where none is known. */
export const keyOfVersion = async (
  member: Unlocked,
  domain: KeyDomain,
  version: number,
): Promise<Bytes | undefined> => {
  const found = findDomainKey(member.keys.keyring, domain, version)
  if (found) return found.key
  await refresh(member)
  return findDomainKey(member.keys.keyring, domain, version)?.key
}
