import { readBlobs, type BlobAnswer } from './blob-stream.ts'
import { resticLimits } from './limits.ts'
import type { ResticNode } from './node.ts'
import { parseTree, type ParsedTree } from './parse-tree.ts'
import type { ResticRepository } from './repository.ts'
import { problemOf, ResticError, type ResticProblem } from './restic-error.ts'

export type TreeOptions = {
  readonly signal?: AbortSignal | undefined
  /** Told what cannot be read, and the rest is given; without it the first such thing is thrown. */
  readonly onProblem?: ((problem: ResticProblem) => void) | undefined
}

/** Trees lie together in packs of their own, so that what is between two of them is mostly wanted too. */
const treeGapBytes = 512 * 1024

/** A tree to read, and where it stands: `path` is for problems. */
export type WantedTree<Item> = { readonly item: Item; readonly id: string; readonly path: string }

const told = (problem: ResticProblem, { onProblem }: TreeOptions): void => {
  if (!onProblem) throw new ResticError(problem.code, problem.message)
  onProblem(problem)
}

const parsed = <Item>(
  { item, bytes, error }: BlobAnswer<WantedTree<Item>>,
  options: TreeOptions,
): ParsedTree | undefined => {
  try {
    if (error) throw error
    const tree = parseTree(item.id, bytes, item.path)
    for (const problem of tree.problems) told(problem, options)
    return tree
  } catch (thrown) {
    if (!options.onProblem) throw thrown
    options.onProblem(problemOf(item.path, thrown))
    return undefined
  }
}

/** Reads trees in the order given; `nodes` is undefined for one that cannot be read and was told. */
export async function* readTrees<Item>(
  repository: ResticRepository,
  wanted: readonly WantedTree<Item>[],
  options: TreeOptions,
): AsyncGenerator<{ readonly item: Item; readonly nodes: readonly ResticNode[] | undefined }> {
  const blobs = wanted.map((tree) => ({ item: tree, id: tree.id }))
  const { signal } = options
  const limits = { limitBytes: resticLimits.treeBlobBytes, gapBytes: treeGapBytes }
  for await (const answer of readBlobs(repository, blobs, { signal, ...limits }))
    yield { item: answer.item.item, nodes: parsed(answer, options)?.nodes }
}

/** What is in a folder, by the id of its tree, in the order that restic gave it (by the bytes of names). */
export const readFolder = async (
  repository: ResticRepository,
  tree: string,
  options: TreeOptions = {},
): Promise<readonly ResticNode[]> => {
  for await (const { nodes } of readTrees(
    repository,
    [{ item: undefined, id: tree, path: '' }],
    options,
  ))
    return nodes ?? []
  return []
}

const rootOf = (tree: string): ResticNode => ({
  ...{ name: '', kind: 'folder', mode: 0o755, sizeBytes: 0, uid: 0, gid: 0, links: 0 },
  ...{ modified: undefined, accessed: undefined, changed: undefined, user: undefined },
  ...{ group: undefined, inode: undefined, deviceId: undefined, subtree: tree },
})

const pick = (nodes: readonly ResticNode[], name: string): ResticNode | undefined =>
  nodes.find((node) => node.name === name && !node.nameBytes) ??
  nodes.find((node) => node.name === name) ??
  // Some systems write the same letters in another form of Unicode.
  nodes.find((node) => node.name.normalize() === name.normalize())

/**
 * What stands at a path below a tree; slashes at its ends do not count, and `` is the folder itself. Throws
 * `path_not_found`, `not_a_folder`.
 */
export const findNode = async (
  repository: ResticRepository,
  tree: string,
  path: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ResticNode> => {
  let node = rootOf(tree)
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (node.subtree === undefined)
      throw new ResticError('not_a_folder', 'The path leads through something that is no folder.')
    const problems: ResticProblem[] = []
    const onProblem = (problem: ResticProblem) => void problems.push(problem)
    const nodes = await readFolder(repository, node.subtree, { ...options, onProblem })
    const found = pick(nodes, name)
    if (!found) {
      // An entry beside the way that cannot be used bars nothing; here it could be the one that is meant.
      const [problem] = problems
      if (problem) throw new ResticError(problem.code, problem.message)
      throw new ResticError('path_not_found', 'The snapshot has nothing at this path.')
    }
    node = found
  }
  return node
}
