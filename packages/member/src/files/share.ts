/** A share on this device: its verified tree, and appending to it. */
import { listLogs, ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  equalBytes,
  IntegrityError,
  openBody,
  type LogPage,
  type SignedEntry,
  type StampedEntry,
} from '@hearthold/crypto'
import {
  type AccountView,
  decodeAttributes,
  deviceAt,
  type EpochFacts,
  logKinds,
  type ShareFacts,
  shareRules,
  type ShareView,
} from '@hearthold/model'
import { authorOf, deviceOf, newestKey, type Unlocked } from '../account/unlock.ts'
import { openCachedShare, sealCachedShare } from '../logs/log-cache.ts'
import { type EntryDraft, signDrafts } from '../logs/log-entries.ts'
import { LogReplica, type ReplicaStart } from '../logs/log-replica.ts'
import { createTurns, type Turns } from '../logs/turns.ts'
import { nowOf } from '../member-context.ts'
import { createShareKeys, type ShareKeys } from './share-keys.ts'

export type ShareReplica = LogReplica<ShareView, ShareFacts, AccountView>

export type Share = {
  /** Log id in hex; also the id of the root folder. */
  readonly log: string
  readonly member: Unlocked
  readonly replica: ShareReplica
  readonly view: ShareView
  readonly keys: ShareKeys
  /** Appends of this device, one after the other. */
  readonly writing: Turns
  /** Changes taken since the state was last kept. */
  unkept: number
}

const open = new WeakMap<Unlocked, Map<string, Promise<Share>>>()

/** Shares open under this unlocked account, so that each log has one replica, also when two ask at once. */
const openShares = (member: Unlocked): Map<string, Promise<Share>> => {
  const found = open.get(member)
  if (found) return found
  const shares = new Map<string, Promise<Share>>()
  open.set(member, shares)
  return shares
}

/** Brings the account log up to what the page was judged by, and holds what its authors knew of it against it. */
const prepare = async (member: Unlocked, page: LogPage): Promise<void> => {
  const { replica } = member.account
  const gov = page.entries.reduce((most, entry) => Math.max(most, entry.gov), 0)
  if (gov > replica.position.seq) await replica.sync()
  if (gov > replica.position.seq) {
    throw new IntegrityError(
      'log_stamp',
      'An entry is stamped with a place that the account log has not reached.',
    )
  }
  for (const { header } of page.entries) {
    const chain = replica.chainAt(header.basis.seq)
    if (chain && !equalBytes(chain, header.basis.chain)) {
      throw new IntegrityError('log_chain', 'The author knew another account log than this one.')
    }
  }
}

const placeOf = ({ header }: StampedEntry) => header

/**
 * Opens the sealed part. An epoch that the log never opened has no key: the rules refuse such an entry. Body and epoch
 * are as their author signed them, so one that does not open is the work of a device in bad hands: what it sealed is
 * missing then, `unreadable` is told, and the rest of the share stays usable. The server sees the facts alone and
 * has accepted them, so they count here as well.
 */
const join = async (
  keys: ShareKeys,
  view: ShareView,
  entry: StampedEntry,
  facts: ShareFacts,
  unreadable: (seq: number) => void,
): Promise<ShareFacts> => {
  if (facts.entry === 'fence') return facts
  const epoch: EpochFacts | undefined =
    facts.entry === 'found' ? facts : view.epochs.get(entry.header.epoch)
  if (!epoch || !entry.body || entry.body.length === 0) return facts
  try {
    const body = await openBody(await keys.open(epoch), placeOf(entry), entry.body)
    const count = facts.entry === 'change' ? facts.changes.length : 1
    return { ...facts, attributes: decodeAttributes(body, count) }
  } catch (error) {
    const signedSo = error instanceof IntegrityError && error.code !== 'log_unknown_version'
    if (!signedSo) throw error
    unreadable(entry.seq)
    return facts
  }
}

const makeReplica = (
  member: Unlocked,
  log: string,
  keys: ShareKeys,
  counted: (changes: number) => void,
  start?: ReplicaStart<ShareView>,
): ShareReplica => {
  const { account, context } = member
  const unreadable = (seq: number): void =>
    void replica.refused.push({ seq, code: 'entry_invalid' })
  const replica: ShareReplica = new LogReplica(
    { client: context.client, heads: context.heads, log },
    {
      rules: shareRules,
      everySignature: false,
      rolledBack: 'log_rolled_back',
      prepare: (page) => prepare(member, page),
      findDevice: (view, author, device, gov) =>
        author === account.log && view.founder === author
          ? deviceAt(account.view, device, gov)?.publicKey
          : undefined,
      governing: () => account.view,
      findInstanceKey: () => account.instanceKey(),
      join: (view, entry, facts) => join(keys, view, entry, facts, unreadable),
      applied: (_entry, facts) => counted(facts.entry === 'change' ? facts.changes.length : 1),
    },
    start,
  )
  return replica
}

/** The state kept earlier, if there is one that opens: anything else is only a slower start. */
const loadKept = async (
  member: Unlocked,
  log: string,
  logBytes: Bytes,
): Promise<ReplicaStart<ShareView> | undefined> => {
  const sealed = await member.context.cache?.load(log)
  if (!sealed) return undefined
  try {
    return await openCachedShare(newestKey(member, 'files').key, logBytes, sealed)
  } catch (error) {
    if (error instanceof IntegrityError) return undefined
    throw error
  }
}

/** Keeps the verified state where enough has changed to be worth it: a twentieth of the nodes, at least 200 changes. */
export const keepShare = async (share: Share, always = false): Promise<void> => {
  const { cache } = share.member.context
  if (!cache || (!always && share.unkept < Math.max(200, share.view.nodes.size / 20))) return
  const { genesis, position, view } = share.replica
  const key = newestKey(share.member, 'files').key
  const state = { genesis, position, view }
  await cache.save(share.log, await sealCachedShare(key, share.replica.logBytes, state))
  share.unkept = 0
}

const makeShare = (
  member: Unlocked,
  log: string,
  replica: ShareReplica,
  keys: ShareKeys,
): Share => ({
  log,
  member,
  replica,
  get view() {
    return replica.view
  },
  keys,
  writing: createTurns(),
  unkept: 0,
})

/**
 * Opens a share of one's own by its log id (hex) and brings it up to date. Throws ProblemError('not_found') for one
 * that this member cannot read, IntegrityError for whatever the server got wrong.
 */
export const openShare = async (
  member: Unlocked,
  log: string,
  signal?: AbortSignal,
): Promise<Share> => {
  const shares = openShares(member)
  const known = shares.get(log)
  if (known) {
    const share = await known
    await share.replica.sync(signal)
    return share
  }
  const opening = readShare(member, log, signal)
  shares.set(log, opening)
  opening.catch(() => shares.delete(log))
  return opening
}

const readShare = async (
  member: Unlocked,
  log: string,
  signal: AbortSignal | undefined,
): Promise<Share> => {
  const keys = createShareKeys(member, log)
  let share: Share | undefined
  let early = 0
  const counted = (changes: number): void => {
    if (share) share.unkept += changes
    else early += changes
  }
  const blank = makeReplica(member, log, keys, counted)
  const kept = await loadKept(member, log, blank.logBytes)
  const replica = kept ? makeReplica(member, log, keys, counted, kept) : blank
  await replica.sync(signal)
  if (replica.view.epoch === 0) {
    throw new IntegrityError('log_withheld', 'The server shows a share without its first entry.')
  }
  share = makeShare(member, log, replica, keys)
  share.unkept = early
  await keepShare(share)
  return share
}

/** Log ids (hex) of the shares that this member can read. */
export const listShareLogs = async (member: Unlocked, signal?: AbortSignal): Promise<string[]> => {
  const { logs } = await member.context.client.call(listLogs, { signal })
  return logs.filter(({ kind }) => kind === logKinds.share).map(({ log }) => log)
}

export type ShareSummary = {
  readonly log: string
  readonly name: string
  /** Nodes, those in the trash included. */
  readonly nodes: number
  readonly confirmedAt: number
}

/** All shares with their names; opens each. */
export const listShares = async (
  member: Unlocked,
  signal?: AbortSignal,
): Promise<ShareSummary[]> => {
  const summaries: ShareSummary[] = []
  for (const log of await listShareLogs(member, signal)) {
    const { view, replica } = await openShare(member, log, signal)
    summaries.push({
      log,
      name: view.name ?? '',
      nodes: view.nodes.size,
      confirmedAt: replica.confirmedAt,
    })
  }
  return summaries
}

/** The share of a name or log id. ProblemError('not_found') for none, 'bad_request' where several bear the name. */
export const findShare = async (member: Unlocked, nameOrLog: string): Promise<Share> => {
  // By its id a share is reached also where another one's log is damaged.
  if ((await listShareLogs(member)).includes(nameOrLog)) return openShare(member, nameOrLog)
  const wanted = nameOrLog.normalize('NFC')
  const found = (await listShares(member)).filter(({ name }) => name === wanted)
  if (found.length > 1) {
    throw new ProblemError('bad_request', 'Several shares have that name: give the id of one.')
  }
  if (!found[0]) throw new ProblemError('not_found', 'There is no share of that name or id.')
  return openShare(member, found[0].log)
}

/** Signs drafts at the place where the share stands now. */
export const signForShare = (
  share: Share,
  drafts: readonly EntryDraft<ShareFacts>[],
): Promise<SignedEntry[]> => {
  const { member, replica } = share
  const { seq, chain } = member.account.replica.position
  return signDrafts(
    {
      log: replica.logBytes,
      rules: shareRules.version,
      strict: shareRules.strict,
      position: replica.position,
      author: authorOf(member),
      device: deviceOf(member),
      basis: { seq, chain },
      clock: nowOf(member.context),
    },
    drafts,
  )
}
