import { describe, expect, it } from 'vitest'
import { usageSentence, usageWarning } from './usage-words.ts'

describe('what is used', () => {
  it('is said with and without a quota', () => {
    const usage = { usedBytes: 1536, quotaBytes: null, band: 0 }
    expect(usageSentence(usage)).toBe('1.5 KiB used; there is no quota.')
    expect(usageSentence({ ...usage, quotaBytes: 2048, band: 75 })).toBe(
      '1.5 KiB of 2.0 KiB used (75 %).',
    )
    expect(usageSentence({ ...usage, usedBytes: 0, quotaBytes: 0, band: 100 })).toContain('100 %')
  })

  it.each([
    [75, /^Three quarters/],
    [90, /^Nearly full/],
    [100, /^Full/],
  ])('has words for the band %d', (band, words) => {
    expect(usageWarning({ usedBytes: 1, quotaBytes: 1, band })).toMatch(words)
    expect(usageWarning({ usedBytes: 1, quotaBytes: 2, band: 0 })).toBeUndefined()
  })
})
