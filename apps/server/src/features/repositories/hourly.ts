import { noteAlarms } from './alarms.ts'
import { expireBin } from './bin.ts'
import type { Live } from './live.ts'
import type { Parts } from './parts.ts'
import { destroy } from './removal.ts'

/** What one round destroyed, for tests and the log. */
export type Expired = { objects: number; bytes: number; repositories: number }

/**
 * Counts what has not been counted since the start, destroys what has waited its time in the bin, and looks for alarms.
 * A storage that fails stops nothing but its own repositories.
 */
export const tend = async (parts: Parts, isStopped: () => boolean): Promise<Expired> => {
  const { deps, catalogue, binClock } = parts
  const { trusted, now } = await binClock.sweepAt(deps.clock.now())
  if (!trusted)
    deps.log.warn(
      {},
      'the clock is far ahead of the last hour: nothing in the bin is destroyed for a day',
    )
  const expired: Expired = { objects: 0, bytes: 0, repositories: 0 }
  for (const live of catalogue.all()) {
    if (isStopped()) break
    try {
      await tendOne(parts, live, trusted ? now : undefined, expired)
    } catch (error) {
      deps.log.warn({ err: error, repository: live.facts.id }, 'a repository could not be tended')
    }
    if (live.exists) await noteAlarms(deps, live)
  }
  deps.log.debug({ ...expired }, 'repositories were tended')
  return expired
}

const tendOne = async (
  parts: Parts,
  live: Live,
  dueBy: number | undefined,
  expired: Expired,
): Promise<void> => {
  const { destroyedAt } = live.facts
  if (dueBy !== undefined && destroyedAt !== null && destroyedAt <= dueBy) {
    const { objects, bytes } = await destroy(parts, live)
    expired.objects += objects
    expired.bytes += bytes
    expired.repositories += 1
    return
  }
  await live.count()
  // One that failed is asked again, so that its alarm ends by itself.
  if (live.storageFailedSince !== undefined)
    await live.guard(async () => (await live.store()).stat({ type: 'config', id: '' }))
  if (dueBy === undefined || live.facts.removedAt !== null || live.counts.binObjects === 0) return
  const { objects, bytes } = await expireBin(live, dueBy)
  expired.objects += objects
  expired.bytes += bytes
}
