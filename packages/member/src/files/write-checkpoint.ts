/** Writing checkpoints of shares: after the act that made the tail long, never as a part of it. */
import { fitsBundle, putBundle, uploadObject } from '@hearthold/client'
import { putCheckpoint } from '@hearthold/contract'
import {
  type Bytes,
  checkpointObjectKey,
  checkpointViewMac,
  encodeCheckpointHeader,
  fromHex,
  IntegrityError,
  randomId,
  sealObject,
  signCheckpoint,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { type EpochFacts, shareRules } from '@hearthold/model'
import { authorOf, deviceOf } from '../account/unlock.ts'
import { doLater } from '../logs/afterwork.ts'
import { deflate } from '../logs/compression.ts'
import { encodeShareState } from '../logs/share-state.ts'
import { findCheckpoint, isDoubtful } from './share-checkpoint.ts'
import type { Share } from './share.ts'

/** Entries and changes after which a checkpoint is worth writing; below the least number a replay costs nothing. */
export const tailLimitEntries = 2000
const leastChanges = 1000

const isLong = (share: Share): boolean => {
  const { tail, replica, view } = share
  const entries = replica.position.seq - tail.seq
  return entries > tailLimitEntries || tail.changes > Math.max(leastChanges, view.nodes.size / 10)
}

/** Puts a checkpoint off until this device is quiet, where the tail is longer than readers should replay. */
export const checkTail = (share: Share): void => {
  if (!share.member.device || !isLong(share) || isDoubtful(share.member, share.tail.basis)) return
  doLater(share.member, `checkpoint ${share.log}`, async () => {
    if (!isLong(share) || (await isWritten(share))) return
    if (!isDoubtful(share.member, share.tail.basis)) await writeCheckpoint(share)
  })
}

/** Another device may have written one meanwhile. The changes after it are guessed from the entries after it. */
const isWritten = async (share: Share): Promise<boolean> => {
  try {
    const found = await findCheckpoint(share.member, share.log)
    const { seq } = share.replica.position
    if (!found || found.seq <= share.tail.seq || found.seq > seq) return false
    const part = (seq - found.seq) / (seq - share.tail.seq)
    share.tail = {
      ...share.tail,
      seq: found.seq,
      changes: Math.ceil(share.tail.changes * part),
    }
    return !isLong(share)
  } catch (error) {
    if (error instanceof IntegrityError) return false
    throw error
  }
}

const store = async (share: Share, object: Bytes, bytes: Bytes): Promise<void> => {
  const { client } = share.member.context
  const id = toHex(object)
  if (fitsBundle(bytes.length)) return putBundle(client, [{ object: id, bytes }])
  await uploadObject(client, {
    object: id,
    sizeBytes: bytes.length,
    open: async function* (offset) {
      yield bytes.subarray(offset)
    },
  })
}

const storePart = async (share: Share, logKey: Bytes, plain: Bytes): Promise<Bytes> => {
  const object = randomId()
  const sealed = await sealObject(checkpointObjectKey(logKey, object), object, await deflate(plain))
  await store(share, object, sealed)
  return object
}

/**
 * Writes a checkpoint of the share as it stands here, and resolves once the server has taken it. Throws ProblemError
 * ('head_moved' where there is one as new, 'over_quota' ...), NetworkError, IntegrityError where the newest epoch's key
 * does not open.
 */
export const writeCheckpoint = async (share: Share): Promise<void> => {
  const { member, replica, log, keys } = share
  const { id, seed } = deviceOf(member)
  const made = await replica.snapshot((state) => ({
    ...encodeShareState(state),
    place: state.position,
    epoch: state.view.epochs.get(state.view.epoch),
    changes: share.tail.changes,
  }))
  const epoch: EpochFacts | undefined = made.epoch
  if (!epoch) throw new RangeError('a share without an epoch has nothing to keep')
  const logKey = await keys.open(epoch)
  const tree = await storePart(share, logKey, made.tree)
  const keysPart = await storePart(share, logKey, made.keys)
  const { seq, chain } = made.place
  const header = encodeCheckpointHeader({
    rules: shareRules.version,
    log: replica.logBytes,
    seq,
    chain,
    epoch: epoch.epoch,
    keyVersion: epoch.domainKeyVersion,
    sealedLogKey: epoch.sealedLogKey as Bytes,
    author: authorOf(member),
    device: fromHex(id),
    tree,
    keys: keysPart,
    viewMac: checkpointViewMac(logKey, replica.logBytes, made.tree),
  })
  const signature = toHex(await signCheckpoint(seed, header))
  const parts = { tree: toHex(tree), keys: toHex(keysPart) }
  const body = { seq, ...parts, header: toB64(header), signature }
  await member.context.client.call(putCheckpoint, { params: { log }, body })
  share.tail = { ...share.tail, seq, changes: share.tail.changes - made.changes }
}
