/** Drafts of account entries. */
import {
  type Bytes,
  certifyDevice,
  createAccountState,
  createIdentityBundle,
  currentDomainKey,
  currentIdentity,
  type Keyring,
  type MethodRecord,
  sealBody,
  sealKeyring,
  signAccountState,
  utf8,
} from '@hearthold/crypto'
import {
  accountEntryKinds,
  type AccountFacts,
  encodeAccountFacts,
  type RetireFacts,
} from '@hearthold/model'
import { emptyBody, type EntryDraft } from '../logs/log-entries.ts'

export type AccountDraft = EntryDraft<AccountFacts>

/** An account's secrets as one state has them. */
export type StateKeys = {
  readonly account: Bytes
  readonly accountKey: Bytes
  readonly generation: number
  readonly keyring: Keyring
}

const settingsKey = (keyring: Keyring) => currentDomainKey(keyring, 'settings')

const draft = (
  keyring: Keyring,
  facts: AccountFacts,
  seal: AccountDraft['seal'],
): AccountDraft => ({
  kind: accountEntryKinds[facts.entry],
  epoch: settingsKey(keyring).version,
  facts,
  payload: encodeAccountFacts(facts),
  seal,
})

const withText = (keyring: Keyring, facts: AccountFacts, text: string): AccountDraft =>
  draft(keyring, facts, (place) => sealBody(settingsKey(keyring).key, place, utf8(text)))

const bodyless = (keyring: Keyring, facts: AccountFacts): AccountDraft =>
  draft(keyring, facts, () => emptyBody)

/** Enrols a device: certified by the root, signed by the device itself, its label sealed. */
export const enrolDraft = async (
  keys: { account: Bytes; keyring: Keyring; rootKey: Bytes },
  device: { publicKey: Bytes; label: string },
): Promise<AccountDraft> =>
  withText(
    keys.keyring,
    {
      entry: 'enrol',
      accountId: keys.account,
      rootKey: keys.rootKey,
      deviceKey: device.publicKey,
      certificate: await certifyDevice(keys.keyring.rootSeed, keys.account, device.publicKey),
    },
    device.label,
  )

/** A signed state for entry number `counter`, with the keyring sealed under the account key as its body. */
export const stateDraft = async (
  keys: StateKeys,
  methods: readonly MethodRecord[],
  counter: number,
): Promise<AccountDraft> => {
  const { account, generation, keyring } = keys
  const sealed = await sealKeyring(keys.accountKey, { account, generation }, keyring)
  const state = createAccountState({ account, generation, counter }, sealed, methods)
  const rootSignature = await signAccountState(keyring.rootSeed, state)
  return draft(keyring, { entry: 'state', generation, methods, rootSignature }, () => sealed)
}

/** Pins the key whose receipts this account trusts. */
export const pinDraft = (keyring: Keyring, instanceKey: Bytes): AccountDraft =>
  bodyless(keyring, { entry: 'pin', instanceKey })

/** The public identity of the keyring's newest version. */
export const identityDraft = async (keys: {
  account: Bytes
  keyring: Keyring
}): Promise<AccountDraft> => {
  const { keyring, account } = keys
  const bundle = await createIdentityBundle(keyring.rootSeed, account, currentIdentity(keyring))
  return bodyless(keyring, { entry: 'identity', ...bundle })
}

/** The display name, sealed. */
export const profileDraft = (keyring: Keyring, name: string): AccountDraft =>
  withText(keyring, { entry: 'profile' }, name)

/** Retires a device; `device` is its id. */
export const retireDraft = (
  keyring: Keyring,
  device: Bytes,
  reason: RetireFacts['reason'],
): AccountDraft => bodyless(keyring, { entry: 'retire', device, reason })
