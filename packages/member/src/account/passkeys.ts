/** The passkeys of an unlocked account: list, add, rename, remove. */
import {
  addPasskey as addPasskeyEndpoint,
  listPasskeys as listPasskeysEndpoint,
  ProblemError,
  removePasskey as removePasskeyEndpoint,
  renamePasskey as renamePasskeyEndpoint,
  startPasskeyChange,
} from '@hearthold/contract'
import {
  equalBytes,
  fromB64,
  fromHex,
  IntegrityError,
  methodType,
  openPasskeyLabel,
  passkeyLabelLimitBytes,
  sealPasskeyLabel,
  toB64,
  toHex,
  utf8,
} from '@hearthold/crypto'
import { removeMethod } from './methods.ts'
import { makePasskey, type PasskeyAuthenticator } from './passkey-ceremony.ts'
import { changeState } from './state-change.ts'
import { deviceOf, refresh, type Unlocked } from './unlock.ts'

export type ListedPasskey = {
  /** Hex; the same as in `listMethods` for one that unlocks. */
  readonly id: string
  /** Undefined where it has none, or none that this account sealed. */
  readonly label: string | undefined
  /** By the signed state, not by the server's word. */
  readonly canUnlock: boolean
  /** Whether its authenticator said that it is kept on several devices. */
  readonly synced: boolean
  /** ms since 1970. */
  readonly createdAt: number
  readonly lastUsedAt: number | undefined
  /** True for the one by which this device unlocked the account. */
  readonly current: boolean
}

const isMethod = (member: Unlocked, id: string): boolean =>
  member.account
    .state()
    .methods.some((method) => method.type === methodType.passkey && toHex(method.id) === id)

const placeOf = (member: Unlocked, id: string) => ({
  account: fromHex(member.accountId),
  passkey: fromHex(id),
})

const openLabel = async (
  member: Unlocked,
  id: string,
  label: string | null,
): Promise<string | undefined> => {
  if (label === null) return undefined
  try {
    return await openPasskeyLabel(member.keys.keyring, placeOf(member, id), fromB64(label))
  } catch (error) {
    if (error instanceof IntegrityError) return undefined
    throw error
  }
}

/** The account's passkeys, oldest first. */
export const listPasskeys = async (member: Unlocked): Promise<ListedPasskey[]> => {
  await refresh(member)
  const { passkeys } = await member.context.client.call(listPasskeysEndpoint)
  return Promise.all(
    passkeys.map(async ({ passkey: id, label, synced, createdAt, lastUsedAt }) => ({
      id,
      label: await openLabel(member, id, label),
      canUnlock: isMethod(member, id),
      synced,
      createdAt,
      lastUsedAt: lastUsedAt ?? undefined,
      current: equalBytes(fromHex(id), member.unlockedBy.id),
    })),
  )
}

/** A passkey's name, trimmed. Throws RangeError for an empty one, and for more than 200 bytes of UTF-8. */
export const checkedLabel = (label: string): string => {
  const text = label.trim().normalize('NFC')
  const length = utf8(text).length
  if (length > 0 && length <= passkeyLabelLimitBytes) return text
  throw new RangeError("A passkey's name is not empty and has at most 200 bytes.")
}

const sealLabel = async (member: Unlocked, id: string, text: string): Promise<string> =>
  toB64(await sealPasskeyLabel(member.keys.keyring, placeOf(member, id), text))

export type AddedPasskey = {
  readonly id: string
  /** False where the authenticator gives no PRF output: the passkey signs in and never unlocks. */
  readonly canUnlock: boolean
  readonly sessionsEnded: number
}

/**
 * Makes a passkey and adds it, with its method in the signed state where it can unlock. Other sessions end. Throws
 * ProblemError 'step_up_needed' where the session has given no fresh proof (before the browser is asked),
 * 'passkeys_unavailable', 'passkey_refused' (too many, or known already) and 'passkey_invalid'; RangeError for a bad
 * label; and what the authenticator throws.
 */
export const addPasskey = async (
  member: Unlocked,
  wanted: { readonly authenticator: PasskeyAuthenticator; readonly label: string },
): Promise<AddedPasskey> => {
  deviceOf(member)
  const { client } = member.context
  const text = checkedLabel(wanted.label)
  const { change, options } = await client.call(startPasskeyChange)
  const { id: idBytes, registration, unlockBy } = await makePasskey(wanted.authenticator, options)
  const id = toHex(idBytes)
  if (!unlockBy) {
    const label = await sealLabel(member, id, text)
    const body = { change, registration, label }
    const { sessionsEnded } = await client.call(addPasskeyEndpoint, { body })
    return { id, canUnlock: false, sessionsEnded }
  }
  const { sessionsEnded } = await changeState(member, async () => {
    const label = await sealLabel(member, id, text)
    return {
      add: [unlockBy],
      rotate: false,
      credentials: { passkey: { change, registration, label } },
    }
  })
  return { id, canUnlock: true, sessionsEnded }
}

/** Gives a passkey (id in hex) another name. Throws ProblemError 'not_found', RangeError for a bad label. */
export const renamePasskey = async (member: Unlocked, id: string, label: string): Promise<void> => {
  const body = { label: await sealLabel(member, id, checkedLabel(label)) }
  await member.context.client.call(renamePasskeyEndpoint, { params: { passkey: id }, body })
}

/**
 * Removes a passkey. One that unlocks goes with its method, and all keys are made new (`removeMethod`); one that only
 * signs in is just forgotten. Other sessions end. Throws ProblemError 'step_up_needed', 'not_found', and
 * 'method_required' for the last method beside the recovery key.
 */
export const removePasskey = async (
  member: Unlocked,
  id: string,
): Promise<{ sessionsEnded: number }> => {
  await refresh(member)
  if (isMethod(member, id)) return removeMethod(member, id)
  if (!/^[0-9a-f]{32}$/.test(id)) {
    throw new ProblemError('not_found', 'The account has no such passkey.')
  }
  return member.context.client.call(removePasskeyEndpoint, { params: { passkey: id } })
}
