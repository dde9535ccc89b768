/** A share on this device: its verified tree, and appending to it. */
import { ProblemError } from '@hearthold/contract'
import {
  equalBytes,
  fromHex,
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
  type ShareFacts,
  shareRules,
  type ShareView,
} from '@hearthold/model'
import { authorOf, deviceOf, newestKey, type Unlocked } from '../account/unlock.ts'
import { headsOf } from '../logs/heads-register.ts'
import { openCachedShare, sealCachedShare, type Tail } from '../logs/log-cache.ts'
import { type EntryDraft, signDrafts } from '../logs/log-entries.ts'
import { LogReplica, type ReplicaStart } from '../logs/log-replica.ts'
import { encodeShareState, type ShareParts, type ShareState } from '../logs/share-state.ts'
import { createTurns, type Turns } from '../logs/turns.ts'
import { nowOf } from '../member-context.ts'
import { checkBetween, findCheckpoint, isDoubtful, loadCheckpoint } from './share-checkpoint.ts'
import { createShareKeys, type ShareKeys } from './share-keys.ts'
import { checkTail } from './write-checkpoint.ts'

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
  /** The newest checkpoint that this device knows of, and the changes after it. */
  tail: Tail
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
    { client: context.client, heads: headsOf(member), log },
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

/** A state to go on from, and where its checkpoint was. */
type Start = { readonly state: ShareState; readonly tail: Tail }

/** The state kept earlier, if there is one that opens: anything else is only a slower start. */
const loadKept = async (member: Unlocked, log: string): Promise<Start | undefined> => {
  const sealed = await member.context.cache?.load(log)
  if (!sealed) return undefined
  try {
    const kept = await openCachedShare(newestKey(member, 'files').key, fromHex(log), sealed)
    return isDoubtful(member, kept.tail.basis) ? undefined : kept
  } catch (error) {
    if (error instanceof IntegrityError) return undefined
    throw error
  }
}

const keepParts = async (
  member: Unlocked,
  log: string,
  parts: ShareParts,
  tail: Tail,
): Promise<void> => {
  const { key } = newestKey(member, 'files')
  await member.context.cache?.save(log, await sealCachedShare(key, fromHex(log), parts, tail))
}

/** Keeps the verified state where enough has changed to be worth it: a twentieth of the nodes, at least 200 changes. */
export const keepShare = async (share: Share, always = false): Promise<void> => {
  const { member, log, replica, view } = share
  if (!member.context.cache) return
  if (!always && share.unkept < Math.max(200, view.nodes.size / 20)) return
  const kept = await replica.snapshot((state) => {
    share.unkept = 0
    return { parts: encodeShareState(state), tail: share.tail }
  })
  await keepParts(member, log, kept.parts, kept.tail)
}

const makeShare = (member: Unlocked, log: string, start?: Start): Share => {
  const keys = createShareKeys(member, log)
  const counted = (changes: number): void => {
    share.unkept += changes
    share.tail = { ...share.tail, changes: share.tail.changes + changes }
  }
  const replica = makeReplica(member, log, keys, counted, start?.state)
  const share: Share = {
    log,
    member,
    replica,
    get view() {
      return replica.view
    },
    keys,
    writing: createTurns(),
    unkept: 0,
    tail: start?.tail ?? { seq: 0, changes: 0, basis: undefined },
  }
  return share
}

export type OpenOptions = {
  readonly signal?: AbortSignal | undefined
  /**
   * Told of the share's tree where it comes from a checkpoint: before the keys of its files, and what happened since, are
   * there. Files have no versions yet, and what follows may still refuse all of it: show it as being checked.
   */
  readonly onTree?: ((view: ShareView) => void) | undefined
  /** True for a share that was founded just now: nobody can have kept a state of it. */
  readonly isNew?: boolean
}

/**
 * Opens a share of one's own by its log id (hex) and brings it up to date: from the state that this device kept, else
 * from the newest checkpoint of the account's devices, else from its first entry. Throws ProblemError('not_found') for
 * one that this member cannot read, IntegrityError for whatever the server got wrong.
 */
export const openShare = async (
  member: Unlocked,
  log: string,
  options: OpenOptions = {},
): Promise<Share> => {
  const shares = openShares(member)
  const known = shares.get(log)
  if (known) {
    const share = await known
    await share.replica.sync(options.signal)
    checkTail(share)
    return share
  }
  const opening = readShare(member, log, options)
  shares.set(log, opening)
  opening.catch(() => shares.delete(log))
  return opening
}

/** The result of work on a checkpoint, or the lie that it met: a log can always be replayed from its first entry. */
const unlessLie = async <T>(work: () => Promise<T>): Promise<T | IntegrityError | undefined> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof IntegrityError) return error
    // A part is gone: another device has replaced it just now.
    if (error instanceof ProblemError && error.code === 'not_found') return undefined
    throw error
  }
}

/** The share by its newest checkpoint and what came after that; a lie, or undefined, where there is none to go on from. */
const openFromCheckpoint = async (
  member: Unlocked,
  log: string,
  { signal, onTree }: OpenOptions,
): Promise<Share | IntegrityError | undefined> => {
  const header = await unlessLie(() => findCheckpoint(member, log, signal))
  if (!header || header instanceof IntegrityError) return header
  const seen = await headsOf(member).seen(log)
  if (seen && seen.seq < header.seq) await checkBetween(member, seen, header, signal)
  return unlessLie(async () => {
    const loaded = await loadCheckpoint(member, header, { signal, onTree })
    if (!loaded) return undefined
    const { state, parts } = loaded
    const tail = { seq: header.seq, changes: 0, basis: state.position.gov }
    const share = makeShare(member, log, { state, tail })
    await share.replica.sync(signal)
    await keepParts(member, log, parts, tail)
    return share
  })
}

const readShare = async (member: Unlocked, log: string, options: OpenOptions): Promise<Share> => {
  const { signal, isNew = false } = options
  const kept = await loadKept(member, log)
  const found = kept || isNew ? undefined : await openFromCheckpoint(member, log, options)
  const lie = found instanceof IntegrityError ? found : undefined
  let share = found instanceof IntegrityError ? undefined : found
  if (!share) {
    share = makeShare(member, log, kept)
    await share.replica.sync(signal)
  }
  if (share.view.epoch === 0) {
    throw new IntegrityError('log_withheld', 'The server shows a share without its first entry.')
  }
  if (lie) member.context.distrusted?.(log, lie)
  await keepShare(share)
  checkTail(share)
  return share
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
