import { resticLimits } from './limits.ts'
import type { ResticNode } from './node.ts'
import { checkSignal } from './patient.ts'
import type { ResticRepository } from './repository.ts'
import { ResticError } from './restic-error.ts'
import { readTrees, type TreeOptions } from './trees.ts'

/** A folder where it stands. */
export type ResticPlace = {
  /** Names with slashes between them; empty for the root. */
  readonly path: string
  readonly depth: number
  /** Undefined for the root. */
  readonly parent: ResticPlace | undefined
  readonly node: ResticNode | undefined
  readonly tree: string
}
export type WalkedFolder = { readonly place: ResticPlace; readonly nodes: readonly ResticNode[] }

export type WalkOptions = TreeOptions & {
  /** What the paths begin with: where the tree stands in its snapshot. */
  readonly under?: string | undefined
}

/** Folders that are fetched together. */
const batchFolders = 512

/** A path and a name in it. */
export const joined = (path: string, name: string): string =>
  path === '' ? name : `${path}/${name}`

/** Counts entries of a walk. Throws `too_large`: a tree of trees that are in each other many times never ends. */
export const createCount = (): ((more: number) => void) => {
  let walked = 0
  return (more) => {
    walked += more
    if (walked > resticLimits.walked)
      throw new ResticError('too_large', 'The snapshot has more entries than this reader takes.')
  }
}

/** Throws `too_large` for folders that are deeper than any system has them. */
export const checkDepth = (depth: number): void => {
  if (depth > resticLimits.depth)
    throw new ResticError('too_large', 'The snapshot has folders deeper than this reader takes.')
}

const foldersIn = ({ place, nodes }: WalkedFolder): ResticPlace[] =>
  nodes.flatMap((node) =>
    node.subtree === undefined
      ? []
      : [
          {
            path: joined(place.path, node.name),
            depth: place.depth + 1,
            parent: place,
            node,
            tree: node.subtree,
          },
        ],
  )

/**
 * All folders below a tree, itself first, each before those in it, else in no order. Throws what reading throws, or
 * with `onProblem` tells it and goes on; `too_large` always ends it.
 */
export async function* walkSnapshot(
  repository: ResticRepository,
  tree: string,
  options: WalkOptions = {},
): AsyncGenerator<WalkedFolder> {
  const path = (options.under ?? '').replace(/^\/+|\/+$/g, '')
  const pending: ResticPlace[] = [{ path, depth: 0, parent: undefined, node: undefined, tree }]
  const count = createCount()
  while (pending.length > 0) {
    checkSignal(options.signal)
    // The last ones first: what waits then stays few.
    const batch = pending.splice(-batchFolders)
    const wanted = batch.map((place) => ({ item: place, id: place.tree, path: place.path }))
    for await (const { item: place, nodes } of readTrees(repository, wanted, options)) {
      if (!nodes) continue
      count(nodes.length)
      const folder = { place, nodes }
      yield folder
      checkDepth(place.depth + 1)
      pending.push(...foldersIn(folder))
    }
  }
}
