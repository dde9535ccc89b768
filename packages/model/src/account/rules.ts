import {
  accountLogSalt,
  type AccountState,
  type Bytes,
  createAccountState,
  decodeIdentityBundle,
  deviceId,
  equalBytes,
  genesisHash,
  type IdentityBundle,
  IntegrityError,
  logIdOf,
  methodType,
  openIdentityBundle,
  toHex,
  verifyAccountState,
  verifyDeviceCertificate,
} from '@hearthold/crypto'
import { logKinds } from '../kinds.ts'
import { type Act, type Applied, appliedWith, type LogRules, type Refusal } from '../rules.ts'
import {
  type AccountFacts,
  decodeAccountFacts,
  type EnrolFacts,
  type IdentityFacts,
  type RetireFacts,
  type StateFacts,
} from './facts.ts'
import { type AccountView, activeDevices } from './view.ts'

const refused: Refusal = { code: 'entry_refused' }
const deviceLimit = 64

const mayEnrol = (
  view: AccountView,
  act: Act<AccountFacts>,
  facts: EnrolFacts,
): Refusal | undefined => {
  const device = toHex(deviceId(facts.deviceKey))
  if (device !== act.device || view.devices.has(device)) return { ...refused, subject: device }
  if (activeDevices(view).length >= deviceLimit) return refused
  if (view.accountId && view.rootKey) {
    const same =
      equalBytes(view.accountId, facts.accountId) && equalBytes(view.rootKey, facts.rootKey)
    return same ? undefined : refused
  }
  const salt = accountLogSalt(facts.accountId, facts.rootKey, facts.deviceKey)
  return act.seq === 1 && equalBytes(salt, view.salt) ? undefined : refused
}

/** Always a recovery key and at least one other method that unlocks; never two recovery keys (details.md). */
const mayState = (view: AccountView, facts: StateFacts): Refusal | undefined => {
  const generation = view.state?.generation ?? 0
  if (facts.generation !== generation && facts.generation !== generation + 1) return refused
  if (facts.generation === 0) return refused
  const ids = new Set(facts.methods.map((method) => toHex(method.id)))
  const recoveries = facts.methods.filter((method) => method.type === methodType.recovery).length
  const passwords = facts.methods.filter((method) => method.type === methodType.password).length
  if (ids.size !== facts.methods.length || passwords > 1) return refused
  if (recoveries !== 1 || facts.methods.length < 2) return { code: 'method_required' }
  return undefined
}

const mayRetire = (view: AccountView, facts: RetireFacts): Refusal | undefined => {
  const device = view.devices.get(toHex(facts.device))
  if (!device || device.retiredSeq !== undefined)
    return { ...refused, subject: toHex(facts.device) }
  return undefined
}

const mayIdentify = (view: AccountView, facts: IdentityFacts): Refusal | undefined => {
  const bundle = bundleOf(facts)
  if (!bundle || !view.accountId || !view.rootKey) return refused
  const ours =
    equalBytes(bundle.account, view.accountId) && equalBytes(bundle.rootPublicKey, view.rootKey)
  return ours && bundle.version === (view.identity?.version ?? 0) + 1 ? undefined : refused
}

const bundleOf = (facts: IdentityFacts): IdentityBundle | undefined => {
  try {
    return decodeIdentityBundle(facts.bytes)
  } catch {
    return undefined
  }
}

/** A device enrols itself; all else needs one that is enrolled and not retired. */
const permits = (view: AccountView, act: Act<AccountFacts>): Refusal | undefined => {
  if (act.author !== view.log) return refused
  if (act.facts.entry === 'enrol') return mayEnrol(view, act, act.facts)
  const device = view.devices.get(act.device)
  const active = device && device.retiredSeq === undefined
  return active ? undefined : { code: 'device_unknown', subject: act.device }
}

const may = (view: AccountView, act: Act<AccountFacts>): Refusal | undefined =>
  permits(view, act) ?? mayDo(view, act)

const mayDo = (view: AccountView, { facts }: Act<AccountFacts>): Refusal | undefined => {
  switch (facts.entry) {
    case 'enrol':
      return undefined
    case 'state':
      return mayState(view, facts)
    case 'pin':
      return view.instanceKey === undefined ? undefined : refused
    case 'retire':
      return mayRetire(view, facts)
    case 'identity':
      return mayIdentify(view, facts)
    case 'profile':
      return undefined
  }
}

/** Signatures inside facts: the device's certificate, the state's and the identity's, all by the root. */
const verify = async (view: AccountView, act: Act<AccountFacts>): Promise<Refusal | undefined> => {
  try {
    return (await isSigned(view, act)) ? undefined : { code: 'signature_invalid' }
  } catch (error) {
    if (error instanceof IntegrityError) return { code: 'signature_invalid' }
    throw error
  }
}

const isSigned = async (view: AccountView, act: Act<AccountFacts>): Promise<boolean> => {
  const { facts } = act
  switch (facts.entry) {
    case 'enrol':
      return verifyDeviceCertificate(
        facts.rootKey,
        facts.accountId,
        facts.deviceKey,
        facts.certificate,
      )
    case 'state':
      if (!view.accountId || !view.rootKey) return false
      await verifyAccountState(
        view.rootKey,
        signedStateOf(view.accountId, act, facts),
        facts.rootSignature,
        0,
      )
      return true
    case 'identity':
      await openIdentityBundle(facts)
      return true
    default:
      return true
  }
}

/** The state as the root signed it: its counter is the entry's number, its keyring the entry's body. */
export const signedStateOf = (
  account: Bytes,
  act: Pick<Act<AccountFacts>, 'seq' | 'bodyHash'>,
  facts: StateFacts,
): AccountState => ({
  ...createAccountState(
    { account, generation: facts.generation, counter: act.seq },
    new Uint8Array(),
    facts.methods,
  ),
  keyringHash: act.bodyHash as Bytes,
})

const enrol = (view: AccountView, act: Act<AccountFacts>, facts: EnrolFacts): void => {
  view.accountId ??= facts.accountId
  view.rootKey ??= facts.rootKey
  view.devices.set(act.device, {
    id: act.device,
    publicKey: facts.deviceKey,
    enrolledSeq: act.seq,
    enrolledAt: act.at,
    retiredSeq: undefined,
    retiredAt: undefined,
    retiredReason: undefined,
  })
}

const apply = (view: AccountView, act: Act<AccountFacts>): Applied => {
  const refusal = may(view, act)
  if (refusal) return appliedWith(refusal)
  const { facts } = act
  switch (facts.entry) {
    case 'enrol':
      enrol(view, act, facts)
      break
    case 'state':
      view.state = {
        seq: act.seq,
        generation: facts.generation,
        methods: facts.methods,
        keyringHash: act.bodyHash.slice(),
        rootSignature: facts.rootSignature,
      }
      break
    case 'pin':
      view.instanceKey = facts.instanceKey
      break
    case 'retire': {
      const device = view.devices.get(toHex(facts.device))!
      device.retiredSeq = act.seq
      device.retiredAt = act.at
      device.retiredReason = facts.reason
      break
    }
    case 'identity':
      view.identity = bundleOf(facts)
      break
    case 'profile':
      view.profileSeq = act.seq
      break
  }
  return appliedWith()
}

/** The account log: strict, governed by itself, written by the account's own devices. */
export const accountRules: LogRules<AccountView, AccountFacts, undefined> = {
  kind: logKinds.account,
  name: 'account',
  version: 1,
  strict: true,
  create: (genesis) => ({
    log: toHex(logIdOf(genesisHash(genesis))),
    salt: genesis.salt,
    accountId: undefined,
    rootKey: undefined,
    instanceKey: undefined,
    state: undefined,
    identity: undefined,
    profileSeq: undefined,
    devices: new Map(),
  }),
  decode: decodeAccountFacts,
  verify,
  permits,
  may,
  objects: () => [],
  apply,
}
