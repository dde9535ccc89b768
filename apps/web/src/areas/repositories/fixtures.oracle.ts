/** A repository as the server answers it, for the tests beside the sources. */
import type { Repository } from '@hearthold/contract'

export const now = Date.UTC(2026, 10, 21, 12)
const day = 24 * 60 * 60 * 1000

export const repositoryOf = (change: Partial<Repository> = {}): Repository => ({
  repository: '0'.repeat(32),
  account: '1'.repeat(32),
  name: 'laptop',
  path: `/repositories/${'1'.repeat(32)}/laptop/`,
  storage: null,
  createdAt: now - 200 * day,
  removedAt: null,
  destroyedAt: null,
  quotaBytes: null,
  freezeDays: 30,
  alarmAfterHours: 36,
  counted: true,
  usedBytes: 1000,
  objects: 10,
  snapshots: 3,
  newestSnapshotAt: now - 3_600_000,
  snapshotDays: ['2026-11-19', '2026-11-20', '2026-11-21'],
  binBytes: 0,
  binObjects: 0,
  scrub: {
    startedAt: null,
    finishedAt: null,
    checkedObjects: 0,
    checkedBytes: 0,
    damaged: [],
    damagedCount: 0,
  },
  maintain: null,
  drill: null,
  alarms: [],
  ...change,
})
