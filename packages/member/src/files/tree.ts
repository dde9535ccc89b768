/** A share's tree by names and paths. Ids decide; names are what people see, and two items may bear the same. */
import { ProblemError } from '@hearthold/contract'
import { nameProblem, type NodeKind, type ShareNode, type ShareView } from '@hearthold/model'

/** An item of a folder under the name that is shown for it, which no other item of that folder has. */
export type TreeItem = {
  readonly id: string
  readonly kind: NodeKind
  readonly name: string
  readonly node: ShareNode
}

/** A place in the tree; the root folder has no node. `path` begins with a slash. */
export type Place = {
  readonly id: string
  readonly kind: NodeKind
  readonly path: string
  readonly node: ShareNode | undefined
}

/** What orders items of one name: the number of a file's first entry, then the id; everywhere the same. */
const isBefore = (a: ShareNode, b: ShareNode): number =>
  (a.versions[0]?.seq ?? 0) - (b.versions[0]?.seq ?? 0) || (a.id < b.id ? -1 : 1)

/** "name (2)", before the ending where a file has one. */
const numbered = (name: string, kind: NodeKind, count: number): string => {
  const dot = kind === 'file' ? name.lastIndexOf('.') : -1
  return dot > 0 ? `${name.slice(0, dot)} (${count})${name.slice(dot)}` : `${name} (${count})`
}

const nameOf = (node: ShareNode): string => node.name ?? node.id

const isItemBefore = (a: TreeItem, b: TreeItem): boolean => a.name < b.name

/** Work between two places where a listing may be left for a while: well under a millisecond. */
const stepItems = 1024

/** Sorts by name, leaving off after every step: short runs by the engine, then merged. */
function* sortInSteps(items: readonly TreeItem[]): Generator<undefined, TreeItem[]> {
  let runs: TreeItem[][] = []
  for (let at = 0; at < items.length; at += stepItems) {
    const run = items.slice(at, at + stepItems)
    runs.push(run.sort((a, b) => (isItemBefore(a, b) ? -1 : 1)))
    yield undefined
  }
  while (runs.length > 1) {
    const merged: TreeItem[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(yield* mergeInSteps(runs[i]!, runs[i + 1] ?? []))
    }
    runs = merged
  }
  return runs[0] ?? []
}

function* mergeInSteps(
  left: readonly TreeItem[],
  right: readonly TreeItem[],
): Generator<undefined, TreeItem[]> {
  const merged: TreeItem[] = []
  let [l, r] = [0, 0]
  while (l < left.length && r < right.length) {
    merged.push(isItemBefore(right[r]!, left[l]!) ? right[r++]! : left[l++]!)
    if (merged.length % (4 * stepItems) === 0) yield undefined
  }
  while (l < left.length) merged.push(left[l++]!)
  while (r < right.length) merged.push(right[r++]!)
  return merged
}

const itemOf = (node: ShareNode, name: string): TreeItem => ({
  id: node.id,
  kind: node.kind,
  name,
  node,
})

/** Of nodes that bear one name the first keeps it, and the others get the next numbers that are free, in their order. */
function* listing(view: ShareView, folder: string): Generator<undefined, TreeItem[]> {
  const firsts = new Map<string, ShareNode>()
  const later: ShareNode[] = []
  let seen = 0
  for (const id of [...(view.children.get(folder) ?? [])]) {
    if (++seen % stepItems === 0) yield undefined
    // What others change meanwhile shows in the next listing.
    const node = view.nodes.get(id)
    if (!node || node.trashedSeq !== undefined) continue
    const name = nameOf(node)
    const other = firsts.get(name)
    if (!other || isBefore(node, other) < 0) firsts.set(name, node)
    if (other) later.push(isBefore(node, other) < 0 ? other : node)
  }
  const items: TreeItem[] = []
  for (const [name, node] of firsts) {
    if (++seen % stepItems === 0) yield undefined
    items.push(itemOf(node, name))
  }
  const taken = new Set(later.length === 0 ? [] : firsts.keys())
  const counts = new Map<string, number>()
  for (const node of later.sort(isBefore)) {
    if (++seen % stepItems === 0) yield undefined
    const series = `${node.kind === 'file'}/${nameOf(node)}`
    let count = counts.get(series) ?? 2
    while (taken.has(numbered(nameOf(node), node.kind, count))) count++
    counts.set(series, count + 1)
    const name = numbered(nameOf(node), node.kind, count)
    taken.add(name)
    items.push(itemOf(node, name))
  }
  return yield* sortInSteps(items)
}

/** The items of a folder that are not in the trash, by name in code unit order. Clashing names are numbered. */
export const listFolder = (view: ShareView, folder: string): TreeItem[] => {
  const steps = listing(view, folder)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** A browser draws a frame every 16 ms: a listing takes half of that at most before it lets go. */
const sliceMs = 8

/**
 * What `listFolder` gives, made in slices of 8 ms between which the page can draw and answer: for folders of any size.
 * Rejects with the reason of `signal`.
 */
export const listFolderInSteps = async (
  view: ShareView,
  folder: string,
  signal?: AbortSignal,
): Promise<TreeItem[]> => {
  const steps = listing(view, folder)
  let began = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() - began < sliceMs) continue
    await new Promise((resolve) => setTimeout(resolve, 0))
    signal?.throwIfAborted()
    began = performance.now()
  }
}

/** The names of a path, in NFC. ProblemError('bad_request') for "..", ".", NUL and other names that none can have. */
export const splitPath = (path: string): string[] => {
  const names = path.split('/').filter((name) => name !== '')
  for (const name of names) {
    const problem = nameProblem(name)
    if (problem !== undefined) throw new ProblemError('bad_request', problem)
  }
  return names.map((name) => name.normalize('NFC'))
}

export const rootPlace = (view: ShareView): Place => ({
  id: view.root,
  kind: 'folder',
  path: '/',
  node: undefined,
})

const childPlace = (parent: Place, item: TreeItem): Place => ({
  id: item.id,
  kind: item.kind,
  path: parent.path === '/' ? `/${item.name}` : `${parent.path}/${item.name}`,
  node: item.node,
})

/** The item at a path of shown names; undefined where there is none. */
export const findPath = (view: ShareView, path: string): Place | undefined => {
  let place = rootPlace(view)
  for (const name of splitPath(path)) {
    const item = listFolder(view, place.id).find((one) => one.name === name)
    if (!item) return undefined
    place = childPlace(place, item)
  }
  return place
}

/** The item at a path; ProblemError('not_found') where there is none. */
export const getPath = (view: ShareView, path: string): Place => {
  const place = findPath(view, path)
  if (!place) throw new ProblemError('not_found', 'There is nothing at that path.')
  return place
}

/** The items of a folder as places, by name. */
export const childrenOf = (view: ShareView, parent: Place): Place[] =>
  listFolder(view, parent.id).map((item) => childPlace(parent, item))

/** The place and all below it that is not in the trash, folders before what they hold. */
export function* walk(view: ShareView, place: Place): Generator<Place> {
  yield place
  if (place.kind !== 'folder') return
  for (const child of childrenOf(view, place)) yield* walk(view, child)
}

/** Every live item's path by id, for listings that start from ids. */
export const pathsById = (view: ShareView): Map<string, string> =>
  new Map([...walk(view, rootPlace(view))].map(({ id, path }) => [id, path]))
