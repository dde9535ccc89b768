import { describe, expect, test } from 'vitest'
import { calendarOf } from './calendar-days.ts'
import { now, repositoryOf } from './fixtures.oracle.ts'

const day = 24 * 60 * 60 * 1000
const states = (change: Parameters<typeof repositoryOf>[0], at = now) =>
  calendarOf(repositoryOf(change), at).map(({ state }) => state)

describe('the backup calendar', () => {
  test('has 60 days, one after the other, today last', () => {
    const days = calendarOf(repositoryOf(), now)
    expect(days).toHaveLength(60)
    expect(days.at(-1)?.day).toBe('2026-11-21')
    expect(days[0]?.day).toBe('2026-09-23')
    expect(new Set(days.map(({ day: one }) => one)).size).toBe(60)
  })

  test('shows the days with a snapshot, and no others', () => {
    expect(states({}).slice(-4)).toEqual(['none', 'snapshot', 'snapshot', 'snapshot'])
    expect(states({}).filter((state) => state === 'snapshot')).toHaveLength(3)
  })

  test('knows which days were before it was made', () => {
    const made = states({ createdAt: now - 2 * day, snapshotDays: [], newestSnapshotAt: null })
    expect(made.slice(-4)).toEqual(['before', 'none', 'none', 'none'])
    expect(made.slice(0, 57).every((state) => state === 'before')).toBe(true)
  })

  test('one that was taken up begins with its first snapshot', () => {
    const days = states({ createdAt: now, snapshotDays: ['2026-11-18', '2026-11-20'] })
    expect(days.slice(-5)).toEqual(['before', 'snapshot', 'none', 'snapshot', 'none'])
  })

  test('calls a day missed only where the server says overdue, from when a backup was due', () => {
    const late = {
      newestSnapshotAt: Date.UTC(2026, 10, 17, 8),
      snapshotDays: ['2026-11-17'],
    }
    const quiet = states(late).slice(-5)
    expect(quiet).toEqual(['snapshot', 'none', 'none', 'none', 'none'])
    // Due on the 18th at 20:00.
    const alarms = [{ kind: 'overdue' as const, since: Date.UTC(2026, 10, 18, 20) }]
    expect(states({ ...late, alarms }).slice(-5)).toEqual([
      'snapshot',
      'missed',
      'missed',
      'missed',
      'missed',
    ])
  })

  test('a repository without an alarm misses nothing, however old its newest snapshot', () => {
    const alarms = [{ kind: 'drill' as const, since: 0 }]
    const all = states({ alarmAfterHours: null, newestSnapshotAt: 0, snapshotDays: [], alarms })
    expect(all).not.toContain('missed')
  })
})
