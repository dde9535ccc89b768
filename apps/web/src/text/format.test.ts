import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatAgo,
  formatBytes,
  formatDay,
  formatDuration,
  formatExact,
  formatMoment,
  formatNumber,
  formatPercent,
  formatSpeed,
  shortenName,
  showHidden,
} from './format.ts'

const zone = 'Europe/Stockholm'
const now = Date.parse('2026-11-21T10:00:00+01:00')
const minute = 60_000
const hour = 60 * minute

describe('formatBytes', () => {
  test.each([
    [0, '0 B'],
    [-5, '0 B'],
    [Number.NaN, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [2.4 * 1024 ** 2, '2.4 MiB'],
    [1024 ** 3, '1.0 GiB'],
    [1024 ** 6 * 5000, '5000.0 EiB'],
  ])('%d is %s', (bytes, words) => expect(formatBytes(bytes)).toBe(words))
  test('never shows 1,024 of a unit that has a larger one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
        expect(parseFloat(formatBytes(bytes))).toBeLessThan(1024)
      }),
    )
  })
  test('a speed is a size per second', () => expect(formatSpeed(1024 * 1024)).toBe('1.0 MiB/s'))
})

test('numbers are grouped, and per cents are honest at both ends', () => {
  expect(formatNumber(1234567)).toBe('1,234,567')
  expect(formatPercent(0)).toBe('0 %')
  expect(formatPercent(0.0001)).toBe('1 %')
  expect(formatPercent(0.9999)).toBe('99 %')
  expect(formatPercent(1)).toBe('100 %')
  expect(formatPercent(Number.NaN)).toBe('0 %')
})

describe('formatDuration', () => {
  test.each([
    [0, '0 s'],
    [200, '1 s'],
    [9_000, '9 s'],
    [59_999, '1 min'],
    [250_000, '4 min 10 s'],
    [3_600_000, '1 h'],
    [2 * hour + 5 * minute, '2 h 5 min'],
    [26 * hour, '1 day 2 h'],
    [76 * hour, '3 days 4 h'],
    [Number.POSITIVE_INFINITY, '∞'],
  ])('%d ms is %s', (ms, words) => expect(formatDuration(ms)).toBe(words))
})

describe('formatAgo', () => {
  test.each([
    ['2026-11-21T09:59:30+01:00', 'just now'],
    ['2026-11-21T10:00:20+01:00', 'in a moment'],
    ['2026-11-21T09:48:00+01:00', '12 min ago'],
    ['2026-11-21T10:05:00+01:00', 'in 5 min'],
    ['2026-11-21T07:00:00+01:00', '3 h ago'],
    // Not yet 12 hours: hours say more than the day.
    ['2026-11-20T23:30:00+01:00', '10 h ago'],
    ['2026-11-20T09:00:00+01:00', 'yesterday'],
    ['2026-11-22T23:00:00+01:00', 'tomorrow'],
    ['2026-11-12T12:00:00+01:00', '12 Nov'],
    ['2026-01-01T00:30:00+01:00', '1 Jan'],
    ['2025-12-31T23:30:00+01:00', '31 Dec 2025'],
  ])('%s is %s', (at, words) => expect(formatAgo(Date.parse(at), now, zone)).toBe(words))
  test('days are those of the time zone', () => {
    const at = Date.parse('2025-12-31T23:30:00Z')
    expect(formatAgo(at, now, 'UTC')).toBe('31 Dec 2025')
    expect(formatAgo(at, now, zone)).toBe('1 Jan')
  })
  test('the exact time and the day', () => {
    const at = Date.parse('2026-11-12T14:03:09+01:00')
    expect(formatExact(at, zone)).toBe('12 November 2026 at 14:03:09')
    expect(formatMoment(at, zone)).toBe('12 Nov 2026, 14:03')
    expect(formatDay(at, zone)).toBe('12 November 2026')
  })
})

describe('showHidden', () => {
  test('shows what nobody would see and what turns the direction', () => {
    expect(showHidden('invoice\u202efdp.exe')).toBe('invoice[U+202E]fdp.exe')
    expect(showHidden('a\u200bb\tc\u0007')).toBe('a[U+200B]b[U+0009]c[U+0007]')
    expect(showHidden('a\u00adb', (code) => `<${code}>`)).toBe('a<00AD>b')
  })
  test('leaves letters of all scripts, and the joiners that emoji, Persian and Hindi need', () => {
    const names = ['Ärger 日本 مرحبا', '👨‍👩‍👧.jpg', 'می‌خواهم', 'क्‍ष']
    for (const name of names) expect(showHidden(name)).toBe(name)
  })
  test('shows a joiner that joins nothing', () => {
    expect(showHidden('pay\u200dpal')).toBe('pay[U+200D]pal')
    expect(showHidden('\u200cx')).toBe('[U+200C]x')
  })
})

describe('shortenName', () => {
  test('keeps the ending and loses the middle', () => {
    expect(shortenName('Holiday pictures of the summer.jpeg', 20)).toBe('Holiday pictu…r.jpeg')
    expect(shortenName('short.txt', 20)).toBe('short.txt')
  })
  test('never cuts through a character, and never exceeds the limit', () => {
    const flag = '🇸🇪'
    expect(shortenName(flag.repeat(10), 5)).toBe(`${flag.repeat(3)}…${flag}`)
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.integer({ min: 4, max: 40 }),
        (name, limit) => {
          const count = [...new Intl.Segmenter('en').segment(shortenName(name, limit))].length
          expect(count).toBeLessThanOrEqual(Math.max(limit, 0))
        },
      ),
    )
  })
})
