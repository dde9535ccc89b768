import { describe, expect, it } from 'vitest'
import { normalizePassword, passwordProblem, passwordStrength } from './password.ts'

describe('passwordProblem', () => {
  it('wants 12 to 1,024 characters, counted as people do', () => {
    expect(passwordProblem('x'.repeat(11))).toMatch('at least 12')
    expect(passwordProblem('x'.repeat(12))).toBeUndefined()
    expect(passwordProblem('x'.repeat(1024))).toBeUndefined()
    expect(passwordProblem('x'.repeat(1025))).toMatch('at most 1024')
    expect(passwordProblem('😀'.repeat(12))).toBeUndefined()
    expect(passwordProblem('😀'.repeat(11))).toMatch('at least 12')
    // Twelve code points that are six characters once composed.
    expect(passwordProblem('e\u0301'.repeat(6))).toMatch('at least 12')
    expect(passwordProblem('\ud800'.repeat(12))).toMatch('well-formed')
  })

  it('is blind to how a keyboard composes', () => {
    expect(normalizePassword('e\u0301')).toBe(normalizePassword('\u00e9'))
  })
})

describe('passwordStrength', () => {
  it('gives nothing for repeats, runs and common words', () => {
    expect(passwordStrength('aaaaaaaaaaaaaaaa').label).toBe('weak')
    expect(passwordStrength('abcdefghijklmnop').label).toBe('weak')
    expect(passwordStrength('password password').label).toBe('weak')
    expect(passwordStrength('qwertyqwerty2024').label).toBe('weak')
  })

  it('grows with length and kinds of characters', () => {
    const few = passwordStrength('kdhwqmzpxrtb').bits
    expect(passwordStrength('kdhwqmzpxrtbvnfg').bits).toBeGreaterThan(few)
    expect(passwordStrength('kD7wq!zpX4tb').bits).toBeGreaterThan(few)
    expect(passwordStrength('7Gv!qP2x#Lm9Zr&w').label).toBe('strong')
  })
})
