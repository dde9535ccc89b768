import type { Content } from './attributes.ts'
import type { EpochFacts } from './facts.ts'

/** One version of a file. `content` is there for readers only. */
export type Version = {
  readonly seq: number
  readonly at: number
  readonly author: string
  readonly object: string
  /** Stored (sealed) bytes. */
  readonly sizeBytes: number
  readonly content: Content | undefined
}

export type NodeKind = 'folder' | 'file' | 'link'

/** A folder, file or symbolic link. `name` and what follows it is there for readers only. */
export type ShareNode = {
  readonly id: string
  readonly kind: NodeKind
  parent: string
  /** Number and time of the newest entry about this node. */
  base: number
  at: number
  trashedSeq: number | undefined
  trashedAt: number | undefined
  /** Oldest first; empty but for files. */
  readonly versions: Version[]
  name: string | undefined
  modifiedAt: number | undefined
  mode: number | undefined
  target: string | undefined
}

/** What a share log says: its tree, and the epochs with their sealed keys. The root folder's id is the log's. */
export type ShareView = {
  readonly root: string
  readonly founder: string
  epoch: number
  readonly epochs: Map<number, EpochFacts>
  readonly nodes: Map<string, ShareNode>
  /** Node ids by parent, trashed ones included. */
  readonly children: Map<string, Set<string>>
  /** How many versions refer to each object. */
  readonly objectCounts: Map<string, number>
  name: string | undefined
}

/** Folders may lie this deep; every walk upwards is bounded by it. */
export const depthLimit = 256

export const addChild = (view: ShareView, parent: string, node: string): void => {
  const siblings = view.children.get(parent)
  if (siblings) siblings.add(node)
  else view.children.set(parent, new Set([node]))
}

export const removeChild = (view: ShareView, parent: string, node: string): void => {
  const siblings = view.children.get(parent)
  siblings?.delete(node)
  if (siblings?.size === 0) view.children.delete(parent)
}

/** The node and all below it, parents first. */
export const subtree = (view: ShareView, node: string): string[] => {
  const found = [node]
  for (let i = 0; i < found.length; i++) {
    for (const child of view.children.get(found[i]!) ?? []) found.push(child)
  }
  return found
}

/** True when neither the node nor a folder above it is in the trash. */
export const isLive = (view: ShareView, node: string): boolean => {
  let at = node
  for (let depth = 0; depth <= depthLimit; depth++) {
    if (at === view.root) return true
    const found = view.nodes.get(at)
    if (!found || found.trashedSeq !== undefined) return false
    at = found.parent
  }
  return false
}

/** The newest version of a file. */
export const newestVersion = (node: ShareNode): Version | undefined => node.versions.at(-1)
