/** Gathers what was stored into entries of at most 1,000 changes, and fits them to a share that others change too. */
import { randomId, toHex } from '@hearthold/crypto'
import { type Attributes, type Change, changeLimit, isLive, type ShareView } from '@hearthold/model'
import type { Skipped } from './local-item.ts'
import { appendChanges, type ChangeBatch } from './share-writer.ts'
import type { Share } from './share.ts'

/** A change with what is needed to make it again where others moved the ground under it. */
export type PlannedChange = {
  readonly change: Exclude<Change, { op: 'trash' | 'restore' | 'erase' | 'move' }>
  /** With the name always: an existing node keeps its own. */
  readonly attributes: Attributes
  readonly path: string
  /** Folder of the node, for a file that was erased while its new version was on the way. */
  readonly parent: string
}

/** A body may have 1 MiB; names and keys of a change are estimated generously. */
const batchLimitBytes = 768 * 1024
const estimate = ({ attributes }: PlannedChange): number =>
  128 + 3 * (attributes.name?.length ?? 0) + 3 * (attributes.target?.length ?? 0)

export type ChangeQueue = {
  /** Takes a change; resolves at once, or after the batch before it is stored where two wait already. */
  add(change: PlannedChange): Promise<void>
  /** Appends what has gathered; resolves once all that was added before is in the log. */
  flush(): Promise<void>
  /** True where something waits for longer than `ms`. */
  waitsLonger(ms: number): boolean
}

/**
 * The change as it can be made now; undefined where its place is gone. `added` are folders of the same entry. A file
 * that was erased meanwhile comes back as a new one: what somebody puts is never dropped for a deletion elsewhere.
 */
const fit = (
  view: ShareView,
  added: ReadonlySet<string>,
  planned: PlannedChange,
): { change: Change; attributes: Attributes } | undefined => {
  const { change, attributes, parent } = planned
  const hasPlace = (id: string): boolean =>
    added.has(id) || (isLive(view, id) && isFolder(view, id))
  if ('base' in change) {
    const node = view.nodes.get(change.node)
    const { name: _, ...rest } = attributes
    if (node && isLive(view, node.id))
      return { change: { ...change, base: node.base }, attributes: rest }
    if (change.op !== 'write' || !hasPlace(parent)) return undefined
    const { object, sizeBytes } = change
    return {
      change: { op: 'add-file', node: toHex(randomId()), parent, object, sizeBytes },
      attributes,
    }
  }
  return hasPlace(change.parent) ? { change, attributes } : undefined
}

const isFolder = (view: ShareView, id: string): boolean =>
  id === view.root || view.nodes.get(id)?.kind === 'folder'

/** An append whose answer was lost may arrive after all, while it is being made again: ids and objects are random. */
const isThere = (view: ShareView, { change }: PlannedChange): boolean => {
  const node = view.nodes.get(change.node)
  if (!node) return false
  if (change.op !== 'write') return change.op !== 'describe'
  return node.versions.some(({ object }) => object === change.object)
}

const fitAll = (
  view: ShareView,
  planned: readonly PlannedChange[],
  skipped: Map<string, Skipped>,
): ChangeBatch => {
  const added = new Set<string>()
  const changes: Change[] = []
  const attributes: Attributes[] = []
  for (const one of planned) {
    if (isThere(view, one)) continue
    const fitting = fit(view, added, one)
    if (!fitting) {
      skipped.set(one.path, { path: one.path, reason: 'Its folder was removed by another device.' })
      continue
    }
    if (fitting.change.op === 'add-folder') added.add(fitting.change.node)
    changes.push(fitting.change)
    attributes.push(fitting.attributes)
  }
  return { changes, attributes }
}

/** A queue over a share. `skipped` collects, by path, what found no place any more. */
export const createChangeQueue = (
  share: Share,
  skipped: Map<string, Skipped>,
  clock: () => number,
): ChangeQueue => {
  let waiting: PlannedChange[] = []
  let waitingBytes = 0
  let since = 0
  const underWay: Promise<void>[] = []

  const begin = (): void => {
    if (waiting.length === 0) return
    const batch = waiting
    waiting = []
    waitingBytes = 0
    const appended = appendChanges(share, (view) => fitAll(view, batch, skipped))
    underWay.push(appended)
    // One that failed stays, so that everybody who waits for it learns of it.
    appended.then(
      () => void underWay.splice(underWay.indexOf(appended), 1),
      () => undefined,
    )
  }
  return {
    async add(change) {
      if (waiting.length === 0) since = clock()
      waiting.push(change)
      waitingBytes += estimate(change)
      if (waiting.length < changeLimit && waitingBytes < batchLimitBytes) return
      begin()
      while (underWay.length > 2) await underWay[0]
    },
    async flush() {
      begin()
      // All are waited for, also where another caller waits for the same: several files end at once.
      for (const one of await Promise.allSettled(underWay)) {
        if (one.status === 'rejected') throw one.reason
      }
    },
    waitsLonger: (ms) => waiting.length > 0 && clock() - since > ms,
  }
}
