import { describe, expect, test } from 'vitest'
import { quotaAmountOf, quotaBytesOf } from '../../text/quota-amount.ts'
import { clientName } from './client-name.ts'
import { bandOf } from './usage-band.ts'

describe('bands of usage', () => {
  test.each([
    [0, null, 'none'],
    [74, 100, 'calm'],
    [75, 100, 'high'],
    [90, 100, 'low'],
    [100, 100, 'full'],
    [101, 100, 'full'],
    [0, 0, 'full'],
  ] as const)('%i of %s is %s', (usedBytes, quotaBytes, band) => {
    expect(bandOf({ usedBytes, quotaBytes })).toBe(band)
  })
})

describe('a quota as it is typed', () => {
  test.each([
    ['50', 'GiB', 50 * 2 ** 30],
    ['1,5', 'TiB', 1.5 * 2 ** 40],
    [' 0 ', 'MiB', 0],
  ] as const)('%s %s', (amount, unit, bytes) => {
    expect(quotaBytesOf(amount, unit)).toBe(bytes)
  })

  test.each(['', '-1', 'ten', '1e3', '1.2.3', '999999999'])('%j is none', (amount) => {
    expect(quotaBytesOf(amount, 'TiB')).toBeUndefined()
  })

  test('comes back as it was typed', () => {
    expect(quotaAmountOf(50 * 2 ** 30)).toEqual({ amount: '50', unit: 'GiB' })
    expect(quotaAmountOf(1536 * 2 ** 30)).toEqual({ amount: '1.5', unit: 'TiB' })
    expect(quotaAmountOf(0)).toEqual({ amount: '0', unit: 'MiB' })
  })
})

describe('what a program calls itself', () => {
  test.each([
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/153.0 Safari/537.36',
      'Chrome on Linux',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Mobile Safari/604.1',
      'Safari on iOS',
    ],
    ['Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/150.0', 'Firefox on Windows'],
    ['Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0', 'Edge on Windows'],
    ['hearthold/0.1.0', 'hearthold'],
    ['', undefined],
  ])('%s', (agent, name) => {
    expect(clientName(agent)).toBe(name)
  })
})
