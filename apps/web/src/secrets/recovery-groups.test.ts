import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  groupsOf,
  isGroup,
  isWholeKey,
  pickPlaces,
  randomBelow,
  spelled,
} from './recovery-groups.ts'

const key = 'TJEF-QJVD-86JA-APH7-2GZF-VWE9-WYJV-RKTK-303G'

describe('the check that a recovery key was kept', () => {
  test('two different places of the first eight groups, in order', () => {
    fc.assert(
      fc.property(fc.nat({ max: 7 }), fc.nat({ max: 6 }), (first, second) => {
        const answers = [first, second]
        const [one, other] = pickPlaces(() => answers.shift() ?? 0)
        expect(one).toBeGreaterThanOrEqual(1)
        expect(other).toBeGreaterThan(one)
        expect(other).toBeLessThanOrEqual(8)
      }),
    )
    const pairs = new Set<string>()
    for (let first = 0; first < 8; first++) {
      for (let second = 0; second < 7; second++) {
        const answers = [first, second]
        pairs.add(pickPlaces(() => answers.shift() ?? 0).join())
      }
    }
    expect(pairs.size).toBe(28)
  })

  test('takes a group as people write it, and no other', () => {
    expect(isGroup(key, 1, ' tj ef-')).toBe(true)
    expect(isGroup(key, 3, '86JA')).toBe(true)
    expect(isGroup(key, 3, '86JB')).toBe(false)
    expect(isGroup(key, 2, 'TJEF')).toBe(false)
    expect(isGroup(key, 2, '')).toBe(false)
    expect(spelled('oIl-0')).toBe('0110')
  })

  test('refuses what is no key, and knows when one is whole', () => {
    expect(groupsOf(key)).toHaveLength(9)
    expect(() => groupsOf('TJEF-QJVD')).toThrow(RangeError)
    expect(isWholeKey(key.toLowerCase().replaceAll('-', ' '))).toBe(true)
    expect(isWholeKey(key.slice(0, -1))).toBe(false)
  })

  test('random numbers stay below their bound and reach all of them', () => {
    const seen = new Set(Array.from({ length: 400 }, () => randomBelow(7)))
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})
