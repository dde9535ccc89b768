/**
 * Verified states of logs kept on this device, so that a run need not replay from the first entry. What is kept is
 * sealed under a key of the keyring: a lost disk tells nothing, and nobody but the member can plant a state.
 */
import {
  ByteReader,
  ByteWriter,
  type Bytes,
  equalBytes,
  hkdf,
  IntegrityError,
  lp,
  open,
  seal,
  utf8,
} from '@hearthold/crypto'
import { addShareKeys } from '@hearthold/model'
import { decodeTreeState, type ShareParts, type ShareState } from './share-state.ts'

/** Where sealed states lie; `log` is 32 hex digits. Losing them costs a replay and nothing else. */
export type LogCache = {
  load(log: string): Promise<Uint8Array | undefined>
  save(log: string, sealed: Uint8Array): Promise<void>
}

/**
 * The changes after the newest checkpoint that this device knows of, and its number. `basis`, where the state was not
 * replayed here but taken from a checkpoint: that one's `gov`.
 */
export type Tail = {
  readonly seq: number
  readonly changes: number
  readonly basis: number | undefined
}

const label = 'hearthold/v1/log-cache'
const magic = utf8('hhc2')
const partLimitBytes = 1024 * 1024 * 1024

const cacheKey = (domainKey: Uint8Array, log: Uint8Array): Bytes =>
  hkdf(domainKey, log, utf8(label))

/** Seals a share's verified state under a domain key. */
export const sealCachedShare = async (
  domainKey: Uint8Array,
  log: Uint8Array,
  { tree, keys }: ShareParts,
  tail: Tail,
): Promise<Bytes> => {
  const writer = new ByteWriter(tree.length + keys.length + 64).bytes(magic)
  writer
    .u64(tail.seq)
    .u64(tail.changes)
    .u64(tail.basis === undefined ? 0 : tail.basis + 1)
  return seal(cacheKey(domainKey, log), writer.sized(tree).sized(keys).finish(), lp(label, log))
}

const readBasis = (reader: ByteReader): number | undefined => {
  const value = reader.u64()
  return value === 0 ? undefined : value - 1
}

/** Opens what sealCachedShare made; IntegrityError('sealed_bytes' or 'malformed'): throw it away and replay. */
export const openCachedShare = async (
  domainKey: Uint8Array,
  log: Uint8Array,
  sealed: Uint8Array,
): Promise<{ state: ShareState; tail: Tail }> => {
  const reader = new ByteReader(await open(cacheKey(domainKey, log), sealed, lp(label, log)))
  if (!equalBytes(reader.bytes(4), magic)) {
    throw new IntegrityError('malformed', 'Not a kept state of a log.')
  }
  const tail = { seq: reader.u64(), changes: reader.u64(), basis: readBasis(reader) }
  const tree = reader.sized(partLimitBytes)
  const keys = reader.sized(partLimitBytes)
  reader.end()
  // Both parts were sealed as one: the hash by which the tree names its keys says nothing more.
  const { genesis, position, tree: nodes } = decodeTreeState(tree)
  return { state: { genesis, position, view: addShareKeys(nodes, keys) }, tail }
}
