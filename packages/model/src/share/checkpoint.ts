import {
  type Bytes,
  ByteReader,
  ByteWriter,
  concat,
  fromHex,
  fromUtf8,
  IntegrityError,
  sealedLogKeyBytes,
  toHex,
  utf8,
} from '@hearthold/crypto'
import { nameLimitBytes, nameProblem } from './attributes.ts'
import {
  idColumn,
  optionalColumn,
  readIds,
  readOptionals,
  readPieces,
  readTexts,
  readU16s,
  readU32s,
  readU64s,
  textColumn,
  u16Column,
  u32Column,
  u64Column,
  u8Column,
} from './columns.ts'
import type { EpochFacts } from './facts.ts'
import {
  addChild,
  depthLimit,
  type NodeKind,
  type ShareNode,
  type ShareView,
  type Version,
} from './view.ts'

/**
 * A share's view as columns, in two parts: the tree (enough to show it) and the keys (enough to open its files).
 * The bytes are canonical: two devices that replayed the same entries write the same bytes, whatever they
 * replayed them from (docs/formats/share-log.md, "Checkpoint columns").
 */
export type ShareColumns = { readonly tree: Bytes; readonly keys: Bytes }

const treeMagic = utf8('hhst')
const keysMagic = utf8('hhsk')
const kinds: readonly NodeKind[] = ['folder', 'file', 'link']
const modeUnset = 0xffff
const timeShift = 2 ** 52
const targetLimitBytes = 8192
const secretBytes = 32

const malformed = (message: string): never => {
  throw new IntegrityError('malformed', message)
}

/** By id; the default order of texts is by code unit, and much faster than a comparison of ours. */
const sortedNodes = (view: ShareView): ShareNode[] =>
  [...view.nodes.keys()].sort().map((id) => view.nodes.get(id)!)

const epochBytes = (view: ShareView): Bytes => {
  const writer = new ByteWriter(16 + view.epochs.size * 68)
  writer.u32(view.epoch).u32(view.epochs.size)
  const epochs = [...view.epochs.values()].sort((a, b) => a.epoch - b.epoch)
  for (const { epoch, domainKeyVersion, sealedLogKey } of epochs) {
    writer.u32(epoch).u32(domainKeyVersion).bytes(sealedLogKey)
  }
  return writer.finish()
}

const writeTree = (view: ShareView, nodes: readonly ShareNode[]): Bytes => {
  const indexOf = new Map(nodes.map((node, index) => [node.id, index + 1]))
  const parentOf = ({ parent }: ShareNode): number =>
    parent === view.root ? 0 : indexOf.get(parent)!
  return concat(
    treeMagic,
    fromHex(view.root),
    fromHex(view.founder),
    ...textColumn([view.name]),
    epochBytes(view),
    u32Column([nodes.length]),
    idColumn(nodes.map(({ id }) => id)),
    u32Column(nodes.map(parentOf)),
    u8Column(nodes.map(({ kind }) => kinds.indexOf(kind))),
    ...textColumn(nodes.map(({ name }) => name)),
    u64Column(nodes.map(({ base }) => base)),
    u64Column(nodes.map(({ at }) => at)),
    optionalColumn(nodes.map(({ trashedSeq }) => trashedSeq)),
    optionalColumn(nodes.map(({ trashedAt }) => trashedAt)),
    optionalColumn(
      nodes.map(({ modifiedAt: time }) => (time === undefined ? time : time + timeShift)),
    ),
    u16Column(nodes.map(({ mode }) => mode ?? modeUnset)),
    ...textColumn(nodes.map(({ target }) => target)),
  )
}

const writeKeys = (nodes: readonly ShareNode[]): Bytes => {
  const versions = nodes.flatMap((node) => node.versions)
  const contents = versions.flatMap(({ content }) => content ?? [])
  return concat(
    keysMagic,
    u32Column([nodes.length]),
    u32Column(nodes.map((node) => node.versions.length)),
    u64Column(versions.map(({ seq }) => seq)),
    u64Column(versions.map(({ at }) => at)),
    idColumn(versions.map(({ author }) => author)),
    idColumn(versions.map(({ object }) => object)),
    u64Column(versions.map(({ sizeBytes }) => sizeBytes)),
    u8Column(versions.map(({ content }) => (content ? 1 : 0))),
    u64Column(contents.map(({ sizeBytes }) => sizeBytes)),
    pieceColumn(contents.map(({ key }) => key)),
    pieceColumn(contents.map(({ commitment }) => commitment)),
  )
}

const pieceColumn = (pieces: readonly Uint8Array[]): Bytes => {
  const bytes = new Uint8Array(pieces.length * secretBytes)
  pieces.forEach((piece, i) => {
    if (piece.length !== secretBytes) throw new RangeError('keys and commitments have 32 bytes')
    bytes.set(piece, i * secretBytes)
  })
  return bytes
}

/** Both parts of a view. */
export const encodeShareView = (view: ShareView): ShareColumns => {
  const nodes = sortedNodes(view)
  return { tree: writeTree(view, nodes), keys: writeKeys(nodes) }
}

const readEpochs = (reader: ByteReader, view: ShareView): void => {
  view.epoch = reader.u32()
  const count = reader.u32()
  for (let i = 0; i < count; i++) {
    const facts: EpochFacts = {
      epoch: reader.u32(),
      domainKeyVersion: reader.u32(),
      sealedLogKey: reader.bytes(sealedLogKeyBytes).slice(),
    }
    view.epochs.set(facts.epoch, facts)
  }
}

const plainName = /^[ -.0-~]+$/

/** A name may end up as a path on disk: those of a checkpoint are checked as those of an entry are. */
const checkName = (name: string | undefined): void => {
  if (name === undefined) return
  const isPlain = name.length <= nameLimitBytes && name !== '.' && name !== '..'
  if (isPlain && plainName.test(name)) return
  if (nameProblem(name)) malformed('A name is not a valid name.')
}

const readNodes = (reader: ByteReader, root: string): ShareNode[] => {
  const count = reader.u32()
  if (count > reader.left) malformed('More nodes than bytes.')
  const ids = readIds(reader, count)
  const parents = readU32s(reader, count)
  const nodeKinds = reader.bytes(count)
  const names = readTexts(reader, count, nameLimitBytes)
  const bases = readU64s(reader, count)
  const times = readU64s(reader, count)
  const trashedSeqs = readOptionals(reader, count)
  const trashedTimes = readOptionals(reader, count)
  const modified = readOptionals(reader, count)
  const modes = readU16s(reader, count)
  const targets = readTexts(reader, count, targetLimitBytes)
  checkTree(ids, parents, nodeKinds)
  names.forEach(checkName)
  return ids.map((id, i) => ({
    id,
    kind: kinds[nodeKinds[i]!]!,
    parent: parents[i] === 0 ? root : ids[parents[i]! - 1]!,
    base: bases[i]!,
    at: times[i]!,
    trashedSeq: trashedSeqs[i],
    trashedAt: trashedTimes[i],
    versions: [],
    name: names[i],
    modifiedAt: modified[i] === undefined ? undefined : modified[i] - timeShift,
    mode: modes[i] === modeUnset ? undefined : modes[i],
    target: targets[i],
  }))
}

/** Ids ascend; every node hangs on a folder, and on the root in the end. */
const checkTree = (ids: readonly string[], parents: readonly number[], nodeKinds: Uint8Array) => {
  const depths = new Uint16Array(ids.length)
  const depthOf = (start: number): number => {
    const path: number[] = []
    let at = start
    while (depths[at] === 0 && path.length <= depthLimit) {
      path.push(at)
      const parent = parents[at]! - 1
      if (parent === -1) break
      if (parent >= ids.length || nodeKinds[parent] !== 0) malformed('A node without its folder.')
      at = parent
    }
    let depth = depths[at]!
    for (const node of path.reverse()) depths[node] = ++depth
    return depth
  }
  for (let i = 0; i < ids.length; i++) {
    if (i > 0 && ids[i]! <= ids[i - 1]!) malformed('Nodes are not in order.')
    if (!kinds[nodeKinds[i]!]) malformed('Unknown kind of node.')
    if (depths[i] === 0 && depthOf(i) > depthLimit) malformed('A node lies too deep.')
  }
}

/** A view that was read from its tree part alone: its files have no versions yet. */
export type ShareTree = { readonly view: ShareView; readonly nodes: readonly ShareNode[] }

/** The tree part of `encodeShareView`; throws IntegrityError('malformed'). Authenticate the bytes before. */
export const decodeShareTree = (tree: Uint8Array): ShareTree => {
  const reader = new ByteReader(tree)
  if (fromUtf8(reader.bytes(4)) !== 'hhst') malformed('Not a share checkpoint.')
  const view: ShareView = {
    root: toHex(reader.bytes(16)),
    founder: toHex(reader.bytes(16)),
    name: readTexts(reader, 1, nameLimitBytes)[0],
    epoch: 0,
    epochs: new Map(),
    nodes: new Map(),
    children: new Map(),
    objectCounts: new Map(),
  }
  checkName(view.name)
  readEpochs(reader, view)
  const nodes = readNodes(reader, view.root)
  reader.end()
  for (const node of nodes) {
    view.nodes.set(node.id, node)
    addChild(view, node.parent, node.id)
  }
  if (view.nodes.has(view.root)) malformed('The root is no node.')
  return { view, nodes }
}

const readVersions = (reader: ByteReader, count: number): Version[] => {
  const seqs = readU64s(reader, count)
  const times = readU64s(reader, count)
  const authors = readIds(reader, count)
  const objects = readIds(reader, count)
  const sizes = readU64s(reader, count)
  const flags = reader.bytes(count)
  const filled = flags.reduce((sum, flag) => sum + (flag === 1 ? 1 : 0), 0)
  const plainSizes = readU64s(reader, filled)
  const keys = readPieces(reader, filled, secretBytes)
  const commitments = readPieces(reader, filled, secretBytes)
  let next = 0
  return objects.map((object, i) => {
    const content = flags[i] === 1 ? next++ : -1
    return {
      seq: seqs[i]!,
      at: times[i]!,
      author: authors[i]!,
      object,
      sizeBytes: sizes[i]!,
      content:
        content < 0
          ? undefined
          : {
              key: keys[content]!,
              commitment: commitments[content]!,
              sizeBytes: plainSizes[content]!,
            },
    }
  })
}

/** Adds the keys part to a tree, in place, and returns its view; throws IntegrityError('malformed'). */
export const addShareKeys = ({ view, nodes }: ShareTree, keys: Uint8Array): ShareView => {
  const reader = new ByteReader(keys)
  if (fromUtf8(reader.bytes(4)) !== 'hhsk' || reader.u32() !== nodes.length) {
    malformed('The keys do not belong to the tree.')
  }
  const counts = readU32s(reader, nodes.length)
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total > reader.left) malformed('More versions than bytes.')
  const versions = readVersions(reader, total)
  reader.end()
  let next = 0
  nodes.forEach((node, i) => {
    for (let n = 0; n < counts[i]!; n++) {
      const version = versions[next++]!
      node.versions.push(version)
      view.objectCounts.set(version.object, (view.objectCounts.get(version.object) ?? 0) + 1)
    }
  })
  return view
}

/** The view that `encodeShareView` wrote; throws IntegrityError('malformed'). Authenticate the bytes before. */
export const decodeShareView = ({
  tree,
  keys,
}: {
  tree: Uint8Array
  keys: Uint8Array
}): ShareView => addShareKeys(decodeShareTree(tree), keys)
