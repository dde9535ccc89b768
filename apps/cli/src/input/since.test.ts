import { describe, expect, it } from 'vitest'
import { CliError } from '../cli-error.ts'
import { parseSince } from './since.ts'

const now = Date.UTC(2026, 10, 21, 12)

describe('a time in the past', () => {
  it.each([
    ['90m', now - 90 * 60_000],
    ['12h', now - 12 * 3_600_000],
    ['3d', now - 3 * 86_400_000],
    ['999999d', 0],
    ['2026-11-20', new Date(2026, 10, 20).getTime()],
    ['2026-11-20T14:00', new Date(2026, 10, 20, 14).getTime()],
    ['2026-11-20T14:00:30Z', Date.UTC(2026, 10, 20, 14, 0, 30)],
    ['2026-11-20T14:00+02:00', Date.UTC(2026, 10, 20, 12)],
  ])('%s', (text, at) => {
    expect(parseSince(text, now)).toBe(at)
  })

  it.each(['', 'yesterday', '3w', '-3d', '2026-13-01', '2026-11-20 14:00', '2026-11-22T00:00Z'])(
    'is not %j',
    (text) => {
      expect(() => parseSince(text, now)).toThrow(CliError)
    },
  )
})
