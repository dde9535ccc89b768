import { describe, expect, test } from 'vitest'
import type { SnapshotRow } from '../../../workers/repository/api.ts'
import { matching, snapshotName } from './snapshot-words.ts'

const row = (change: Partial<SnapshotRow>): SnapshotRow => ({
  id: 'a'.repeat(64),
  at: Date.UTC(2026, 10, 21, 12),
  host: 'laptop',
  user: 'ada',
  paths: ['/home/ada'],
  tags: [],
  files: undefined,
  sizeBytes: undefined,
  ...change,
})

describe('snapshots in words', () => {
  test('are named by time and machine; a name that hides something shows it', () => {
    expect(snapshotName(row({ host: '' }))).toContain('21 Nov 2026')
    expect(snapshotName(row({ host: 'lap\u202etop' }))).toContain('[U+202E]')
  })

  test('are filtered by machine, folder, tag and id, all words of it', () => {
    const list = [
      row({ id: `1234${'0'.repeat(60)}` }),
      row({ host: 'Studio', paths: ['/srv/Photos'], tags: ['weekly'] }),
    ]
    expect(matching(list, ' ')).toHaveLength(2)
    expect(matching(list, 'studio photos')).toEqual([list[1]])
    expect(matching(list, 'WEEKLY')).toEqual([list[1]])
    expect(matching(list, '1234')).toEqual([list[0]])
    expect(matching(list, 'laptop weekly')).toEqual([])
  })
})
