/** Changing a share's tree: folders, moves, copies, trash, erasure, versions. */
import { ProblemError } from '@hearthold/contract'
import { randomId, toHex } from '@hearthold/crypto'
import {
  type Attributes,
  type Change,
  changeLimit,
  isLive,
  newestVersion,
  type ShareNode,
  type ShareView,
  type Version,
} from '@hearthold/model'
import { appendChanges, type ChangeBatch } from './share-writer.ts'
import type { Share } from './share.ts'
import { childrenOf, findPath, getPath, type Place, splitPath } from './tree.ts'

const newId = (): string => toHex(randomId())

const batchOf = (
  parts: readonly { readonly change: Change; readonly attributes?: Attributes | undefined }[],
): ChangeBatch => ({
  changes: parts.map(({ change }) => change),
  attributes: parts.map(({ attributes }) => attributes),
})

const taken = () => new ProblemError('object_exists', 'There is already something of that name.')
const gone = () => new ProblemError('not_found', 'There is nothing at that path.')

const folderAt = (view: ShareView, path: string): Place => {
  const place = getPath(view, path)
  if (place.kind !== 'folder') throw new ProblemError('bad_request', 'That is no folder.')
  return place
}

const joined = (names: readonly string[]): string => `/${names.join('/')}`

/** Makes a folder and those above it that are missing; answers its id. A folder that is there already is taken. */
export const makeFolder = async (share: Share, path: string): Promise<string> => {
  const names = splitPath(path)
  let id = share.view.root
  await appendChanges(share, (view) => {
    const parts: { change: Change; attributes: Attributes }[] = []
    id = view.root
    names.forEach((name, i) => {
      const found = parts.length === 0 ? findPath(view, joined(names.slice(0, i + 1))) : undefined
      if (found && found.kind !== 'folder') throw taken()
      if (found) id = found.id
      else {
        const node = newId()
        parts.push({ change: { op: 'add-folder', node, parent: id }, attributes: { name } })
        id = node
      }
    })
    return batchOf(parts)
  })
  return id
}

type Target = { readonly parent: string; readonly name: string }

/** Like `mv`: into `to` where that is a folder, else under that very name, which must be free. */
const targetOf = (view: ShareView, from: Place, to: string): Target => {
  const there = findPath(view, to)
  const name = from.path.slice(from.path.lastIndexOf('/') + 1)
  if (there?.kind === 'folder' && there.id !== from.id) {
    if (
      childrenOf(view, there).some(
        (child) => child.path.endsWith(`/${name}`) && child.id !== from.id,
      )
    ) {
      throw taken()
    }
    return { parent: there.id, name }
  }
  if (there && there.id !== from.id) throw taken()
  const names = splitPath(to)
  if (names.length === 0) throw taken()
  return { parent: folderAt(view, joined(names.slice(0, -1))).id, name: names.at(-1)! }
}

const nodeAt = (view: ShareView, path: string): Place & { node: ShareNode } => {
  const place = getPath(view, path)
  if (!place.node) throw new ProblemError('bad_request', 'That cannot be done to the whole share.')
  return { ...place, node: place.node }
}

/**
 * Moves or renames: `to` is a folder to move into, or the new path. Throws ProblemError: 'not_found', 'object_exists'
 * where the name is taken, 'bad_request' for a folder that would lie in itself.
 */
export const moveItem = (share: Share, from: string, to: string): Promise<void> =>
  appendChanges(share, (view) => {
    const place = nodeAt(view, from)
    const { parent, name } = targetOf(view, place, to)
    if (isWithin(view, parent, place.id)) {
      throw new ProblemError('bad_request', 'A folder cannot be moved into itself.')
    }
    const { base } = place.node
    const attributes = { name }
    if (parent !== place.node.parent) {
      return batchOf([{ change: { op: 'move', node: place.id, base, parent }, attributes }])
    }
    if (name === place.node.name) return batchOf([])
    return batchOf([{ change: { op: 'describe', node: place.id, base }, attributes }])
  })

const isWithin = (view: ShareView, node: string, folder: string): boolean => {
  for (let at = node; at !== view.root; at = view.nodes.get(at)?.parent ?? view.root) {
    if (at === folder) return true
  }
  return false
}

const attributesOf = (node: ShareNode, name: string): Attributes => {
  const content = newestVersion(node)?.content
  return {
    name,
    ...(node.modifiedAt === undefined ? {} : { modifiedAt: node.modifiedAt }),
    ...(node.mode === undefined ? {} : { mode: node.mode }),
    ...(node.target === undefined ? {} : { target: node.target }),
    ...(content === undefined ? {} : { content }),
  }
}

type Part = { change: Change; attributes: Attributes }

const copyOf = (
  view: ShareView,
  place: Place & { node: ShareNode },
  target: Target,
  parts: Part[],
): void => {
  const node = newId()
  const version = newestVersion(place.node)
  const attributes = attributesOf(place.node, target.name)
  const { parent } = target
  if (place.kind === 'file') {
    if (!version) return
    const { object, sizeBytes } = version
    parts.push({ change: { op: 'add-file', node, parent, object, sizeBytes }, attributes })
    return
  }
  const op = place.kind === 'folder' ? 'add-folder' : 'add-link'
  parts.push({ change: { op, node, parent }, attributes })
  if (place.kind !== 'folder') return
  for (const child of childrenOf(view, place)) {
    const name = child.path.slice(child.path.lastIndexOf('/') + 1)
    copyOf(view, { ...child, node: child.node! }, { parent: node, name }, parts)
  }
}

/** Copies a file, link or folder with all below it: new nodes, the same sealed objects, newest versions only. */
export const copyItem = async (share: Share, from: string, to: string): Promise<void> => {
  const { view } = share
  const place = nodeAt(view, from)
  const parts: Part[] = []
  copyOf(view, place, targetOf(view, place, to), parts)
  for (let i = 0; i < parts.length; i += changeLimit) {
    const batch = batchOf(parts.slice(i, i + changeLimit))
    await appendChanges(share, () => batch)
  }
}

/** Puts items into the trash, each with all below it. ProblemError('not_found') where one is not there. */
export const trashItems = (share: Share, paths: readonly string[]): Promise<void> =>
  appendEach(
    share,
    paths.map((path) => nodeAt(share.view, path).id),
    (view, id) => {
      const node = view.nodes.get(id)
      if (!node || !isLive(view, id)) return undefined
      return { op: 'trash', node: id, base: node.base }
    },
  )

/** Appends one change for each id, those that `make` gives none for left out, in batches of 1,000. */
const appendEach = async (
  share: Share,
  ids: readonly string[],
  make: (view: ShareView, id: string) => Change | undefined,
): Promise<void> => {
  const unique = [...new Set(ids)]
  for (let i = 0; i < unique.length; i += changeLimit) {
    await appendChanges(share, (view) =>
      batchOf(
        unique.slice(i, i + changeLimit).flatMap((id) => {
          const change = make(view, id)
          return change ? [{ change }] : []
        }),
      ),
    )
  }
}

export type TrashedItem = {
  readonly id: string
  readonly name: string
  readonly kind: ShareNode['kind']
  /** Server's time, ms since 1970. */
  readonly trashedAt: number
}

const trashRoots = (view: ShareView): ShareNode[] =>
  [...view.nodes.values()].filter(
    (node) => node.trashedSeq !== undefined && !hasTrashedFolder(view, node),
  )

const hasTrashedFolder = (view: ShareView, node: ShareNode): boolean => {
  for (let at = view.nodes.get(node.parent); at; at = view.nodes.get(at.parent)) {
    if (at.trashedSeq !== undefined) return true
  }
  return false
}

/** What lies in the trash by itself, newest first; what was trashed with its folder is not listed apart. */
export const listTrash = (view: ShareView): TrashedItem[] =>
  trashRoots(view)
    .sort((a, b) => b.trashedSeq! - a.trashedSeq! || (a.id < b.id ? -1 : 1))
    .map(({ id, name, kind, trashedAt }) => ({ id, name: name ?? id, kind, trashedAt: trashedAt! }))

/** Takes items (ids) out of the trash: back into their folder where it still is, else into the root. */
export const restoreItems = (share: Share, ids: readonly string[]): Promise<void> =>
  appendEach(share, ids, (view, id) => {
    const node = view.nodes.get(id)
    if (!node) throw gone()
    if (node.trashedSeq === undefined) return undefined
    const parent = isLive(view, node.parent) ? node.parent : view.root
    return { op: 'restore', node: id, base: node.base, parent }
  })

/**
 * Erases for ever, with all versions and all below: a signed act after which the server drops the stored bytes and
 * gives the quota back. `ids` may be live or in the trash; ones that are gone already are left out.
 */
export const eraseItems = (share: Share, ids: readonly string[]): Promise<void> => {
  const wanted = new Set(ids)
  const within = (view: ShareView, node: ShareNode): boolean => {
    for (let at = view.nodes.get(node.parent); at; at = view.nodes.get(at.parent)) {
      if (wanted.has(at.id)) return true
    }
    return false
  }
  return appendEach(share, ids, (view, id) => {
    const node = view.nodes.get(id)
    if (!node || within(view, node)) return undefined
    return { op: 'erase', node: id, base: node.base }
  })
}

/** Erases for ever what is at these paths. */
export const erasePaths = (share: Share, paths: readonly string[]): Promise<void> =>
  eraseItems(
    share,
    paths.map((path) => nodeAt(share.view, path).id),
  )

/** Erases all that is in the trash; answers how many items were in it by themselves. */
export const emptyTrash = async (share: Share): Promise<number> => {
  await share.replica.sync()
  const ids = trashRoots(share.view).map(({ id }) => id)
  await eraseItems(share, ids)
  return ids.length
}

/** A file's versions, oldest first. ProblemError('bad_request') for what is no file. */
export const listVersions = (view: ShareView, path: string): readonly Version[] => {
  const place = nodeAt(view, path)
  if (place.kind !== 'file') throw new ProblemError('bad_request', 'Only files have versions.')
  return place.node.versions
}
