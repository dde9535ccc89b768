import { assert, integer, property, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rangeOf } from './ranges.ts'

describe('what a Range header asks for', () => {
  test.each([
    ['bytes=0-', { start: 0, end: 10 }],
    ['bytes=3-5', { start: 3, end: 6 }],
    ['bytes=9-9', { start: 9, end: 10 }],
    ['bytes=3-99999999999999999999', 'malformed'],
    ['bytes=3-9000000000000000000', { start: 3, end: 10 }],
    ['bytes=-4', { start: 6, end: 10 }],
    ['bytes=-40', { start: 0, end: 10 }],
    ['bytes=-0', 'beyond'],
    ['bytes=10-', 'beyond'],
    ['bytes=10-12', 'beyond'],
    ['bytes= 1 - 2 ', { start: 1, end: 3 }],
    ['bytes=,1-2,', { start: 1, end: 3 }],
    ['bytes=', 'whole'],
    ['bytes=1-2,4-5', 'whole'],
    ['bytes=1-2,40-', { start: 1, end: 3 }],
    ['bytes=5-3', 'malformed'],
    ['bytes=5', 'malformed'],
    ['bytes=a-b', 'malformed'],
    ['bytes=--5', 'malformed'],
    ['bytes=1-2,x', 'malformed'],
    ['bytes=0x1-2', 'malformed'],
    ['bytes=1e0-2', 'malformed'],
    ['bytes=-', 'malformed'],
    ['items=0-1', 'malformed'],
    ['Bytes=0-1', 'malformed'],
    ['', 'whole'],
    [undefined, 'whole'],
  ])('%s of ten bytes', (header, expected) => {
    expect(rangeOf(header, 10)).toEqual(expected)
  })

  test('of an empty object is nothing, whatever is asked', () => {
    expect([rangeOf('bytes=0-', 0), rangeOf('bytes=5-9', 0)]).toEqual(['whole', 'whole'])
  })

  test('is what slice gives, for all numbers', () => {
    const bytes = Array.from({ length: 50 }, (_, index) => index)
    const numbers = integer({ min: 0, max: 70 })
    assert(
      property(tuple(numbers, numbers, integer({ min: 0, max: 50 })), ([first, last, size]) => {
        const all = bytes.slice(0, size)
        const of = (header: string): number[] | string => {
          const range = rangeOf(header, size)
          if (typeof range === 'string') return range === 'whole' && size === 0 ? [] : range
          return all.slice(range.start, range.end)
        }
        const beyond = size === 0 ? [] : 'beyond'
        const given = first <= last ? all.slice(first, last + 1) : 'malformed'
        expect(of(`bytes=${first}-${last}`)).toEqual(first >= size ? beyond : given)
        expect(of(`bytes=${first}-`)).toEqual(first >= size ? beyond : all.slice(first))
        expect(of(`bytes=-${last}`)).toEqual(last === 0 ? beyond : all.slice(-last))
      }),
    )
  })
})
