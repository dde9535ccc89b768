import type { Report, RepositoryAlarm } from '@hearthold/contract'
import { hourMs, type RepositoriesDeps } from './deps.ts'
import type { Live } from './live.ts'

/** Part of the quota from which on it is told. */
const quotaAlarmPart = 0.9

const reportAlarm = (
  kind: 'maintain' | 'drill',
  report: Report | null,
  now: number,
): RepositoryAlarm | undefined => {
  if (report === null) return undefined
  if (!report.ok) return { kind, since: report.reportedAt }
  if (report.expectedEveryHours === null) return undefined
  const due = report.reportedAt + Math.ceil((report.expectedEveryHours * hourMs * 4) / 3)
  return now > due ? { kind, since: due } : undefined
}

const overdueAlarm = ({ facts, counts }: Live, now: number): RepositoryAlarm | undefined => {
  if (facts.alarmAfterHours === null) return undefined
  const due = (counts.newestSnapshotAt ?? facts.createdAt) + facts.alarmAfterHours * hourMs
  return now > due ? { kind: 'overdue', since: due } : undefined
}

const damagedAlarm = ({ damaged }: Live): RepositoryAlarm | undefined => {
  const found = [...damaged.values()].map(({ foundAt }) => foundAt)
  return found.length === 0 ? undefined : { kind: 'damaged', since: Math.min(...found) }
}

const isNearQuota = ({ facts, counts }: Live): boolean =>
  facts.quotaBytes !== null && counts.usedBytes >= facts.quotaBytes * quotaAlarmPart

/** What is wrong with a repository now. One in the bin raises none. */
export const alarmsOf = (live: Live, now: number): RepositoryAlarm[] => {
  const { facts } = live
  if (facts.removedAt !== null) return []
  const found: (RepositoryAlarm | undefined)[] = [
    overdueAlarm(live, now),
    facts.burstSince === null ? undefined : { kind: 'burst', since: facts.burstSince },
    damagedAlarm(live),
    reportAlarm('maintain', facts.maintain, now),
    reportAlarm('drill', facts.drill, now),
    isNearQuota(live) ? { kind: 'quota', since: live.alarm('quota')?.since ?? now } : undefined,
    live.storageFailedSince === undefined
      ? undefined
      : { kind: 'storage', since: live.storageFailedSince },
  ]
  return found.filter((alarm) => alarm !== undefined)
}

/** Writes down what began and ended, and tells the log of what began. */
export const noteAlarms = async (
  { clock, log }: Pick<RepositoriesDeps, 'clock' | 'log'>,
  live: Live,
): Promise<void> => {
  const alarms = alarmsOf(live, clock.now())
  if (JSON.stringify(alarms) === JSON.stringify(live.facts.alarms)) return
  const { id, account } = live.facts
  for (const { kind } of alarms)
    if (live.alarm(kind) === undefined)
      log.warn({ repository: id, account, alarm: kind }, 'a repository raises an alarm')
  await live.save({ alarms })
}
