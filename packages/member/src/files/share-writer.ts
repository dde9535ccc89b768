/** Appending to shares: entries are built on what is known, and built again when others were faster. */
import { appendLogs } from '@hearthold/contract'
import {
  encodeAppend,
  type Genesis,
  genesisHash,
  IntegrityError,
  logIdOf,
  randomBytes,
  sealBody,
  type SignedEntry,
  toHex,
} from '@hearthold/crypto'
import {
  type Attributes,
  type Change,
  encodeAttributes,
  encodeShareFacts,
  type EpochFacts,
  logKinds,
  nameProblem,
  shareEntryKinds,
  type ShareFacts,
  shareRules,
  type ShareView,
} from '@hearthold/model'
import { authorOf, deviceOf, newestKey, refresh, type Unlocked } from '../account/unlock.ts'
import {
  appendAttempts,
  checkOnHistory,
  mayHaveArrived,
  needsRebase,
  receiptsFor,
} from '../logs/appending.ts'
import { emptyBody, type EntryDraft, signDrafts } from '../logs/log-entries.ts'
import { nowOf } from '../member-context.ts'
import { createShareKeys, makeEpoch } from './share-keys.ts'
import { keepShare, openShare, type Share, signForShare } from './share.ts'
import { checkTail } from './write-checkpoint.ts'

export type ShareDraft = EntryDraft<ShareFacts>

/** Changes with what is sealed of each, by index. */
export type ChangeBatch = {
  readonly changes: readonly Change[]
  readonly attributes: readonly (Attributes | undefined)[]
}

/** A fence: opens the next epoch of a share under the given files key. */
export const fenceDraft = async (
  share: Share,
  under = newestKey(share.member, 'files'),
): Promise<{ draft: ShareDraft; epoch: EpochFacts }> => {
  const epoch = await makeEpoch(share.member, share.log, share.view.epoch + 1, under)
  const facts: ShareFacts = { entry: 'fence', ...epoch }
  const draft = {
    kind: shareEntryKinds.fence,
    epoch: epoch.epoch,
    facts,
    payload: encodeShareFacts(facts),
    seal: () => emptyBody,
  }
  return { draft, epoch }
}

/** What the reducer sees here must be what readers will decode: names in NFC, whole milliseconds. */
const asDecoded = (attributes: Attributes | undefined): Attributes | undefined =>
  attributes && {
    ...attributes,
    ...(attributes.name === undefined ? {} : { name: attributes.name.normalize('NFC') }),
    ...(attributes.modifiedAt === undefined
      ? {}
      : { modifiedAt: Math.round(attributes.modifiedAt) }),
  }

const sealedDraft = (
  share: Share,
  epoch: EpochFacts,
  facts: Extract<ShareFacts, { entry: 'change' | 'describe' }>,
): ShareDraft => ({
  kind: shareEntryKinds[facts.entry],
  epoch: epoch.epoch,
  facts,
  payload: encodeShareFacts(facts),
  seal: async (place) =>
    sealBody(await share.keys.open(epoch), place, encodeAttributes(facts.attributes ?? [])),
})

/** False for an epoch whose sealed key a device in bad hands made up. */
const opens = async (share: Share, epoch: EpochFacts): Promise<boolean> => {
  try {
    await share.keys.open(epoch)
    return true
  } catch (error) {
    if (error instanceof IntegrityError) return false
    throw error
  }
}

/** After a rotation of the account's keys the first writer opens a new epoch under the newest one. */
const inNewestEpoch = async (
  share: Share,
  facts: Extract<ShareFacts, { entry: 'change' | 'describe' }>,
): Promise<ShareDraft[]> => {
  const { view, member } = share
  const epoch = view.epochs.get(view.epoch)
  if (!epoch) throw new RangeError('a share without an epoch takes no changes')
  const current = epoch.domainKeyVersion >= newestKey(member, 'files').version
  if (current && (await opens(share, epoch))) {
    return [sealedDraft(share, epoch, facts)]
  }
  const fence = await fenceDraft(share)
  return [fence.draft, sealedDraft(share, fence.epoch, facts)]
}

const send = async (
  share: Share,
  drafts: readonly ShareDraft[],
  entries: readonly SignedEntry[],
  signal?: AbortSignal,
) => {
  const { member, replica } = share
  const append = encodeAppend([{ log: replica.logBytes, genesis: undefined, entries }])
  const gov = member.account.replica.position.seq
  const answer = await member.context.client.call(appendLogs, { body: append, signal })
  const [receipt] = receiptsFor(answer, [replica.logBytes])
  const facts = drafts.map((draft) => draft.facts)
  if (await replica.acceptAppended(entries, facts, receipt!, gov)) return
  await replica.sync(signal)
  checkOnHistory(receipt!, replica)
}

/** Nothing more is sealed under keys of which the account log tells that another device has replaced them. */
const takeNewKeys = async (member: Unlocked): Promise<void> => {
  if (member.account.state().seq !== member.keys.counter) await refresh(member)
}

/** Appends what `build` makes of the newest state; undefined appends nothing. */
const appendFacts = (
  share: Share,
  build: () => Promise<Extract<ShareFacts, { entry: 'change' | 'describe' }> | undefined>,
  signal?: AbortSignal,
): Promise<void> =>
  share.writing(async () => {
    const { member } = share
    for (let attempt = 1; ; attempt++) {
      await takeNewKeys(member)
      const facts = await build()
      if (!facts) return
      const drafts = await inNewestEpoch(share, facts)
      const entries = await signForShare(share, drafts)
      try {
        await send(share, drafts, entries, signal)
        await keepShare(share)
        return checkTail(share)
      } catch (error) {
        const again = needsRebase(error) || mayHaveArrived(error)
        if (!again || signal?.aborted || attempt >= appendAttempts) throw error
        await refresh(member)
        await share.replica.sync(signal)
        if (share.replica.endsWith(deviceOf(member).id, entries.at(-1)!)) return
      }
    }
  })

/**
 * Appends one batch of changes. `build` is given the newest view and called again whenever others have changed the
 * share meanwhile; an empty batch appends nothing. Resolves once the entry is durable and in the view. Throws
 * ProblemError (over_quota, object_missing, entry_refused, device_unknown ... or the last conflict after eight rebases).
 */
export const appendChanges = (
  share: Share,
  build: (view: ShareView) => ChangeBatch | Promise<ChangeBatch>,
  signal?: AbortSignal,
): Promise<void> =>
  appendFacts(
    share,
    async () => {
      const { changes, attributes } = await build(share.view)
      if (changes.length === 0) return undefined
      return { entry: 'change', changes, attributes: attributes.map(asDecoded) }
    },
    signal,
  )

/** Gives a share another name; RangeError for one that none can have. */
export const renameShare = (share: Share, name: string): Promise<void> => {
  const problem = nameProblem(name)
  if (problem !== undefined) return Promise.reject(new RangeError(problem))
  const attributes = [{ name: name.normalize('NFC') }]
  return appendFacts(share, () => Promise.resolve({ entry: 'describe', attributes }))
}

/**
 * Founds a share of one's own. `name` is 1 to 1,024 bytes, normalised to NFC; RangeError for a name that none can
 * have. Two shares may bear one name: the server cannot tell.
 */
export const createShare = async (member: Unlocked, name: string): Promise<Share> => {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new RangeError(problem)
  await takeNewKeys(member)
  const { seq, chain } = member.account.replica.position
  const author = authorOf(member)
  const genesis: Genesis = {
    kind: logKinds.share,
    rules: shareRules.version,
    founder: author,
    governing: author,
    salt: randomBytes(32),
  }
  const chainZero = genesisHash(genesis)
  const logBytes = logIdOf(chainZero)
  const log = toHex(logBytes)
  const draft = await foundDraft(member, log, name.normalize('NFC'))
  const entries = await signDrafts(
    {
      log: logBytes,
      rules: shareRules.version,
      strict: shareRules.strict,
      position: { seq: 0, chain: chainZero, at: 0, gov: 0, own: new Map() },
      author,
      device: deviceOf(member),
      basis: { seq, chain },
      clock: nowOf(member.context),
    },
    [draft],
  )
  const append = encodeAppend([{ log: logBytes, genesis, entries }])
  const answer = await member.context.client.call(appendLogs, { body: append })
  const [receipt] = receiptsFor(answer, [logBytes])
  const share = await openShare(member, log, { isNew: true })
  checkOnHistory(receipt!, share.replica)
  return share
}

const foundDraft = async (member: Unlocked, log: string, name: string): Promise<ShareDraft> => {
  const epoch = await makeEpoch(member, log, 1)
  const attributes = [{ name }]
  const facts: ShareFacts = { entry: 'found', ...epoch, attributes }
  return {
    kind: shareEntryKinds.found,
    epoch: 1,
    facts,
    payload: encodeShareFacts(facts),
    seal: async (place) => {
      const key = await createShareKeys(member, log).open(epoch)
      return sealBody(key, place, encodeAttributes(attributes))
    },
  }
}
