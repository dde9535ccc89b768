/** Lists of folders: sorted once for each state of a share and each order, and then cut into pages. */
import { listFolder, type Share, type TreeItem } from '@hearthold/member'
import { newestVersion, type ShareNode, type ShareView } from '@hearthold/model'
import { ProblemError } from '@hearthold/contract'
import type { Crumb, FolderPage, Row, Sort } from './api.ts'

const pageLimit = 5000

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** Digits padded, so that plain comparison of ASCII names orders 2 before 10 as the collator does, and far faster. */
const asciiKey = (name: string): string =>
  name.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(16, '0'))

// oxlint-disable-next-line no-control-regex -- that is what ASCII is
const isAscii = (name: string): boolean => /^[\x00-\x7f]*$/.test(name)

/** Plaintext bytes of the newest version; undefined for folders and links. */
export const sizeOf = (node: ShareNode): number | undefined =>
  node.kind === 'file' ? newestVersion(node)?.content?.sizeBytes : undefined

type Keyed = { readonly item: TreeItem; readonly key: string }
type Compare = (a: Keyed, b: Keyed) => number

const byKey: Compare = (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
const byCollator: Compare = (a, b) => collator.compare(a.key, b.key) || byKey(a, b)

/** Folders first, then as asked; equal ones by name, so that an order is always the same. */
export const sortItems = (items: readonly TreeItem[], { by, descending }: Sort): TreeItem[] => {
  const plain = items.every(({ name }) => isAscii(name))
  const byName = plain ? byKey : byCollator
  const keyed = items.map((item) => ({ item, key: plain ? asciiKey(item.name) : item.name }))
  const value: Compare =
    by === 'name'
      ? byName
      : by === 'size'
        ? (a, b) => (sizeOf(a.item.node) ?? -1) - (sizeOf(b.item.node) ?? -1)
        : (a, b) => a.item.node.at - b.item.node.at
  const sign = descending ? -1 : 1
  const folders = keyed.filter(({ item }) => item.kind === 'folder')
  const others = keyed.filter(({ item }) => item.kind !== 'folder')
  const sorted = (part: Keyed[]) => part.sort((a, b) => sign * value(a, b) || byName(a, b))
  return [...sorted(folders), ...sorted(others)].map(({ item }) => item)
}

/** One line of a list. */
export const rowOf = ({ id, kind, name, node }: TreeItem): Row => ({
  id,
  kind,
  name,
  sizeBytes: sizeOf(node),
  modifiedAt: node.modifiedAt,
  changedAt: node.at,
  versions: node.versions.length,
})

/** From the root to the folder. ProblemError('not_found') where it is gone, or in the trash. */
export const crumbsOf = (view: ShareView, folder: string): Crumb[] => {
  const crumbs: Crumb[] = []
  for (let at = folder; at !== view.root;) {
    const node = view.nodes.get(at)
    if (!node || node.kind !== 'folder' || node.trashedSeq !== undefined || crumbs.length > 300) {
      throw new ProblemError('not_found', 'The folder is not there any more.')
    }
    crumbs.unshift({ id: node.id, name: node.name ?? node.id })
    at = node.parent
  }
  return [{ id: view.root, name: view.name ?? '' }, ...crumbs]
}

/** Orders kept at once; a list on screen uses one, a folder picker another. */
const keptOrders = 8

export const createFolderPages = () => {
  const kept = new Map<string, readonly TreeItem[]>()
  const orderOf = (share: Share, folder: string, sort: Sort): readonly TreeItem[] => {
    const { seq } = share.replica.position
    const name = [share.log, folder, seq, sort.by, sort.descending].join(' ')
    const known = kept.get(name)
    if (known) {
      // Last used, last out.
      kept.delete(name)
      kept.set(name, known)
      return known
    }
    const sorted = sortItems(listFolder(share.view, folder), sort)
    kept.set(name, sorted)
    if (kept.size > keptOrders) kept.delete(kept.keys().next().value!)
    return sorted
  }
  return {
    page(
      share: Share,
      folder: string | null,
      options: { sort: Sort; from: number; count: number },
    ): FolderPage {
      const { sort, from, count } = options
      const id = folder ?? share.view.root
      const crumbs = crumbsOf(share.view, id)
      const all = orderOf(share, id, sort)
      const rows = all.slice(from, from + Math.min(count, pageLimit)).map(rowOf)
      const { position, confirmedAt } = share.replica
      return { crumbs, total: all.length, stamp: position.seq, rows, confirmedAt }
    },
    clear: () => kept.clear(),
  }
}

export type FolderPages = ReturnType<typeof createFolderPages>

/** Items and bytes of a share that are not in the trash. */
export const countsOf = (view: ShareView): { items: number; sizeBytes: number } => {
  const counts = { items: 0, sizeBytes: 0 }
  const folders = [view.root]
  for (const folder of folders) {
    for (const id of view.children.get(folder) ?? []) {
      const node = view.nodes.get(id)!
      if (node.trashedSeq !== undefined) continue
      counts.items++
      counts.sizeBytes += sizeOf(node) ?? 0
      if (node.kind === 'folder') folders.push(id)
    }
  }
  return counts
}
