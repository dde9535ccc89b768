/**
 * A share's verified state as bytes (docs/formats/share-log.md, "State"): where the log stands, and its view. The tree
 * part names the hash of the keys part, so that a code over the tree part stands for both.
 */
import {
  type Bytes,
  ByteReader,
  ByteWriter,
  concat,
  decodeGenesis,
  encodeGenesis,
  equalBytes,
  fromHex,
  type Genesis,
  genesisBytes,
  IntegrityError,
  type LogPosition,
  type OwnHead,
  sha256,
  toHex,
  utf8,
} from '@hearthold/crypto'
import {
  addShareKeys,
  decodeShareTree,
  encodeShareView,
  type ShareTree,
  type ShareView,
} from '@hearthold/model'

/** A verified state: enough to go on from there. */
export type ShareState = {
  readonly genesis: Genesis
  readonly position: LogPosition
  readonly view: ShareView
}

/** The two parts of a state; the same entries give the same bytes on every device. */
export type ShareParts = { readonly tree: Bytes; readonly keys: Bytes }

const magic = utf8('hhs1')

const positionBytes = (position: LogPosition): Bytes => {
  const writer = new ByteWriter(64 + position.own.size * 72)
  writer.u64(position.seq).bytes(position.chain).u64(position.at).u64(position.gov)
  writer.u32(position.own.size)
  for (const device of [...position.own.keys()].sort()) {
    const { own, headerHash, author } = position.own.get(device)!
    if (author === undefined) throw new RangeError('a verified own-chain has an author')
    writer.bytes(fromHex(device)).bytes(fromHex(author)).u64(own).bytes(headerHash)
  }
  return writer.finish()
}

const readPosition = (reader: ByteReader): LogPosition => {
  const seq = reader.u64()
  const chain = reader.bytes(32).slice()
  const at = reader.u64()
  const gov = reader.u64()
  const own = new Map<string, OwnHead>()
  const count = reader.u32()
  for (let i = 0; i < count; i++) {
    const device = toHex(reader.bytes(16))
    const author = toHex(reader.bytes(16))
    own.set(device, { own: reader.u64(), headerHash: reader.bytes(32).slice(), author })
  }
  return { seq, chain, at, gov, own }
}

/** Takes time in proportion to the nodes, and all at once: what it reads must not change meanwhile. */
export const encodeShareState = ({ genesis, position, view }: ShareState): ShareParts => {
  const { tree, keys } = encodeShareView(view)
  const head = [magic, encodeGenesis(genesis), positionBytes(position), sha256(keys)]
  return { tree: concat(...head, tree), keys }
}

/** What the tree part says; its files have no versions before `addStateKeys`. */
export type TreeState = {
  readonly genesis: Genesis
  readonly position: LogPosition
  readonly tree: ShareTree
  readonly keysHash: Bytes
}

/** Throws IntegrityError('malformed'). Authenticate the bytes before. */
export const decodeTreeState = (bytes: Uint8Array): TreeState => {
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(4), magic)) {
    throw new IntegrityError('malformed', 'Not a state of a share.')
  }
  const genesis = decodeGenesis(reader.bytes(genesisBytes))
  const position = readPosition(reader)
  const keysHash = reader.bytes(32).slice()
  const tree = decodeShareTree(reader.bytes(reader.left))
  return { genesis, position, tree, keysHash }
}

/** Adds the keys part in place; IntegrityError('malformed') for any other than the one that the tree part names. */
export const addStateKeys = (state: TreeState, keys: Uint8Array): ShareState => {
  if (!equalBytes(sha256(keys), state.keysHash)) {
    throw new IntegrityError('malformed', 'The keys do not belong to the tree.')
  }
  const { genesis, position, tree } = state
  return { genesis, position, view: addShareKeys(tree, keys) }
}
