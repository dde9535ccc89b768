/** What the backup calendar shows for each of the last days. Days are those of the server: UTC. */
import type { Repository } from '@hearthold/contract'
import type { CalendarDay, DayState } from '../../ui/calendar-day.ts'

export const calendarLength = 60
const dayMs = 24 * 60 * 60 * 1000
const hourMs = 60 * 60 * 1000

type Watched = Pick<
  Repository,
  'createdAt' | 'snapshotDays' | 'newestSnapshotAt' | 'alarmAfterHours' | 'alarms'
>

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** The last 60 days, oldest first, today (by `now`, ms since 1970) last. */
export const calendarOf = (repository: Watched, now: number): CalendarDay[] => {
  const { createdAt, newestSnapshotAt, alarmAfterHours } = repository
  const kept = new Set(repository.snapshotDays)
  // A folder that was taken up has snapshots from before it was made here.
  const made = [dayOf(createdAt), ...kept].sort()[0] ?? ''
  const isOverdue = repository.alarms.some(({ kind }) => kind === 'overdue')
  const due = (newestSnapshotAt ?? createdAt) + (alarmAfterHours ?? Infinity) * hourMs
  const today = Math.floor(now / dayMs) * dayMs
  return Array.from({ length: calendarLength }, (_, index) => {
    const at = today - (calendarLength - 1 - index) * dayMs
    const day = dayOf(at)
    const state = ((): DayState => {
      if (kept.has(day)) return 'snapshot'
      if (day < made) return 'before'
      // A day is missed that ends after the backup was due, or is today and the backup is late.
      if (isOverdue && due < Math.min(at + dayMs, now)) return 'missed'
      return 'none'
    })()
    return { day, at, state }
  })
}
