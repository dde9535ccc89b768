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

const compareNames = (a: TreeItem, b: TreeItem): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0

/** The items of a folder that are not in the trash, by name in code unit order. Clashing names are numbered. */
export const listFolder = (view: ShareView, folder: string): TreeItem[] => {
  const nodes = [...(view.children.get(folder) ?? [])]
    .map((id) => view.nodes.get(id)!)
    .filter((node) => node.trashedSeq === undefined)
  const taken = new Set<string>()
  const later: ShareNode[] = []
  const items: TreeItem[] = []
  const add = (node: ShareNode, name: string): void => {
    taken.add(name)
    items.push({ id: node.id, kind: node.kind, name, node })
  }
  for (const node of nodes.sort(isBefore)) {
    if (taken.has(nameOf(node))) later.push(node)
    else add(node, nameOf(node))
  }
  for (const node of later) {
    let count = 2
    while (taken.has(numbered(nameOf(node), node.kind, count))) count++
    add(node, numbered(nameOf(node), node.kind, count))
  }
  return items.sort(compareNames)
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
