import {
  type Bytes,
  ByteReader,
  ByteWriter,
  fromHex,
  fromUtf8,
  IntegrityError,
  sealedLogKeyBytes,
  toHex,
  utf8,
} from '@hearthold/crypto'
import { nameLimitBytes } from './attributes.ts'
import type { EpochFacts } from './facts.ts'
import { addChild, type NodeKind, type ShareNode, type ShareView, type Version } from './view.ts'

/**
 * A share's view as columns, in two parts: the tree (enough to show it) and the keys (enough to open its files).
 * The bytes are canonical: two devices that replayed the same entries write the same bytes, whatever they
 * replayed them from (docs/formats/share-log.md 5).
 */
export type ShareColumns = { readonly tree: Bytes; readonly keys: Bytes }

const treeMagic = utf8('hhst')
const keysMagic = utf8('hhsk')
const kinds: readonly NodeKind[] = ['folder', 'file', 'link']
const unset = 0xffff_ffff
const timeShift = 2 ** 52
const targetLimitBytes = 8192

/** Optional numbers travel plus one, 0 meaning none. */
const writeOptional = (writer: ByteWriter, value: number | undefined): void => {
  writer.u64(value === undefined ? 0 : value + 1)
}
const readOptional = (reader: ByteReader): number | undefined => {
  const value = reader.u64()
  return value === 0 ? undefined : value - 1
}

const writeText = (writer: ByteWriter, text: string | undefined): void => {
  if (text === undefined) writer.u32(unset)
  else writer.sized(utf8(text))
}
const readText = (reader: ByteReader, limitBytes: number): string | undefined => {
  const length = reader.u32()
  if (length === unset) return undefined
  if (length > limitBytes) throw new IntegrityError('malformed', 'Text above the limit.')
  return fromUtf8(reader.bytes(length))
}

const sortedNodes = (view: ShareView): ShareNode[] =>
  [...view.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1))

const writeEpochs = (writer: ByteWriter, view: ShareView): void => {
  writer.u32(view.epoch).u32(view.epochs.size)
  for (const { epoch, domainKeyVersion, sealedLogKey } of [...view.epochs.values()].sort(
    (a, b) => a.epoch - b.epoch,
  )) {
    writer.u32(epoch).u32(domainKeyVersion).bytes(sealedLogKey)
  }
}

/** Column by column: like stands beside like, which compresses to about half of rows. */
const writeTree = (view: ShareView, nodes: readonly ShareNode[]): Bytes => {
  const writer = new ByteWriter(128 + nodes.length * 96).bytes(treeMagic)
  writer.bytes(fromHex(view.root)).bytes(fromHex(view.founder))
  writeText(writer, view.name)
  writeEpochs(writer, view)
  writer.u32(nodes.length)
  const indexOf = new Map(nodes.map((node, index) => [node.id, index + 1]))
  for (const node of nodes) writer.bytes(fromHex(node.id))
  for (const node of nodes) writer.u32(node.parent === view.root ? 0 : indexOf.get(node.parent)!)
  for (const node of nodes) writer.u8(kinds.indexOf(node.kind))
  for (const node of nodes) writeText(writer, node.name)
  for (const node of nodes) writer.u64(node.base)
  for (const node of nodes) writer.u64(node.at)
  for (const node of nodes) writeOptional(writer, node.trashedSeq)
  for (const node of nodes) writeOptional(writer, node.trashedAt)
  for (const node of nodes)
    writeOptional(writer, node.modifiedAt === undefined ? undefined : node.modifiedAt + timeShift)
  for (const node of nodes) writer.u16(node.mode ?? 0xffff)
  for (const node of nodes) writeText(writer, node.target)
  return writer.finish()
}

const writeVersion = (writer: ByteWriter, version: Version): void => {
  writer.u64(version.seq).u64(version.at).bytes(fromHex(version.author))
  writer
    .bytes(fromHex(version.object))
    .u64(version.sizeBytes)
    .u8(version.content ? 1 : 0)
  if (!version.content) return
  const { key, commitment, sizeBytes } = version.content
  writer.bytes(key).bytes(commitment).u64(sizeBytes)
}

const writeKeys = (nodes: readonly ShareNode[]): Bytes => {
  const writer = new ByteWriter(64 + nodes.length * 160).bytes(keysMagic).u32(nodes.length)
  for (const node of nodes) writer.u32(node.versions.length)
  for (const node of nodes) for (const version of node.versions) writeVersion(writer, version)
  return writer.finish()
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

const readKind = (reader: ByteReader): NodeKind => {
  const kind = kinds[reader.u8()]
  if (!kind) throw new IntegrityError('malformed', 'Unknown kind of node.')
  return kind
}

const readMode = (reader: ByteReader): number | undefined => {
  const mode = reader.u16()
  return mode === 0xffff ? undefined : mode
}

const readColumns = (reader: ByteReader, root: string): ShareNode[] => {
  const count = reader.u32()
  if (count > reader.left) throw new IntegrityError('malformed', 'More nodes than bytes.')
  const column = <T>(read: () => T): T[] => Array.from({ length: count }, read)
  const ids = column(() => toHex(reader.bytes(16)))
  const parents = column(() => parentOf(reader.u32(), ids, root))
  const nodeKinds = column(() => readKind(reader))
  const names = column(() => readText(reader, nameLimitBytes))
  const bases = column(() => reader.u64())
  const times = column(() => reader.u64())
  const trashedSeqs = column(() => readOptional(reader))
  const trashedTimes = column(() => readOptional(reader))
  const modified = column(() => readOptional(reader))
  const modes = column(() => readMode(reader))
  const targets = column(() => readText(reader, targetLimitBytes))
  return ids.map((id, i) => ({
    id,
    kind: nodeKinds[i]!,
    parent: parents[i]!,
    base: bases[i]!,
    at: times[i]!,
    trashedSeq: trashedSeqs[i],
    trashedAt: trashedTimes[i],
    versions: [],
    name: names[i],
    modifiedAt: modified[i] === undefined ? undefined : modified[i] - timeShift,
    mode: modes[i],
    target: targets[i],
  }))
}

const parentOf = (index: number, ids: readonly string[], root: string): string => {
  const parent = index === 0 ? root : ids[index - 1]
  if (parent === undefined) throw new IntegrityError('malformed', 'A node without its parent.')
  return parent
}

const readVersion = (reader: ByteReader): Version => ({
  seq: reader.u64(),
  at: reader.u64(),
  author: toHex(reader.bytes(16)),
  object: toHex(reader.bytes(16)),
  sizeBytes: reader.u64(),
  content:
    reader.u8() === 1
      ? {
          key: reader.bytes(32).slice(),
          commitment: reader.bytes(32).slice(),
          sizeBytes: reader.u64(),
        }
      : undefined,
})

const readKeys = (bytes: Uint8Array, nodes: readonly ShareNode[], view: ShareView): void => {
  const reader = new ByteReader(bytes)
  if (fromUtf8(reader.bytes(4)) !== 'hhsk' || reader.u32() !== nodes.length) {
    throw new IntegrityError('malformed', 'The keys do not belong to the tree.')
  }
  const counts = nodes.map(() => reader.u32())
  nodes.forEach((node, i) => {
    for (let n = 0; n < counts[i]!; n++) {
      const version = readVersion(reader)
      node.versions.push(version)
      view.objectCounts.set(version.object, (view.objectCounts.get(version.object) ?? 0) + 1)
    }
  })
  reader.end()
}

/** The view that `encodeShareView` wrote; throws IntegrityError('malformed'). Authenticate the bytes before. */
export const decodeShareView = ({
  tree,
  keys,
}: {
  tree: Uint8Array
  keys: Uint8Array
}): ShareView => {
  const reader = new ByteReader(tree)
  if (fromUtf8(reader.bytes(4)) !== 'hhst')
    throw new IntegrityError('malformed', 'Not a share checkpoint.')
  const view: ShareView = {
    root: toHex(reader.bytes(16)),
    founder: toHex(reader.bytes(16)),
    name: readText(reader, nameLimitBytes),
    epoch: 0,
    epochs: new Map(),
    nodes: new Map(),
    children: new Map(),
    objectCounts: new Map(),
  }
  readEpochs(reader, view)
  const nodes = readColumns(reader, view.root)
  reader.end()
  for (const node of nodes) {
    view.nodes.set(node.id, node)
    addChild(view, node.parent, node.id)
  }
  readKeys(keys, nodes, view)
  return view
}
