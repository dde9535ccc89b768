import type { Act, Applied } from '../rules.ts'
import type { Attributes } from './attributes.ts'
import { checkChanges } from './check.ts'
import type { Change, ShareFacts } from './facts.ts'
import { addChild, removeChild, type ShareNode, type ShareView, subtree } from './view.ts'

type ShareAct = Act<ShareFacts>
type ChangeFacts = Extract<ShareFacts, { entry: 'change' }>

/** Applies an entry's changes in place; changes that do not fit the tree have no effect and are listed. */
export const applyChanges = (view: ShareView, act: ShareAct, facts: ChangeFacts): Applied => {
  const { accepted, refusals } = checkChanges(view, facts.changes)
  const referenced: string[] = []
  const released: string[] = []
  for (const index of accepted) {
    const change = facts.changes[index]!
    const attributes = facts.attributes?.[index]
    if (change.op === 'erase') erase(view, change.node, released)
    else {
      const node = 'base' in change ? view.nodes.get(change.node)! : add(view, act, change)
      touch(view, act, node, change)
      if ('object' in change) addVersion(view, act, node, change, attributes, referenced)
      describe(node, attributes)
    }
  }
  // Net of this entry: an object that was let go and taken up again must not be thought gone, nor the other way round.
  const isUsed = (object: string): boolean => view.objectCounts.has(object)
  return {
    refusals,
    referenced: referenced.filter(isUsed),
    released: released.filter((object) => !isUsed(object)),
  }
}

const add = (
  view: ShareView,
  act: ShareAct,
  change: Extract<Change, { op: `add-${string}` }>,
): ShareNode => {
  const node: ShareNode = {
    id: change.node,
    kind: change.op === 'add-file' ? 'file' : change.op === 'add-link' ? 'link' : 'folder',
    parent: change.parent,
    base: act.seq,
    at: act.at,
    trashedSeq: undefined,
    trashedAt: undefined,
    versions: [],
    name: undefined,
    modifiedAt: undefined,
    mode: undefined,
    target: undefined,
  }
  view.nodes.set(node.id, node)
  addChild(view, node.parent, node.id)
  return node
}

const touch = (view: ShareView, act: ShareAct, node: ShareNode, change: Change): void => {
  node.base = act.seq
  node.at = act.at
  if (change.op === 'trash') {
    node.trashedSeq = act.seq
    node.trashedAt = act.at
  }
  if (change.op === 'restore') {
    node.trashedSeq = undefined
    node.trashedAt = undefined
  }
  if ('parent' in change && change.parent !== node.parent) {
    removeChild(view, node.parent, node.id)
    node.parent = change.parent
    addChild(view, node.parent, node.id)
  }
}

const addVersion = (
  view: ShareView,
  act: ShareAct,
  node: ShareNode,
  change: { readonly object: string; readonly sizeBytes: number },
  attributes: Attributes | undefined,
  referenced: string[],
): void => {
  const { object, sizeBytes } = change
  node.versions.push({
    seq: act.seq,
    at: act.at,
    author: act.author,
    object,
    sizeBytes,
    content: attributes?.content,
  })
  const count = view.objectCounts.get(object) ?? 0
  if (count === 0) referenced.push(object)
  view.objectCounts.set(object, count + 1)
}

const describe = (node: ShareNode, attributes: Attributes | undefined): void => {
  if (!attributes) return
  node.name = attributes.name ?? node.name
  node.modifiedAt = attributes.modifiedAt ?? node.modifiedAt
  node.mode = attributes.mode ?? node.mode
  node.target = attributes.target ?? node.target
}

const erase = (view: ShareView, root: string, released: string[]): void => {
  for (const id of subtree(view, root).toReversed()) {
    const node = view.nodes.get(id)!
    for (const { object } of node.versions) {
      const count = view.objectCounts.get(object)! - 1
      if (count > 0) view.objectCounts.set(object, count)
      else {
        view.objectCounts.delete(object)
        released.push(object)
      }
    }
    removeChild(view, node.parent, id)
    view.nodes.delete(id)
  }
}
