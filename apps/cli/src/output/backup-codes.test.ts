import { describe, expect, it } from 'vitest'
import { backupCodesNote } from './backup-codes.ts'

describe('the note about backup codes', () => {
  it.each([
    [undefined, ''],
    [10, ''],
    [4, ''],
    [3, '3 backup codes are left: hearthold methods backup-codes makes new ones.\n'],
    [1, 'One backup code is left: hearthold methods backup-codes makes new ones.\n'],
    [0, 'No backup code is left: hearthold methods backup-codes makes new ones.\n'],
  ])('at %s', (left, note) => {
    expect(backupCodesNote(left)).toBe(note)
  })
})
