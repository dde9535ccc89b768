/** The account log as its own member reads it: strict, every signature checked, devices certified by the log itself. */
import {
  type BodyPlace,
  type Bytes,
  deviceId,
  equalBytes,
  findDomainKey,
  fromHex,
  fromUtf8,
  IntegrityError,
  type Keyring,
  openBody,
  type StampedEntry,
  toHex,
} from '@hearthold/crypto'
import {
  type AccountFacts,
  accountRules,
  type AccountView,
  type SignedState,
} from '@hearthold/model'
import { LogReplica } from '../logs/log-replica.ts'
import { type MemberContext } from '../member-context.ts'

/** A sealed body kept for later: labels and names are opened only once the keyring is. */
type SealedText = { readonly place: BodyPlace; readonly body: Bytes }

export type AccountReplica = LogReplica<AccountView, AccountFacts, undefined>

export type AccountLog = {
  /** Log id in hex. */
  readonly log: string
  readonly replica: AccountReplica
  readonly view: AccountView
  /** Throws IntegrityError('account_state') where the log holds no valid state. */
  state(): SignedState
  accountId(): Bytes
  rootKey(): Bytes
  instanceKey(): Bytes
  /** The sealed keyring of the newest state. */
  sealedKeyring(): Bytes
  /** Label of a device and the display name, opened with the settings keys; undefined where none can be read. */
  openLabel(keyring: Keyring, device: string): Promise<string | undefined>
  openName(keyring: Keyring): Promise<string | undefined>
}

const findDevice = (
  log: string,
  view: AccountView,
  entry: { author: string; device: string; facts: AccountFacts | undefined },
): Uint8Array | undefined => {
  if (entry.author !== log) return undefined
  const known = view.devices.get(entry.device)
  if (known) return known.retiredSeq === undefined ? known.publicKey : undefined
  const { facts } = entry
  const enrols = facts?.entry === 'enrol' && toHex(deviceId(facts.deviceKey)) === entry.device
  return enrols ? facts.deviceKey : undefined
}

const sealedTextOf = ({ header, body }: StampedEntry): SealedText => ({
  place: {
    log: header.log.slice(),
    author: header.author.slice(),
    device: header.device.slice(),
    own: header.own,
    epoch: header.epoch,
    factsHash: header.factsHash.slice(),
    kind: header.kind,
  },
  body: (body ?? new Uint8Array(0)).slice(),
})

const openText = async (
  keyring: Keyring,
  sealed: SealedText | undefined,
): Promise<string | undefined> => {
  const key = sealed && findDomainKey(keyring, 'settings', sealed.place.epoch)
  return key && fromUtf8(await openBody(key.key, sealed.place, sealed.body))
}

const missing = (what: string): never => {
  throw new IntegrityError('account_state', `The account log holds no valid ${what}.`)
}

/**
 * Reads and verifies an account log from its first entry. `account` (id in hex) is what the sign-in named: a log of
 * another account is IntegrityError('account_state'). Throws IntegrityError('instance_key') where the log trusts
 * another instance than this device remembers, 'account_rolled_back' where it is older than what was seen.
 */
export const openAccountLog = async (
  context: MemberContext,
  where: { account: string; log: string },
): Promise<AccountLog> => {
  const labels = new Map<string, SealedText>()
  let name: SealedText | undefined
  let keyring: Bytes | undefined
  const replica: AccountReplica = new LogReplica(
    { client: context.client, heads: context.heads, log: where.log },
    {
      rules: accountRules,
      everySignature: true,
      rolledBack: 'account_rolled_back',
      prepare: () => Promise.resolve(),
      findDevice: (view, author, device, _gov, facts) =>
        findDevice(where.log, view, { author, device, facts }),
      governing: () => undefined,
      findInstanceKey: (view) => checkInstanceKey(context, view.instanceKey),
      join: (_view, _entry, facts) => Promise.resolve(facts),
      applied: (entry, facts) => {
        if (facts.entry === 'enrol') labels.set(toHex(entry.header.device), sealedTextOf(entry))
        if (facts.entry === 'profile') name = sealedTextOf(entry)
        if (facts.entry === 'state') keyring = entry.body?.slice()
      },
    },
  )
  await replica.sync()
  const { view } = replica
  if (!view.accountId || !equalBytes(view.accountId, fromHex(where.account))) {
    throw new IntegrityError(
      'account_state',
      'The log is of another account than the one signed in to.',
    )
  }
  return {
    log: where.log,
    replica,
    view,
    state: () => view.state ?? missing('state'),
    accountId: () => view.accountId ?? missing('account'),
    rootKey: () => view.rootKey ?? missing('root'),
    instanceKey: () => view.instanceKey ?? missing('instance key'),
    sealedKeyring: () => keyring ?? missing('keyring'),
    openLabel: (keys, device) => openText(keys, labels.get(device)),
    openName: (keys) => openText(keys, name),
  }
}

/** The key inside the log must be the one that this device remembers of the server. */
const checkInstanceKey = (context: MemberContext, pinned: Bytes | undefined): Bytes | undefined => {
  if (pinned && context.instanceKey !== undefined && toHex(pinned) !== context.instanceKey) {
    throw new IntegrityError('instance_key', 'This is not the server that the account was made at.')
  }
  return pinned
}
