import type { Repository, RepositoryCredential } from '@hearthold/contract'
import { alarmsOf } from './alarms.ts'
import type { Credential } from './credential-store.ts'
import type { Live } from './live.ts'

/** Damaged objects that are named; the others are counted. */
const namedDamaged = 100

/** A repository as its owner and hosts see it. */
export const showRepository = (live: Live, now: number): Repository => {
  const { facts, counts, damaged } = live
  const { startedAt, finishedAt, checkedObjects, checkedBytes } = facts.scrub
  const { snapshotDays, ...known } = counts.known(now)
  return {
    repository: facts.id,
    account: facts.account,
    name: facts.name,
    path: `/repositories/${facts.account}/${facts.name}/`,
    storage: facts.storage,
    createdAt: facts.createdAt,
    removedAt: facts.removedAt,
    destroyedAt: facts.destroyedAt,
    quotaBytes: facts.quotaBytes,
    freezeDays: facts.freezeDays,
    alarmAfterHours: facts.alarmAfterHours,
    counted: counts.counted,
    ...known,
    snapshotDays: [...snapshotDays],
    scrub: {
      startedAt,
      finishedAt,
      checkedObjects,
      checkedBytes,
      damaged: [...damaged.keys()].slice(0, namedDamaged),
      damagedCount: damaged.size,
    },
    maintain: facts.maintain,
    drill: facts.drill,
    alarms: alarmsOf(live, now),
  }
}

export const showCredential = (credential: Credential): RepositoryCredential => ({
  credential: credential.name,
  label: credential.label,
  scope: credential.scope,
  createdAt: credential.createdAt,
  expiresAt: credential.expiresAt,
  lastUsedAt: credential.lastUsedAt,
  writes: credential.writes,
  deletions: credential.deletions,
  refusedDeletions: credential.refusedDeletions,
  failedVerifications: credential.failedVerifications,
})
