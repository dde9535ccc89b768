import type { Refusal } from '../rules.ts'
import type { Change } from './facts.ts'
import { depthLimit, type NodeKind, type ShareView } from './view.ts'

/** A node as it stands after the earlier changes of the same entry. */
type Draft = {
  readonly kind: NodeKind
  readonly parent: string
  readonly base: number
  readonly trashed: boolean
}

export type Checked = {
  /** Indexes of the changes that take effect, in order. */
  readonly accepted: readonly number[]
  readonly refusals: readonly Refusal[]
}

/**
 * Which changes of one entry take effect, each judged after those before it, without touching the view.
 * A node may be changed once an entry; a folder added by it may be a parent later in it.
 */
export const checkChanges = (view: ShareView, changes: readonly Change[]): Checked => {
  const draft = new ChangeDraft(view)
  const accepted: number[] = []
  const refusals: Refusal[] = []
  changes.forEach((change, index) => {
    const refusal = draft.take(change)
    if (refusal) refusals.push(refusal)
    else accepted.push(index)
  })
  return { accepted, refusals }
}

class ChangeDraft {
  readonly #view: ShareView
  /** Nodes touched by this entry; null once erased. */
  readonly #touched = new Map<string, Draft | null>()

  constructor(view: ShareView) {
    this.#view = view
  }

  #find(id: string): Draft | undefined {
    const touched = this.#touched.get(id)
    if (touched !== undefined) return touched ?? undefined
    const node = this.#view.nodes.get(id)
    if (!node) return undefined
    const { kind, parent, base, trashedSeq } = node
    return { kind, parent, base, trashed: trashedSeq !== undefined }
  }

  /** Live: reaches the root through folders none of which is trashed. `within` is refused on the way (cycles). */
  #isLive(id: string, within?: string): boolean {
    let at = id
    for (let depth = 0; depth < depthLimit; depth++) {
      if (at === this.#view.root) return true
      const node = at === within ? undefined : this.#find(at)
      if (!node || node.trashed) return false
      at = node.parent
    }
    return false
  }

  #isFolder(id: string): boolean {
    return id === this.#view.root || this.#find(id)?.kind === 'folder'
  }

  take(change: Change): Refusal | undefined {
    const refusal = 'base' in change ? this.#changeNode(change) : this.#addNode(change)
    return refusal && { ...refusal, subject: change.node }
  }

  #addNode(change: Extract<Change, { op: `add-${string}` }>): Refusal | undefined {
    const { node, parent } = change
    if (node === this.#view.root || this.#touched.has(node) || this.#find(node))
      return { code: 'entry_refused' }
    if (!this.#isFolder(parent) || !this.#isLive(parent)) return { code: 'base_stale' }
    const kind = change.op === 'add-file' ? 'file' : change.op === 'add-link' ? 'link' : 'folder'
    this.#touched.set(node, { kind, parent, base: 0, trashed: false })
    return undefined
  }

  #changeNode(change: Exclude<Change, { op: `add-${string}` }>): Refusal | undefined {
    const { op, node } = change
    if (this.#touched.has(node)) return { code: 'entry_refused' }
    const found = this.#find(node)
    if (!found || found.base !== change.base) return { code: 'base_stale' }
    if (op === 'write' && found.kind !== 'file') return { code: 'entry_refused' }
    const needsLive = op === 'write' || op === 'move' || op === 'describe' || op === 'trash'
    if (needsLive && !this.#isLive(node)) return { code: 'base_stale' }
    if (op === 'restore' && !found.trashed) return { code: 'base_stale' }
    if ('parent' in change) {
      if (!this.#isFolder(change.parent) || !this.#isLive(change.parent, node))
        return { code: 'base_stale' }
    }
    this.#touched.set(node, op === 'erase' ? null : this.#after(change, found))
    return undefined
  }

  #after(change: Change, found: Draft): Draft {
    return {
      ...found,
      parent: 'parent' in change ? change.parent : found.parent,
      trashed: change.op === 'trash' || (change.op !== 'restore' && found.trashed),
    }
  }
}
