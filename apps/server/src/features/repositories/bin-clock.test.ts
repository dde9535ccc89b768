import { describe, expect, test } from 'vitest'
import { judge } from './bin-clock.ts'
import { dayMs, hourMs } from './deps.ts'

const begun = 1_800_000_000_000

/** Sweeps at these times after the beginning. @returns those at which something may be destroyed */
const trustedAt = (...times: readonly number[]): number[] => {
  let state: Parameters<typeof judge>[0] = { confirmedAt: begun, jumpedAt: null, jumpSeenAt: null }
  return times.filter((time) => {
    const { next, trusted } = judge(state, begun + time)
    state = next
    return trusted
  })
}

describe("the bin's clock", () => {
  test('hour by hour is believed', () => {
    const hours = Array.from({ length: 100 }, (_, hour) => hour * hourMs)
    expect(trustedAt(...hours)).toEqual(hours)
  })

  test('a jump forward destroys nothing until it has stood for a day', () => {
    const jump = 3650 * dayMs
    expect(trustedAt(hourMs, jump, jump + hourMs, jump + 23 * hourMs)).toEqual([hourMs])
    expect(trustedAt(hourMs, jump, jump + dayMs)).toEqual([hourMs, jump + dayMs])
  })

  test('a jump that is taken back leaves nothing behind', () => {
    const jump = 3650 * dayMs
    expect(trustedAt(hourMs, jump, 2 * hourMs, 3 * hourMs)).toEqual([
      hourMs,
      2 * hourMs,
      3 * hourMs,
    ])
    // Another jump later begins its day anew.
    expect(trustedAt(jump, hourMs, jump + dayMs, jump + dayMs + hourMs)).toEqual([hourMs])
  })

  test('a clock that jumps on and on is never believed', () => {
    const years = [10, 20, 15, 40].map((year) => year * 365 * dayMs)
    expect(trustedAt(...years)).toEqual([])
    const hourly = years.flatMap((at) => [at, at + hourMs, at + 23 * hourMs])
    expect(trustedAt(...hourly)).toEqual([])
  })

  test('back in time: what is due by then only, and the greatest time stays', () => {
    const { next, trusted } = judge(
      { confirmedAt: begun, jumpedAt: null, jumpSeenAt: null },
      begun - 400 * dayMs,
    )
    expect([next, trusted]).toEqual([
      { confirmedAt: begun, jumpedAt: null, jumpSeenAt: null },
      true,
    ])
  })

  test('a server that was off for a week waits a day', () => {
    expect(trustedAt(0, 7 * dayMs, 7 * dayMs + hourMs, 8 * dayMs)).toEqual([0, 8 * dayMs])
  })

  test('one that is off at night is believed, one that is on for hours a week never again', () => {
    const nightly = Array.from({ length: 30 }, (_, day) => day * dayMs + 8 * hourMs)
    expect(trustedAt(0, ...nightly)).toEqual([0, ...nightly])
    const weekly = Array.from({ length: 10 }, (_, week) => (week + 1) * 7 * dayMs)
    const hours = weekly.flatMap((at) => [at, at + hourMs, at + 8 * hourMs])
    expect(trustedAt(0, ...hours)).toEqual([0])
  })
})
