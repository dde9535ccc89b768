import type { ResticNode, ResticTime } from './node.ts'
import { checkSignal } from './patient.ts'
import type { ResticRepository } from './repository.ts'
import { readTrees, type TreeOptions } from './trees.ts'
import { hexOf } from './values.ts'
import { checkDepth, createCount, joined } from './walk.ts'

/**
 * `added` `removed` · `changed` other content, or a link that leads elsewhere · `type` a file became a folder and the
 * like · `attributes` the same content under other times, mode, owner or extended attributes
 */
export type ResticDifference = {
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed' | 'type' | 'attributes'
  readonly older: ResticNode | undefined
  readonly newer: ResticNode | undefined
}

type Sides<T> = { readonly older: T | undefined; readonly newer: T | undefined }
type Pair = Sides<string> & { readonly path: string; readonly depth: number }

const pairsAtOnce = 256

const keyOf = ({ name, nameBytes }: ResticNode): string =>
  nameBytes ? `bytes ${hexOf(nameBytes)}` : `text ${name}`

const sameTime = (one: ResticTime | undefined, other: ResticTime | undefined): boolean =>
  one?.ms === other?.ms && one?.ns === other?.ns

const sameContent = (older: ResticNode, newer: ResticNode): boolean => {
  const [one = [], other = []] = [older.content, newer.content]
  return (
    one.length === other.length &&
    one.every((id, index) => id === other[index]) &&
    older.target === newer.target &&
    older.device === newer.device
  )
}

const sameAttributes = (older: ResticNode, newer: ResticNode): boolean =>
  older.mode === newer.mode &&
  older.uid === newer.uid &&
  older.gid === newer.gid &&
  sameTime(older.modified, newer.modified) &&
  JSON.stringify(older.extendedAttributes) === JSON.stringify(newer.extendedAttributes) &&
  JSON.stringify(older.genericAttributes) === JSON.stringify(newer.genericAttributes)

const kindOf = ({ older, newer }: Sides<ResticNode>): ResticDifference['kind'] | undefined => {
  if (!older) return 'added'
  if (!newer) return 'removed'
  if (older.kind !== newer.kind) return 'type'
  if (!sameContent(older, newer)) return 'changed'
  return sameAttributes(older, newer) ? undefined : 'attributes'
}

/** Both lists as pairs of equal names, in the order of the newer one, then what is only in the older. */
const pairsOf = (sides: Sides<readonly ResticNode[]>): Sides<ResticNode>[] => {
  const left = new Map((sides.older ?? []).map((node) => [keyOf(node), node]))
  const pairs: Sides<ResticNode>[] = (sides.newer ?? []).map((newer) => {
    const older = left.get(keyOf(newer))
    left.delete(keyOf(newer))
    return { older, newer }
  })
  return [...pairs, ...[...left.values()].map((older) => ({ older, newer: undefined }))]
}

/** Both sides of each pair; undefined where a side has no such folder. A pair of which one cannot be read is left out. */
async function* readPairs(
  repository: ResticRepository,
  pairs: readonly Pair[],
  options: TreeOptions,
): AsyncGenerator<{ pair: Pair; sides: Sides<readonly ResticNode[]> }> {
  const wanted = pairs.flatMap((pair) =>
    (['older', 'newer'] as const).flatMap((side) => {
      const id = pair[side]
      return id === undefined ? [] : [{ item: { pair, side }, id, path: pair.path }]
    }),
  )
  const read = new Map<Pair, { older?: readonly ResticNode[]; newer?: readonly ResticNode[] }>()
  for await (const { item, nodes } of readTrees(repository, wanted, options)) {
    if (!nodes) continue
    const { pair, side } = item
    const sides = { ...read.get(pair), [side]: nodes }
    read.set(pair, sides)
    const whole =
      (pair.older === undefined || sides.older) && (pair.newer === undefined || sides.newer)
    if (!whole) continue
    read.delete(pair)
    yield { pair, sides: { older: sides.older, newer: sides.newer } }
  }
}

/**
 * What differs between two trees, in no order; folders that are equal by id are not even fetched. Throws as
 * `walkSnapshot` does.
 */
export async function* compareSnapshots(
  repository: ResticRepository,
  olderTree: string,
  newerTree: string,
  options: TreeOptions = {},
): AsyncGenerator<ResticDifference> {
  const pending: Pair[] = []
  const push = (pair: Pair) => {
    checkDepth(pair.depth)
    if (pair.older !== pair.newer) pending.push(pair)
  }
  push({ path: '', depth: 0, older: olderTree, newer: newerTree })
  const count = createCount()
  while (pending.length > 0) {
    checkSignal(options.signal)
    const batch = pending.splice(-pairsAtOnce)
    for await (const { pair, sides } of readPairs(repository, batch, options)) {
      count((sides.older?.length ?? 0) + (sides.newer?.length ?? 0))
      for (const { older, newer } of pairsOf(sides)) {
        const path = joined(pair.path, newer?.name ?? older?.name ?? '')
        const kind = kindOf({ older, newer })
        if (kind) yield { path, kind, older, newer }
        push({ path, depth: pair.depth + 1, older: older?.subtree, newer: newer?.subtree })
      }
    }
  }
}
