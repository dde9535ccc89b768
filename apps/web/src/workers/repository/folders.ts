/** Folders of snapshots as rows: fetched once while they are looked at, sorted, cut into pages. */
import {
  readFolder,
  ResticError,
  type ResticNode,
  type ResticProblem,
  type ResticRepository,
} from '@hearthold/member'
import type { ReaderKind, ReaderPage, ReaderRow, ReaderSort } from './api.ts'

/** Folders that stay in memory: those on the way to the one on screen, and some that were left. */
const keptFolders = 24

type Folder = {
  /** By the last part of their paths: their names, and more where two would be the same. */
  readonly nodes: ReadonlyMap<string, ResticNode>
  /** Entries that could not be read. */
  readonly damaged: number
  sorted?: { readonly key: string; readonly rows: readonly ReaderRow[] }
}

/** A node by its path; the root has none. */
export type Found = { readonly path: string; readonly node: ResticNode }

const kinds: Partial<Record<ResticNode['kind'], ReaderKind>> = {
  file: 'file',
  folder: 'folder',
  link: 'link',
}

/** What a node is for a list. */
export const kindOf = ({ kind }: ResticNode): ReaderKind => kinds[kind] ?? 'other'

/** A node as a row; `path` is its own. */
export const rowOf = (path: string, node: ResticNode): ReaderRow => ({
  id: path,
  kind: kindOf(node),
  name: node.name,
  sizeBytes: node.kind === 'file' ? node.sizeBytes : undefined,
  modifiedAt: node.modified?.ms,
  target: node.target,
})

/** The path of a name in a folder. */
export const joinPath = (folder: string, name: string): string =>
  folder === '' ? name : `${folder}/${name}`

const { compare } = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
const byName = (a: ReaderRow, b: ReaderRow): number =>
  compare(a.name, b.name) || (a.name < b.name ? -1 : Number(a.name > b.name))

const comparers: Record<ReaderSort['by'], (a: ReaderRow, b: ReaderRow) => number> = {
  name: byName,
  size: (a, b) => (a.sizeBytes ?? -1) - (b.sizeBytes ?? -1),
  changed: (a, b) => (a.modifiedAt ?? 0) - (b.modifiedAt ?? 0),
}

/** Folders first, then as asked; equal ones by name. */
export const sortRows = (rows: ReaderRow[], { by, descending }: ReaderSort): ReaderRow[] => {
  const turn = descending ? -1 : 1
  return rows.sort((a, b) => {
    const folders = Number(b.kind === 'folder') - Number(a.kind === 'folder')
    return folders || turn * comparers[by](a, b) || byName(a, b)
  })
}

const notThere = () => new ResticError('path_not_found', 'There is nothing of this name.')

/** Folders of one repository. `root` is the tree of a snapshot, `path` a place in it. */
export const createFolders = (repository: ResticRepository) => {
  const kept = new Map<string, Promise<Folder>>()

  const fetchFolder = async (tree: string): Promise<Folder> => {
    const problems: ResticProblem[] = []
    const list = await readFolder(repository, tree, { onProblem: (one) => problems.push(one) })
    const [problem] = problems
    if (problem && list.length === 0) throw new ResticError(problem.code, problem.message)
    const nodes = new Map<string, ResticNode>()
    for (const [index, node] of list.entries()) {
      nodes.set(nodes.has(node.name) ? `${node.name}\0${index}` : node.name, node)
    }
    return { nodes, damaged: problems.length }
  }
  const folderOfTree = (tree: string): Promise<Folder> => {
    const fetching = kept.get(tree) ?? fetchFolder(tree)
    kept.delete(tree)
    kept.set(tree, fetching)
    fetching.catch(() => kept.delete(tree))
    const [oldest] = kept.keys()
    if (kept.size > keptFolders && oldest !== undefined) kept.delete(oldest)
    return fetching
  }
  const folderAt = async (root: string, path: string): Promise<Folder> => {
    let folder = await folderOfTree(root)
    for (const name of path.split('/').filter((part) => part !== '')) {
      const node = folder.nodes.get(name)
      if (!node) throw notThere()
      if (node.subtree === undefined) throw new ResticError('not_a_folder', 'This is no folder.')
      folder = await folderOfTree(node.subtree)
    }
    return folder
  }
  return {
    /** The node at a path that is not the root. Throws `path_not_found`. */
    nodeAt: async (root: string, path: string): Promise<ResticNode> => {
      const slash = path.lastIndexOf('/')
      const folder = await folderAt(root, path.slice(0, Math.max(0, slash)))
      const node = folder.nodes.get(path.slice(slash + 1))
      if (!node) throw notThere()
      return node
    },
    /** All nodes of a folder. */
    nodesIn: async (root: string, path: string): Promise<Found[]> => {
      const { nodes } = await folderAt(root, path)
      return Array.from(nodes, ([key, node]) => ({ path: joinPath(path, key), node }))
    },
    page: async (
      root: string,
      path: string,
      { sort, from, count }: { sort: ReaderSort; from: number; count: number },
    ): Promise<ReaderPage> => {
      const folder = await folderAt(root, path)
      const key = `${path}\n${sort.by}${sort.descending ? '-' : '+'}`
      if (folder.sorted?.key !== key) {
        const rows = Array.from(folder.nodes, ([name, node]) => rowOf(joinPath(path, name), node))
        folder.sorted = { key, rows: sortRows(rows, sort) }
      }
      const { rows } = folder.sorted
      return { total: rows.length, rows: rows.slice(from, from + count), damaged: folder.damaged }
    },
  }
}

export type Folders = ReturnType<typeof createFolders>
