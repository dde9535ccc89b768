import { passwordProblem, passwordStrength } from '@hearthold/member'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { passwordBits, passwordFault, passwordMeter } from './password-strength.ts'

describe('the meter and the rule of a new password', () => {
  test('are those of packages/member, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (password) => {
        expect(passwordBits(password)).toBe(passwordStrength(password).bits)
        expect(passwordFault(password) === undefined).toBe(passwordProblem(password) === undefined)
      }),
    )
  })

  test('say what is missing', () => {
    expect(passwordFault('elevenchars')).toEqual({ fault: 'short', missing: 1 })
    expect(passwordFault('a'.repeat(1025))).toEqual({ fault: 'long' })
    expect(passwordFault('lonely \ud800 surrogate')).toEqual({ fault: 'malformed' })
    expect(passwordFault('twelve chars')).toBeUndefined()
  })

  test.each([
    ['', 0],
    ['short', 1],
    ['aaaaaaaaaaaaaaaa', 1],
    ['password12345678', 1],
    ['hvqzkxwmtbpj', 2],
    ['only twelve!', 3],
    ['a long sentence that only ada says', 4],
  ])('%j is at %i', (password, step) => {
    expect(passwordMeter(password)).toBe(step)
  })
})
