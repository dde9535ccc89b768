import { describe, expect, it } from 'vitest'
import { totpCode } from './totp.ts'

/** "12345678901234567890", the secret of RFC 6238 appendix B. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

describe('totpCode', () => {
  it('knows the vectors of RFC 6238', () => {
    // The vectors have eight digits; ours are their last six. The step after, since the lowest unused comes first.
    expect(totpCode(secret, 59_000 + 15_000)).toMatchObject({ code: '287082', step: 1 })
    expect(totpCode(secret, 1_111_111_109_000 + 15_000)).toMatchObject({ code: '081804' })
    expect(totpCode(secret, 20_000_000_000_000 + 15_000)).toMatchObject({ code: '353130' })
  })

  it('takes the lowest unused step, then says how long to wait', () => {
    const now = 1_000_000 * 30_000 + 12_000
    expect(totpCode(secret, now)).toMatchObject({ step: 999_999 })
    expect(totpCode(secret, now, 999_999)).toMatchObject({ step: 1_000_000 })
    expect(totpCode(secret, now, 1_000_000)).toMatchObject({ step: 1_000_001 })
    expect(totpCode(secret, now, 1_000_001)).toEqual({ waitMs: 18_000 })
    expect(totpCode(secret, now + 18_000, 1_000_001)).toMatchObject({ step: 1_000_002 })
  })

  it('passes over a step that ends before its code may have arrived', () => {
    const begun = 1_000_000 * 30_000
    expect(totpCode(secret, begun + 24_999)).toMatchObject({ step: 999_999 })
    expect(totpCode(secret, begun + 25_000)).toMatchObject({ step: 1_000_000 })
    expect(totpCode(secret, begun + 29_999, 999_998)).toMatchObject({ step: 1_000_000 })
    expect(totpCode(secret, begun + 29_999, 1_000_000)).toMatchObject({ step: 1_000_001 })
    expect(totpCode(secret, begun + 29_999, 1_000_001)).toEqual({ waitMs: 1 })
  })

  it('takes secrets as people type them, and no others', () => {
    const now = 1_700_000_000_000
    const typed = 'gezd gnbv gy3t qojq gezd gnbv gy3t qojq'
    expect(totpCode(typed, now)).toEqual(totpCode(secret, now))
    expect(() => totpCode('not base32!', now)).toThrow(RangeError)
    expect(() => totpCode('', now)).toThrow(RangeError)
  })
})
