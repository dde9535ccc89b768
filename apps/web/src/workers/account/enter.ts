/** From a proof to an unlocked account: keys, this browser's device, and what it remembers. */
import { type AnswerOf, getSession, ProblemError } from '@hearthold/contract'
import {
  addDeviceMethod,
  bindDevice,
  deviceKeyOf,
  deviceOf,
  enrolDevice,
  type MemberContext,
  MethodGoneError,
  type MethodSecret,
  replaceRecoveryKey,
  unlock,
  type Unlocked,
} from '@hearthold/member'
import { type AccountStore, openAccountStore } from '../../store/account-store.ts'
import type { ProfileStore } from '../../store/profile-store.ts'
import type { Me } from './api.ts'
import { randomBytes, toHex } from './bytes.ts'
import type { Desk } from './desk.ts'
import { deviceLabel } from './device-label.ts'
import { withLock } from './locks.ts'
import { OpenShares } from './open-shares.ts'
import { createOutbox } from './outbox.ts'

type SessionAnswer = AnswerOf<typeof getSession>

export type Proof = {
  readonly account: string
  readonly log: string
  readonly unlockBy: MethodSecret
}

/** `methodType.device` of the formats (docs/formats/account-keys.md). */
const deviceType = 5

const idBytes = 16

/** Sealed by the store: id, then secret. */
export const rememberMethod = async (
  profile: ProfileStore,
  account: string,
  { id, secret }: Pick<Required<MethodSecret>, 'id' | 'secret'>,
): Promise<void> => {
  const both = new Uint8Array(idBytes + secret.length)
  both.set(id)
  both.set(secret, idBytes)
  await profile.putMethodSecret(account, both)
}

const methodKept = async (
  profile: ProfileStore,
  account: string,
): Promise<MethodSecret | undefined> => {
  const both = await profile.methodSecret(account)
  if (!both || both.length < 2 * idBytes) return undefined
  return { type: deviceType, id: both.slice(0, idBytes), secret: both.slice(idBytes) }
}

/** Without the server its last answers are shown again, from this device's own sealed store: there is nothing to hold them against. */
const nothingSeen = { seq: 0, chain: '0'.repeat(64), at: 0 }

const memoryContext = (desk: Desk): MemberContext => ({
  client: desk.client,
  heads: { find: () => Promise.resolve(undefined), put: () => Promise.resolve() },
})

/** Answers of earlier runs count where the server cannot be reached. */
export const keptAnswers = async (desk: Desk): Promise<void> => {
  const { answer, putAnswer } = await desk.profile()
  desk.network.keepAnswersIn({ answer, putAnswer, page: () => Promise.resolve(undefined) })
}

/** What packages/member needs, with the store of an account; without one, for proofs before it is known. */
export async function contextFor(
  desk: Desk,
  account: string,
): Promise<{ context: MemberContext; store: AccountStore }>
export async function contextFor(desk: Desk): Promise<{ context: MemberContext }>
export async function contextFor(
  desk: Desk,
  account?: string,
): Promise<{ context: MemberContext; store?: AccountStore }> {
  if (account === undefined) return { context: memoryContext(desk) }
  const profile = await desk.profile()
  const store = openAccountStore(account, profile.sealing, desk.onStoreUnavailable)
  const known = await profile.account(account)
  desk.network.keepAnswersIn({
    answer: profile.answer,
    putAnswer: profile.putAnswer,
    page: store.page,
  })
  const context: MemberContext = {
    client: desk.client,
    heads: {
      find: (log) => (desk.network.online ? store.heads.find(log) : Promise.resolve(nothingSeen)),
      put: store.heads.put,
    },
    distrusted: (_log, error) =>
      desk.events.tell({ type: 'integrity', code: error.code, share: undefined }),
    cache: {
      load: (log) => store.cache.load(log),
      // One tab writes a state at a time; where another is at it, its own is as good.
      save: (log, sealed) => withLock(`log/${log}`, () => store.cache.save(log, sealed)),
    },
    ...(known ? { instanceKey: known.instanceKey } : {}),
  }
  return { context, store }
}

/** This profile's device seed; a new one where there is none, or where the account has retired its key. */
const usableSeed = (profile: ProfileStore, member: Unlocked) =>
  withLock('device', async () => {
    const kept = await profile.deviceSeed()
    const known = kept && member.account.view.devices.get(deviceKeyOf(kept).id)
    if (kept && known?.retiredSeq === undefined) return kept
    const made = randomBytes(32)
    await profile.putDeviceSeed(made)
    return made
  })

const enrolHere = async (desk: Desk, member: Unlocked, label?: string): Promise<void> => {
  const seed = await usableSeed(await desk.profile(), member)
  await enrolDevice(member, label ?? deviceLabel(navigator), seed)
}

const meOf = async (member: Unlocked, session: SessionAnswer): Promise<Me> => ({
  account: session.account,
  name: session.name,
  displayName: (await member.account.openName(member.keys.keyring)) ?? session.name,
  role: session.role,
  device: deviceOf(member).id,
  session: session.session.id,
  backupCodesLeft: session.backupCodesLeft,
  hasPassword: session.hasPassword,
  // `enter` ends only with a new key kept: a used one never stays.
  mustReplaceRecoveryKey: false,
})

type Opened = {
  readonly member: Unlocked
  readonly store: AccountStore
  readonly session: SessionAnswer
  /** `desk.departures` of the account when its unlocking began. */
  readonly departures: number
}

/** Signed out here or in another tab while it was unlocked: that counts. ProblemError('unauthenticated') then. */
const giveUpIfLeft = async (desk: Desk, { store, session, departures }: Opened): Promise<void> => {
  const { account } = session
  if (desk.departures(account) === departures) return
  store.close()
  await (await desk.profile()).removeMethodSecret(account)
  throw new ProblemError('unauthenticated', 'Signed out while it was unlocked.')
}

/** Takes an unlocked account as this tab's own. */
export const beginAccount = async (desk: Desk, given: Opened): Promise<Me> => {
  const { member, store, session } = given
  // Without the server this is its last answer, from before it was tied to this device.
  const isTied = session.session.device === deviceOf(member).id || !desk.network.online
  if (!isTied) await bindDevice(member, session.session.id)
  const me = await meOf(member, session)
  await giveUpIfLeft(desk, given)
  const ending = new AbortController()
  const shares = new OpenShares(desk, { member, store, ended: ending.signal })
  const outbox = createOutbox(desk, { member, store, shares, ended: ending.signal })
  desk.current?.end()
  desk.current = {
    member,
    account: session.account,
    store,
    shares,
    outbox,
    ended: ending.signal,
    me,
    end: () => {
      ending.abort(new DOMException('The account was locked.', 'AbortError'))
      store.close()
    },
  }
  shares.start()
  outbox.replayLater()
  return me
}

export type EnterOptions = {
  readonly staySignedIn: boolean
  /** Gets the recovery key that replaces the one that was used. */
  readonly keepNew?: (text: string) => Promise<void>
  readonly deviceLabel?: string
}

/** Unlocks by a proof, enrols this browser, makes its device method where it stays signed in, and ties the session to it. */
export const enter = async (desk: Desk, proof: Proof, options: EnterOptions): Promise<Me> => {
  const { account, log, unlockBy } = proof
  const departures = desk.departures(account)
  const profile = await desk.profile()
  const { context, store } = await contextFor(desk, account)
  const member = await unlock(context, { account, log }, unlockBy)
  await enrolHere(desk, member, options.deviceLabel)
  const { keepNew } = options
  if (keepNew) await replaceRecoveryKey(member, (text) => keepNew(text))
  await profile.keepMethodOnlyOf(account)
  if (options.staySignedIn) {
    await rememberMethod(profile, account, await addDeviceMethod(member))
  } else {
    // Left by a session that ended by itself: this time it was not asked for.
    await profile.removeMethodSecret(account)
  }
  const session = await desk.client.call(getSession)
  const instanceKey = toHex(member.account.instanceKey())
  await profile.putAccount({ account, log, instanceKey, name: session.name })
  const me = await beginAccount(desk, { member, store, session, departures })
  desk.tabs.tell({ news: 'signed-in', account })
  return me
}

/** How long a tab waits for another one to hand over what unlocks. */
const handOverMs = 250

/** Unlocks by what this browser keeps, or what another tab of it hands over; undefined where neither opens. */
export const enterHere = async (desk: Desk, session: SessionAnswer): Promise<Me | undefined> => {
  const { account, log } = session
  const departures = desk.departures(account)
  const profile = await desk.profile()
  const kept = await methodKept(profile, account)
  const by = kept ?? ((await desk.tabs.askUnlock(account, handOverMs)) as MethodSecret | undefined)
  if (!by) return undefined
  const { context, store } = await contextFor(desk, account)
  try {
    const seed = await profile.deviceSeed()
    const member = await unlock(context, { account, log }, by, seed && deviceKeyOf(seed))
    if (!member.device) await enrolHere(desk, member)
    return await beginAccount(desk, { member, store, session, departures })
  } catch (error) {
    store.close()
    if (!(error instanceof MethodGoneError)) throw error
    // Without the server this device may only know an older list of methods.
    if (kept && desk.network.online) await profile.removeMethodSecret(account)
    return undefined
  }
}
