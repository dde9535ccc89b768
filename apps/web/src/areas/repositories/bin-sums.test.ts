import { describe, expect, test } from 'vitest'
import { comesBack } from './bin-sums.ts'

const groups = [
  { deletedAt: 300, objects: 3, bytes: 30 },
  { deletedAt: 200, objects: 2, bytes: 20 },
  { deletedAt: 100, objects: 1, bytes: 10 },
]

describe('what comes back from the bin', () => {
  test('everything, or what was deleted from a moment on, that moment included', () => {
    expect(comesBack(groups, undefined)).toEqual({ objects: 6, bytes: 60 })
    expect(comesBack(groups, 200)).toEqual({ objects: 5, bytes: 50 })
    expect(comesBack(groups, 301)).toEqual({ objects: 0, bytes: 0 })
  })
})
