/**
 * Acts on a share by ids, as a list on screen gives them. Each has the same effect when it is done twice: it names the
 * nodes that it makes, so that an act that was kept and may have been sent already can be sent again.
 */
import { ProblemError } from '@hearthold/contract'
import { fromHex, lp, sha256, toHex } from '@hearthold/crypto'
import {
  type Attributes,
  type Change,
  changeLimit,
  isLive,
  nameProblem,
  newestVersion,
  type ShareNode,
  type ShareView,
} from '@hearthold/model'
import { eraseItems, restoreItems } from './changes.ts'
import { appendChanges, renameShare } from './share-writer.ts'
import type { Share } from './share.ts'
import { listFolder } from './tree.ts'

/** Ids in hex. `seed` is 16 random bytes in hex from which the ids of copies are made. */
export type ShareAct =
  | { readonly act: 'name-share'; readonly name: string }
  | {
      readonly act: 'make-folder'
      readonly node: string
      readonly parent: string
      readonly name: string
    }
  | { readonly act: 'rename'; readonly node: string; readonly name: string }
  | { readonly act: 'move'; readonly nodes: readonly string[]; readonly folder: string }
  | {
      readonly act: 'copy'
      readonly nodes: readonly string[]
      readonly folder: string
      readonly seed: string
    }
  | { readonly act: 'trash'; readonly nodes: readonly string[] }
  | { readonly act: 'restore'; readonly nodes: readonly string[] }
  | { readonly act: 'erase'; readonly nodes: readonly string[] }

type Part = { readonly change: Change; readonly attributes?: Attributes }

const gone = () => new ProblemError('not_found', 'What was chosen is not there any more.')
const taken = () => new ProblemError('object_exists', 'There is already something of that name.')

const checkedName = (name: string): string => {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new ProblemError('bad_request', problem)
  return name.normalize('NFC')
}

const liveNode = (view: ShareView, id: string): ShareNode => {
  const node = view.nodes.get(id)
  if (!node || !isLive(view, id)) throw gone()
  return node
}

const checkFolder = (view: ShareView, id: string): void => {
  if (id === view.root) return
  if (liveNode(view, id).kind !== 'folder') {
    throw new ProblemError('bad_request', 'That is no folder.')
  }
}

const namesIn = (view: ShareView, folder: string, but: ReadonlySet<string>): Set<string> => {
  const names = new Set<string>()
  for (const id of view.children.get(folder) ?? []) {
    const node = view.nodes.get(id)!
    if (node.trashedSeq === undefined && node.name !== undefined && !but.has(id))
      names.add(node.name)
  }
  return names
}

const isWithin = (view: ShareView, node: string, folder: string): boolean => {
  for (let at = node; at !== view.root; at = view.nodes.get(at)?.parent ?? view.root) {
    if (at === folder) return true
  }
  return false
}

const makeFolder = (view: ShareView, act: Extract<ShareAct, { act: 'make-folder' }>): Part[] => {
  const { node, parent } = act
  if (view.nodes.has(node)) return []
  const name = checkedName(act.name)
  checkFolder(view, parent)
  if (namesIn(view, parent, new Set()).has(name)) throw taken()
  return [{ change: { op: 'add-folder', node, parent }, attributes: { name } }]
}

const rename = (view: ShareView, act: Extract<ShareAct, { act: 'rename' }>): Part[] => {
  const name = checkedName(act.name)
  const node = liveNode(view, act.node)
  if (node.name === name) return []
  if (namesIn(view, node.parent, new Set([node.id])).has(name)) throw taken()
  return [{ change: { op: 'describe', node: node.id, base: node.base }, attributes: { name } }]
}

const move = (view: ShareView, act: Extract<ShareAct, { act: 'move' }>): Part[] => {
  const { folder } = act
  checkFolder(view, folder)
  const names = namesIn(view, folder, new Set(act.nodes))
  return [...new Set(act.nodes)].flatMap((id) => {
    const node = liveNode(view, id)
    if (isWithin(view, folder, id)) {
      throw new ProblemError('bad_request', 'A folder cannot be moved into itself.')
    }
    if (node.parent === folder) return []
    const name = node.name ?? id
    if (names.has(name)) throw taken()
    names.add(name)
    return [{ change: { op: 'move', node: id, base: node.base, parent: folder } as const }]
  })
}

const numbered = (name: string, isFile: boolean, names: ReadonlySet<string>): string => {
  const dot = isFile ? name.lastIndexOf('.') : -1
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  for (let count = 2; ; count++) {
    const candidate = `${stem} (${count})${ending}`
    if (!names.has(candidate)) return candidate
  }
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

const copyId = (seed: string, node: string): string =>
  toHex(sha256(lp('hearthold/v1/copy-of', fromHex(seed), fromHex(node))).subarray(0, 16))

type Copying = { readonly view: ShareView; readonly seed: string; readonly parts: Part[] }

const copyInto = (copying: Copying, node: ShareNode, parent: string, name: string): void => {
  const { view, seed, parts } = copying
  const id = copyId(seed, node.id)
  const version = newestVersion(node)
  const attributes = attributesOf(node, name)
  if (node.kind === 'file') {
    if (!version) return
    const { object, sizeBytes } = version
    parts.push({ change: { op: 'add-file', node: id, parent, object, sizeBytes }, attributes })
    return
  }
  const op = node.kind === 'folder' ? 'add-folder' : 'add-link'
  parts.push({ change: { op, node: id, parent }, attributes })
  if (node.kind !== 'folder') return
  for (const child of listFolder(view, node.id)) copyInto(copying, child.node, id, child.name)
}

const copy = (view: ShareView, act: Extract<ShareAct, { act: 'copy' }>): Part[] => {
  const { folder, seed } = act
  checkFolder(view, folder)
  const names = namesIn(view, folder, new Set())
  const copying: Copying = { view, seed, parts: [] }
  for (const id of new Set(act.nodes)) {
    const node = liveNode(view, id)
    if (view.nodes.has(copyId(seed, id)) && node.kind !== 'folder') continue
    if (node.kind === 'folder' && isWithin(view, folder, id)) {
      throw new ProblemError('bad_request', 'A folder cannot be copied into itself.')
    }
    const own = view.nodes.get(copyId(seed, id))?.name
    const wanted = node.name ?? id
    const name = own ?? (names.has(wanted) ? numbered(wanted, node.kind === 'file', names) : wanted)
    names.add(name)
    copyInto(copying, node, folder, name)
  }
  return copying.parts
}

const trash = (view: ShareView, nodes: readonly string[]): Part[] => {
  const chosen = new Set(nodes)
  return [...chosen].flatMap((id) => {
    const node = view.nodes.get(id)
    if (!node || !isLive(view, id)) return []
    // What lies in a folder that goes as well goes with it.
    for (let at = view.nodes.get(node.parent); at; at = view.nodes.get(at.parent)) {
      if (chosen.has(at.id)) return []
    }
    return [{ change: { op: 'trash', node: id, base: node.base } as const }]
  })
}

/** Appends parts in entries of at most 1,000; each is fitted to the view once more just before it is sent. */
const appendParts = async (
  share: Share,
  plan: (view: ShareView) => readonly Part[],
  signal: AbortSignal | undefined,
): Promise<void> => {
  for (;;) {
    let left = 0
    await appendChanges(
      share,
      (view) => {
        const all = plan(view).filter(
          ({ change }) => !change.op.startsWith('add-') || !view.nodes.has(change.node),
        )
        const parts = all.slice(0, changeLimit)
        left = all.length - parts.length
        return {
          changes: parts.map(({ change }) => change),
          attributes: parts.map(({ attributes }) => attributes),
        }
      },
      signal,
    )
    if (left === 0) return
  }
}

const plans = {
  'make-folder': makeFolder,
  rename,
  move,
  copy,
  trash: (view: ShareView, act: Extract<ShareAct, { act: 'trash' }>) => trash(view, act.nodes),
}

/**
 * Does an act; one that was done already has no further effect. Resolves once it is durable. Throws ProblemError:
 * 'not_found' for what is gone, 'object_exists' for a name that is taken, 'bad_request' for a name that none can have
 * and for a folder that would lie in itself, and what appending throws.
 */
export const doAct = async (share: Share, act: ShareAct, signal?: AbortSignal): Promise<void> => {
  switch (act.act) {
    case 'name-share':
      if (share.view.name === act.name.normalize('NFC')) return
      checkedName(act.name)
      return renameShare(share, act.name)
    case 'restore':
      return restoreItems(share, act.nodes)
    case 'erase':
      return eraseItems(share, act.nodes)
    case 'make-folder':
      return appendParts(share, (view) => plans['make-folder'](view, act), signal)
    case 'rename':
      return appendParts(share, (view) => plans.rename(view, act), signal)
    case 'move':
      return appendParts(share, (view) => plans.move(view, act), signal)
    case 'copy':
      return appendParts(share, (view) => plans.copy(view, act), signal)
    case 'trash':
      return appendParts(share, (view) => plans.trash(view, act), signal)
  }
}
