import type { RepositoryAlarm } from '@hearthold/contract'
import { describe, expect, test } from 'vitest'
import { now, repositoryOf } from './fixtures.oracle.ts'
import { alarmsOf, badgeOf, hoursInWords, longWithout, provenAt, scrubPart } from './health.ts'

const hour = 3_600_000
const day = 24 * hour
const kinds: RepositoryAlarm['kind'][] = [
  'overdue',
  'burst',
  'damaged',
  'maintain',
  'drill',
  'quota',
  'storage',
]
const all = kinds.map((kind) => ({ kind, since: now - day }))

describe('how a repository does, in words', () => {
  test('every alarm says what it is and what to do, the worst first', () => {
    const words = alarmsOf(repositoryOf({ alarms: all }), now)
    expect(words.map(({ kind }) => kind)).toEqual([
      'damaged',
      'burst',
      'storage',
      'overdue',
      'drill',
      'maintain',
      'quota',
    ])
    for (const { badge, title, todo } of words) {
      expect([badge, title, todo].every((part) => part.length > 5)).toBe(true)
    }
  })

  test('the badge names the worst, and the time without a backup', () => {
    const alarms = [{ kind: 'overdue' as const, since: now }]
    expect(badgeOf(repositoryOf({ alarms, newestSnapshotAt: now - 3.5 * day }), now)).toEqual({
      kind: 'bad',
      words: 'No backup for 3 days',
    })
    expect(badgeOf(repositoryOf(), now)).toEqual({ kind: 'ok', words: 'On time' })
    expect(badgeOf(repositoryOf({ alarmAfterHours: null }), now).words).toBe('In order')
    expect(badgeOf(repositoryOf({ newestSnapshotAt: null }), now).kind).toBe('neutral')
    expect(badgeOf(repositoryOf({ removedAt: now, alarms }), now).words).toBe('In the bin')
  })

  test('one that never had a snapshot counts from when it was made', () => {
    const alarms = [{ kind: 'overdue' as const, since: now }]
    const [words] = alarmsOf(
      repositoryOf({ alarms, newestSnapshotAt: null, createdAt: now - 40 * hour }),
      now,
    )
    expect(words?.title).toBe('No snapshot has arrived in the 40 hours since it was made')
  })

  test('a drill that failed is not called late', () => {
    const report = { startedAt: now, reportedAt: now, expectedEveryHours: null, ok: false }
    const drill = { ...report, kind: 'drill' as const }
    const alarms = [{ kind: 'drill' as const, since: now }]
    expect(alarmsOf(repositoryOf({ alarms, drill }), now)[0]?.badge).toBe('Drill failed')
    expect(alarmsOf(repositoryOf({ alarms }), now)[0]?.badge).toBe('Drill is late')
  })

  test('proven by a check without damage, or a drill that went well, whichever is newer', () => {
    const { scrub } = repositoryOf()
    const report = { startedAt: now, reportedAt: now - day, expectedEveryHours: null }
    const drill = { ...report, kind: 'drill' as const, ok: true }
    expect(provenAt(repositoryOf())).toBeUndefined()
    expect(provenAt(repositoryOf({ drill }))).toBe(now - day)
    expect(provenAt(repositoryOf({ drill: { ...drill, ok: false } }))).toBeUndefined()
    const checked = { ...scrub, finishedAt: now - hour }
    expect(provenAt(repositoryOf({ drill, scrub: checked }))).toBe(now - hour)
    expect(provenAt(repositoryOf({ scrub: { ...checked, damagedCount: 1 } }))).toBeUndefined()
  })

  test('the check runs between its start and its end, and is never more than whole', () => {
    const { scrub } = repositoryOf()
    expect(scrubPart(repositoryOf())).toBeUndefined()
    const running = { ...scrub, startedAt: now - day, checkedBytes: 250 }
    expect(scrubPart(repositoryOf({ scrub: running }))).toBe(0.25)
    expect(scrubPart(repositoryOf({ scrub: { ...running, checkedBytes: 5000 } }))).toBe(1)
    expect(scrubPart(repositoryOf({ scrub: running, usedBytes: 0, objects: 0 }))).toBe(0)
    expect(scrubPart(repositoryOf({ scrub: { ...running, finishedAt: now } }))).toBeUndefined()
  })

  test('spans are told in whole units', () => {
    expect([longWithout(1), longWithout(47 * hour), longWithout(49 * hour)]).toEqual([
      '1 hour',
      '47 hours',
      '2 days',
    ])
    expect([hoursInWords(36), hoursInWords(24), hoursInWords(168)]).toEqual([
      '36 hours',
      '24 hours',
      '7 days',
    ])
  })
})
