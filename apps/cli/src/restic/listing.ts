import type { ResticNode, ResticProblem, ResticSnapshot } from '@hearthold/member'
import type { Json } from '../output/json.ts'
import { formatTable, type Column } from '../output/table.ts'
import { formatBytes, formatTime } from '../output/text.ts'
import type { ItemReason } from '../output/transfer-report.ts'

const kindWords: Readonly<Record<ResticNode['kind'], string>> = {
  file: 'file',
  folder: 'folder',
  link: 'link',
  device: 'device',
  char_device: 'device',
  fifo: 'pipe',
  socket: 'socket',
  irregular: 'other',
  unknown: 'other',
}

/** A node for `--json`. Bytes that are no UTF-8 come as base64 beside the text. */
export const nodeData = (path: string, node: ResticNode): Json => ({
  path,
  name: node.name,
  nameBytes: node.nameBytes && Buffer.from(node.nameBytes).toString('base64'),
  kind: node.kind,
  mode: node.mode,
  sizeBytes: node.kind === 'file' ? node.sizeBytes : null,
  modifiedAt: node.modified?.ms ?? null,
  uid: node.uid,
  gid: node.gid,
  user: node.user,
  group: node.group,
  inode: node.inode,
  deviceId: node.deviceId,
  links: node.links,
  target: node.target,
  extendedAttributes: node.extendedAttributes?.map(({ name }) => name),
})

/** A snapshot for `--json`. */
export const snapshotData = (snapshot: ResticSnapshot): Json => ({
  id: snapshot.id,
  time: snapshot.time.ms,
  host: snapshot.host,
  user: snapshot.user,
  paths: [...snapshot.paths],
  tags: [...snapshot.tags],
  tree: snapshot.tree,
  parent: snapshot.parent,
  files: snapshot.summary?.files,
  sizeBytes: snapshot.summary?.bytes,
})

/** Snapshots as a table, in the order given. */
export const snapshotTable = (snapshots: readonly ResticSnapshot[]): string => {
  const size: Column<ResticSnapshot> = {
    title: 'Size',
    value: ({ summary }) => (summary?.bytes === undefined ? '' : formatBytes(summary.bytes)),
    align: 'right',
  }
  return formatTable<ResticSnapshot>(
    [
      { title: 'Id', value: ({ id }) => id.slice(0, 8) },
      { title: 'Time', value: ({ time }) => formatTime(time.ms) },
      { title: 'Host', value: ({ host }) => host },
      // restic writes sizes since 0.17.
      ...(snapshots.some(({ summary }) => summary?.bytes !== undefined) ? [size] : []),
      { title: 'Tags', value: ({ tags }) => tags.join(', ') },
      { title: 'Paths', value: ({ paths }) => paths.join(', ') },
    ],
    snapshots,
  )
}

/** `-rwxr-x---` as ls shows it, without a letter for the kind. */
export const modeWords = (mode: number): string => {
  const letters = 'rwxrwxrwx'
  const plain = [...letters].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'))
  const special = (at: number, bit: number, letter: string) => {
    if (mode & bit) plain[at] = plain[at] === 'x' ? letter : letter.toUpperCase()
  }
  special(2, 0o4000, 's')
  special(5, 0o2000, 's')
  special(8, 0o1000, 't')
  return plain.join('')
}

export type ListedNode = { readonly shown: string; readonly node: ResticNode }

/** Nodes as a table, in the order given. */
export const nodeTable = (nodes: readonly ListedNode[]): string =>
  formatTable<ListedNode>(
    [
      { title: 'Kind', value: ({ node }) => kindWords[node.kind] },
      { title: 'Mode', value: ({ node }) => modeWords(node.mode) },
      {
        title: 'Size',
        value: ({ node }) => (node.kind === 'file' ? formatBytes(node.sizeBytes) : ''),
        align: 'right',
      },
      {
        title: 'Modified',
        value: ({ node }) => (node.modified ? formatTime(node.modified.ms) : ''),
      },
      {
        title: 'Name',
        value: ({ shown, node }) =>
          `${shown}${node.target === undefined ? '' : ` -> ${node.target}`}`,
      },
    ],
    nodes,
  )

/** Problems as items of a list of failures. */
export const reasonsOf = (problems: readonly ResticProblem[]): ItemReason[] =>
  problems.map(({ object, code, message }) => ({ path: object || '/', reason: message, code }))
