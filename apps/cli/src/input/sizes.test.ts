import { describe, expect, it } from 'vitest'
import { parseSize } from './sizes.ts'

describe('a size', () => {
  it.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['5GB', 5e9],
    ['100GiB', 100 * 2 ** 30],
    ['1.5 g', 1.5 * 2 ** 30],
    ['2T', 2 ** 41],
  ])('reads %s', (text, sizeBytes) => expect(parseSize(text)).toBe(sizeBytes))

  it.each(['', '-1', '1e3', 'GiB', '5 parsecs', '9999999T', '5constructor'])(
    'refuses %j',
    (text) => {
      expect(() => parseSize(text)).toThrow('That is no size.')
    },
  )
})
