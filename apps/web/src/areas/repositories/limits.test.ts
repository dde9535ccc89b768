import { describe, expect, test } from 'vitest'
import { alarmHoursOf, freezeOf, nameFault } from './limits.ts'

describe('what is typed for a repository', () => {
  test('names that the server takes', () => {
    for (const name of ['laptop', '9', 'a.b-c_d', 'a'.repeat(64)]) {
      expect(nameFault(name)).toBeUndefined()
    }
    for (const name of ['', 'Laptop', '.a', '-a', 'a/b', 'a b', 'a'.repeat(65), 'data', 'locks']) {
      expect(nameFault(name)).toBeTypeOf('string')
    }
  })

  test('days in the bin', () => {
    expect([freezeOf('1'), freezeOf(' 30 '), freezeOf('3650')]).toEqual([1, 30, 3650])
    expect(['0', '3651', '', '1.5', '-1', '1e3'].map(freezeOf)).toEqual(Array(6).fill(undefined))
  })

  test('hours until the alarm, or none', () => {
    expect([alarmHoursOf('36'), alarmHoursOf('  '), alarmHoursOf('8784')]).toEqual([36, null, 8784])
    expect(['0', '8785', 'x'].map(alarmHoursOf)).toEqual([undefined, undefined, undefined])
  })
})
