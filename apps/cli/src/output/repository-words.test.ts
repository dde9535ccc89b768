import type { Repository } from '@hearthold/contract'
import { describe, expect, it } from 'vitest'
import { alarmLines, repositoryTable, repositoryText } from './repository-words.ts'

const at = new Date(2026, 10, 21, 9, 3).getTime()
const hour = 3_600_000

const repository: Repository = {
  repository: 'ab'.repeat(16),
  account: 'cd'.repeat(16),
  name: 'laptop',
  path: `/repositories/${'cd'.repeat(16)}/laptop/`,
  storage: null,
  createdAt: at - 100 * hour,
  removedAt: null,
  destroyedAt: null,
  quotaBytes: null,
  freezeDays: 1,
  alarmAfterHours: 36,
  counted: false,
  usedBytes: 2 ** 30,
  objects: 1234,
  snapshots: 1,
  newestSnapshotAt: at - 50 * hour,
  snapshotDays: [],
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
  drill: { kind: 'drill', ok: false, startedAt: at, reportedAt: at, expectedEveryHours: null },
  alarms: [
    { kind: 'overdue', since: at - 14 * hour },
    { kind: 'drill', since: at },
  ],
}

describe('a repository in words', () => {
  it('is a row with age and alarms, and its member where several are listed', () => {
    const id = 'ab'.repeat(16)
    expect(repositoryTable([repository], at)).toBe(
      `Name       Size  Newest snapshot  Bin  Alarms          Id\nlaptop  1.0 GiB  2 d 2 h ago           overdue, drill  ${id}\n`,
    )
    const owners = new Map([['cd'.repeat(16), 'Ada']])
    expect(repositoryTable([repository], at, owners)).toContain('laptop  Ada     1.0 GiB')
    const removed = { ...repository, removedAt: at, destroyedAt: at + 24 * hour }
    expect(repositoryTable([removed], at)).toContain('in the bin')
    expect(repositoryText(removed, 'https://x', at)).toContain(
      'in the bin since 2026-11-21 09:03, destroyed 2026-11-22 09:03 at the earliest; until then it counts against the quota\n',
    )
  })

  it('tells each alarm in a line of its own', () => {
    expect(alarmLines(repository, 'laptop: ')).toBe(
      'laptop: The newest snapshot is too old, since 2026-11-20 19:03.\nlaptop: The restore drill failed or is overdue, since 2026-11-21 09:03.\n',
    )
    expect(alarmLines({ ...repository, alarms: [] })).toBe('')
  })

  it('tells what was counted, checked and proved', () => {
    const text = repositoryText(repository, 'https://home.example/repositories/x/laptop/', at)
    expect(text).toContain(
      'Holds             1.0 GiB in 1,234 objects, 1 snapshot (as last counted)\n',
    )
    expect(text).toContain('Freeze            1 day in the bin before anything is destroyed\n')
    expect(text).toContain('Check of objects  not yet\n')
    expect(text).toContain('Restore drill     failed 2026-11-21 09:03\n')
    const scrub = {
      startedAt: at,
      finishedAt: at,
      checkedObjects: 5,
      checkedBytes: 1024,
      damaged: ['data/ab\u001b[2J'],
      damagedCount: 1,
    }
    const damaged = repositoryText({ ...repository, scrub, counted: true }, 'https://x', at)
    expect(damaged).toContain('done 2026-11-21 09:03: 5 objects (1.0 KiB), 1 damaged\n')
    expect(damaged).toContain('  data/ab\ufffd[2J\n')
  })
})
