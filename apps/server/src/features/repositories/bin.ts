import { type AnswerOf, type getBin, ProblemError, type restoreBin } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { type BinnedObject, type RepositoryStore, StorageError } from '#platform/storage/storage.ts'
import { noteAlarms } from './alarms.ts'
import { burstMs } from './counts.ts'
import { dayMs, hourMs } from './deps.ts'
import type { Live } from './live.ts'
import type { Parts } from './parts.ts'
import { memberRoom, roomIn } from './quota.ts'
import { endBurst } from './settings.ts'

type Group = AnswerOf<typeof getBin>['groups'][number]
type Amount = { objects: number; bytes: number }

/** What waits in the bin, by the hour in which it was deleted, newest first. */
export const listBin = async (
  { catalogue }: Parts,
  session: SessionContext,
  id: string,
): Promise<AnswerOf<typeof getBin>> => {
  const live = catalogue.own(session, id)
  const groups = new Map<number, Group>()
  const all: Amount = { objects: 0, bytes: 0 }
  await live.guard(async () => {
    for await (const part of (await live.store()).bin.list())
      for (const object of part) {
        all.objects += 1
        all.bytes += object.sizeBytes
        addTo(groups, object)
      }
  })
  return { groups: [...groups.values()].toSorted((a, b) => b.deletedAt - a.deletedAt), ...all }
}

const addTo = (
  groups: Map<number, Group>,
  { ref, deletedAt, keptUntil, sizeBytes }: BinnedObject,
) => {
  const hour = Math.floor(deletedAt / hourMs)
  const group = groups.get(hour) ?? { deletedAt, keptUntil, snapshots: 0, objects: 0, bytes: 0 }
  // The first of the hour: what was deleted since then is the whole group.
  group.deletedAt = Math.min(group.deletedAt, deletedAt)
  group.keptUntil = Math.max(group.keptUntil, keptUntil)
  addAmount(group, { ref, sizeBytes })
  groups.set(hour, group)
}

const addAmount = (
  to: Amount & { snapshots: number },
  { ref, sizeBytes }: Pick<BinnedObject, 'ref' | 'sizeBytes'>,
): void => {
  to.snapshots += ref.type === 'snapshots' ? 1 : 0
  to.objects += 1
  to.bytes += sizeBytes
}

/** Whatever a snapshot needs is back before it. */
const order: Readonly<Record<string, number>> = { keys: 0, index: 1, snapshots: 2 }

/**
 * Brings back what was deleted since a time. Data first: a restore that is cut off leaves no snapshot whose data is
 * missing, and can be asked for again.
 * @throws ProblemError `over_quota`, and nothing is brought back
 */
export const restoreFromBin = async (
  parts: Parts,
  session: SessionContext,
  id: string,
  deletedSince: number,
): Promise<AnswerOf<typeof restoreBin>> => {
  const { deps, catalogue } = parts
  const live = catalogue.own(session, id)
  await live.count()
  const member = await memberRoom(deps, catalogue, live.facts.account)
  const { burstSince } = live.facts
  const burstBegan = burstSince === null ? Infinity : burstSince - burstMs
  const { restored, stays } = await live.inTurn(() =>
    live.guard(async () => {
      const store = await live.store()
      const { bytes, others, config, left } = await selected(store, deletedSince, burstBegan)
      if (bytes > roomIn(catalogue, live, member))
        throw new ProblemError('over_quota', 'There is no room left in the quota for all of it.')
      const room = holdRoom(live, bytes)
      try {
        const amount = await bringBack(live, store, deletedSince, others, room)
        if (config !== undefined) await bringConfigBack(parts, live, store, config, amount)
        return { restored: amount, stays: left }
      } finally {
        room.give(bytes)
      }
    }),
  )
  // Who brings a little back, or nothing, has not undone it.
  if (burstSince !== null && !live.counts.isMuch(stays)) await endBurst(deps.clock.now(), live)
  await noteAlarms(deps, live)
  return restored
}

/** What comes back, and what was deleted from `burstBegan` on and stays in the bin. */
const selected = async (store: RepositoryStore, deletedSince: number, burstBegan: number) => {
  let bytes = 0
  const left = { snapshots: 0, objects: 0, bytes: 0 }
  const others: BinnedObject[] = []
  let config: BinnedObject | undefined
  for await (const part of store.bin.list())
    for (const object of part) {
      if (object.deletedAt < deletedSince) {
        if (object.deletedAt >= burstBegan) addAmount(left, object)
        continue
      }
      bytes += object.sizeBytes
      if (object.ref.type === 'config') {
        if (config === undefined || object.deletedAt < config.deletedAt) config = object
      } else if (object.ref.type !== 'data') others.push(object)
    }
  others.sort((a, b) => (order[a.ref.type] ?? 0) - (order[b.ref.type] ?? 0))
  return { bytes, others, config, left }
}

/** Room for what comes back, so that no upload takes it meanwhile; given back as that is counted, never more than was held. */
const holdRoom = ({ counts }: Live, bytes: number): { give(bytes: number): void } => {
  let held = bytes
  counts.reservedBytes += held
  return {
    give: (part) => {
      const given = Math.min(part, held)
      held -= given
      counts.reservedBytes -= given
    },
  }
}

const bringBack = async (
  live: Live,
  store: RepositoryStore,
  deletedSince: number,
  others: readonly BinnedObject[],
  room: { give(bytes: number): void },
): Promise<Amount> => {
  const amount: Amount = { objects: 0, bytes: 0 }
  const one = async (object: BinnedObject): Promise<void> => {
    // Under this name lie wrong bytes: what the bin has may be the only right ones.
    if (live.damaged.has(`${object.ref.type}/${object.ref.id}`)) return
    const back = await store.bin.restore(object)
    room.give(object.sizeBytes)
    live.counts.unbinned(object, back)
    if (!back) return
    amount.objects += 1
    amount.bytes += object.sizeBytes
  }
  for await (const part of store.bin.list())
    for (const object of part)
      if (object.ref.type === 'data' && object.deletedAt >= deletedSince) await one(object)
  for (const object of others) await one(object)
  return amount
}

/** More than uploads of a credential at a time. */
const configTrials = 100

/**
 * The config alone is not named by its bytes, so that another may stand in its place: who may delete may put one there.
 * The one that was deleted first since the time is the one of that time; what stands there goes to the bin itself, and
 * the others stay there.
 */
const bringConfigBack = async (
  { deps, binClock }: Parts,
  live: Live,
  store: RepositoryStore,
  config: BinnedObject,
  amount: Amount,
): Promise<void> => {
  const { ref } = config
  // Each time, an upload that waited for this may have put another there.
  for (let trial = 0; trial < configTrials; trial += 1) {
    const deletedAt = binClock.stamp(deps.clock.now())
    const replaced = await store.bin.put(ref, deletedAt, deletedAt + live.facts.freezeDays * dayMs)
    if (replaced !== undefined) live.counts.binned(ref, replaced.sizeBytes, deletedAt)
    if (!(await store.bin.restore(config))) {
      if (replaced !== undefined || (await store.stat(ref)) !== undefined) continue
      // It was not in the bin any more.
      return
    }
    live.counts.unbinned(config, true)
    amount.objects += 1
    amount.bytes += config.sizeBytes
    return
  }
  throw new StorageError('unavailable', 'Others kept putting a config there.')
}

const destroyIn = async (live: Live, isDue: (object: BinnedObject) => boolean): Promise<Amount> => {
  await live.count()
  return live.inTurn(() =>
    live.guard(async () => {
      const amount: Amount = { objects: 0, bytes: 0 }
      const { bin } = await live.store()
      for await (const part of bin.list())
        for (const object of part) {
          if (!isDue(object)) continue
          await bin.remove(object)
          live.counts.unbinned(object, false)
          amount.objects += 1
          amount.bytes += object.sizeBytes
        }
      return amount
    }),
  )
}

/** Destroys what has waited for as long as it was promised. */
export const expireBin = (live: Live, now: number): Promise<Amount> =>
  destroyIn(live, ({ keptUntil }) => keptUntil <= now)

/** Destroys all that waits, whatever was promised. */
export const emptyBin = (live: Live): Promise<Amount> => destroyIn(live, () => true)
