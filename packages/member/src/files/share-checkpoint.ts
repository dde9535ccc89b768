/** Checkpoints of shares as readers take them (docs/formats/checkpoint.md): signed by a device of one's own, else not. */
import { downloadObject } from '@hearthold/client'
import { type AnswerOf, getCheckpoint, ProblemError, readLog } from '@hearthold/contract'
import {
  type Bytes,
  type CheckpointHeader,
  checkpointObjectKey,
  checkpointViewMac,
  concat,
  decodeCheckpointHeader,
  decodePage,
  equalBytes,
  fromB64,
  fromHex,
  headerHash,
  IntegrityError,
  nextChain,
  objectCommitment,
  openCheckpointHeader,
  openLogKey,
  openObject,
  toHex,
} from '@hearthold/crypto'
import { retireReasons, shareRules, type ShareView } from '@hearthold/model'
import { authorOf, keyOfVersion, type Unlocked } from '../account/unlock.ts'
import { inflate } from '../logs/compression.ts'
import { headsOf } from '../logs/heads-register.ts'
import type { KnownHead } from '../logs/known-heads.ts'
import {
  addStateKeys,
  decodeTreeState,
  type ShareParts,
  type ShareState,
} from '../logs/share-state.ts'

const partLimitBytes = 512 * 1024 * 1024

const refuse = (message: string, cause?: unknown): never => {
  throw new IntegrityError('checkpoint', message, { cause })
}

/** Claims of an answer that its signed header does not make. */
const checkClaims = (
  member: Unlocked,
  log: Uint8Array,
  header: CheckpointHeader,
  answer: AnswerOf<typeof getCheckpoint>,
): void => {
  const { seq, tree, keys } = answer
  const says =
    equalBytes(header.log, log) &&
    header.seq === seq &&
    toHex(header.tree) === tree &&
    toHex(header.keys) === keys
  if (!says) refuse('The checkpoint is of another log than the one asked for.')
  if (!equalBytes(header.author, authorOf(member))) {
    refuse('The checkpoint is not by a device of this account.')
  }
}

/**
 * The newest checkpoint of a share whose header a device of this account signed; undefined where there is none, or none
 * of use here: by a device that was retired since, or of other rules. IntegrityError('checkpoint' or 'malformed') for
 * anything else. Its number and chain count from then on as seen.
 */
export const findCheckpoint = async (
  member: Unlocked,
  log: string,
  signal?: AbortSignal,
): Promise<CheckpointHeader | undefined> => {
  const { account, context } = member
  let answer: AnswerOf<typeof getCheckpoint>
  try {
    answer = await context.client.call(getCheckpoint, { params: { log }, signal })
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'not_found') return undefined
    throw error
  }
  const bytes = fromB64(answer.header)
  const claimed = decodeCheckpointHeader(bytes)
  checkClaims(member, fromHex(log), claimed, answer)
  const id = toHex(claimed.device)
  if (!account.view.devices.has(id)) await account.replica.sync(signal)
  const device =
    account.view.devices.get(id) ?? refuse('The checkpoint is not by a device of this account.')
  const header = await openCheckpointHeader(bytes, fromHex(answer.signature), device.publicKey)
  if (device.retiredSeq !== undefined || header.rules !== shareRules.version) return undefined
  headsOf(member).learn(log, { seq: header.seq, chain: toHex(header.chain), at: 0 })
  return header
}

/**
 * Whether a state that rests on a checkpoint of this `gov` may be wrong: a device in bad hands could sign what it liked, and
 * others wrote theirs on it, until it was revoked. What came after the revocation rests on a replay.
 */
export const isDoubtful = (member: Unlocked, basis: number | undefined): boolean => {
  if (basis === undefined) return false
  for (const { retiredSeq = 0, retiredReason } of member.account.view.devices.values()) {
    if (retiredReason === retireReasons.revoked && retiredSeq > basis) return true
  }
  return false
}

const fetchPart = async (
  member: Unlocked,
  logKey: Bytes,
  object: Bytes,
  signal?: AbortSignal,
): Promise<Bytes> => {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of downloadObject(member.context.client, toHex(object), {
    ...(signal ? { signal } : {}),
  })) {
    length += part.length
    if (length > partLimitBytes) refuse('A part of the checkpoint is larger than any can be.')
    parts.push(part.slice())
  }
  const key = checkpointObjectKey(logKey, object)
  return openObject(key, object, objectCommitment(key, object), concat(...parts))
}

const checkTree = (
  member: Unlocked,
  header: CheckpointHeader,
  { genesis, position, tree }: ReturnType<typeof decodeTreeState>,
): void => {
  const { view } = tree
  const fits =
    position.seq === header.seq &&
    equalBytes(position.chain, header.chain) &&
    view.root === toHex(header.log) &&
    view.epoch === header.epoch &&
    view.founder === member.account.log &&
    toHex(genesis.founder) === view.founder
  if (!fits) refuse('The checkpoint does not hold what its header says.')
}

const keyOf = async (member: Unlocked, header: CheckpointHeader): Promise<Bytes> => {
  const { log, epoch, keyVersion, sealedLogKey } = header
  const domainKey =
    (await keyOfVersion(member, 'files', keyVersion)) ??
    refuse('The checkpoint is sealed under a key that the account has not.')
  return openLogKey(domainKey, log, epoch, sealedLogKey)
}

/**
 * Fetches both parts and checks them as the format says. `onTree` gets the view as soon as its tree was checked; its files
 * have no versions before this resolves, and then have them in that same view. IntegrityError for anything that does
 * not fit; ProblemError('not_found') where a part is gone, as after another device wrote a newer checkpoint.
 */
export const loadCheckpoint = async (
  member: Unlocked,
  header: CheckpointHeader,
  options: {
    readonly onTree?: ((view: ShareView) => void) | undefined
    readonly signal?: AbortSignal | undefined
  } = {},
): Promise<{ state: ShareState; parts: ShareParts } | undefined> => {
  const { onTree, signal } = options
  const logKey = await keyOf(member, header)
  const sealedTree = await fetchPart(member, logKey, header.tree, signal)
  // One after the other on the line, so that the tree is there first; opened while the keys are on their way.
  const fetchingKeys = fetchPart(member, logKey, header.keys, signal)
  fetchingKeys.catch(() => undefined)
  const tree = await inflate(sealedTree, partLimitBytes)
  if (!equalBytes(checkpointViewMac(logKey, header.log, tree), header.viewMac)) {
    refuse('The checkpoint is not the one whose code its header carries.')
  }
  const state = decodeTreeState(tree)
  checkTree(member, header, state)
  if (isDoubtful(member, state.position.gov)) return undefined
  onTree?.(state.tree.view)
  const keys = await inflate(await fetchingKeys, partLimitBytes)
  return { state: addStateKeys(state, keys), parts: { tree, keys } }
}

/**
 * Follows the chain from what was seen to a later checkpoint, by hashes alone: without it a device that has seen one
 * history would take a checkpoint of another. IntegrityError('log_rolled_back') where it does not lead there.
 */
export const checkBetween = async (
  member: Unlocked,
  known: KnownHead,
  header: CheckpointHeader,
  signal?: AbortSignal,
): Promise<void> => {
  const log = toHex(header.log)
  let { seq } = known
  let chain: Bytes = fromHex(known.chain)
  while (seq < header.seq) {
    const query = { after: seq, limit: Math.min(500, header.seq - seq) }
    const bytes = await member.context.client.call(readLog, { params: { log }, query, signal })
    const { entries } = decodePage(bytes)
    if (entries.length === 0 || entries[0]!.seq !== seq + 1) break
    for (const entry of entries.slice(0, header.seq - seq)) {
      chain = nextChain(chain, headerHash(entry), entry.signature, entry)
      seq++
    }
  }
  if (seq === header.seq && equalBytes(chain, header.chain)) return
  throw new IntegrityError(
    'log_rolled_back',
    'The checkpoint is of another history than this device has seen.',
  )
}
