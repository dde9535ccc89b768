import { readFileSync } from 'node:fs'
import { ProblemError, problemStatus } from '@hearthold/contract'
import { describe, expect, test } from 'vitest'
import { text } from '../text/en/problems.ts'
import { lineOf, problemWords, wordsOf, wordsOfCode } from './problem-words.ts'

/** The codes as packages/crypto names them: its type leaves no list behind. */
const integrityCodes = (): string[] => {
  const source = readFileSync(
    new URL('../../../../packages/crypto/src/integrity-error.ts', import.meta.url),
    'utf8',
  )
  return [...source.matchAll(/^ {2}\| '([a-z_]+)'/gm)].map(([, code]) => code ?? '')
}

const said = (): string[] => {
  const words: string[] = []
  const walk = (value: unknown): void => {
    if (typeof value === 'string') words.push(value)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk)
  }
  walk(text)
  return words
}

describe('words for what went wrong', () => {
  test('every problem code of the contract has words, and no other', () => {
    expect(Object.keys(text.problems).sort()).toEqual(Object.keys(problemStatus).sort())
  })

  test('every integrity code says what happened, what is safe and what to do', () => {
    const codes = integrityCodes()
    expect(codes.length).toBeGreaterThan(20)
    expect(Object.keys(text.integrity).sort()).toEqual(codes.sort())
    for (const code of codes) {
      const words = wordsOfCode(code)
      const parts = { code, title: words.title, safe: words.safe, todo: words.todo }
      expect(Object.entries(parts).filter(([, part]) => !part)).toEqual([])
      expect(words.code).toBe(code)
    }
  })

  test('plain words alone', () => {
    for (const words of said()) {
      expect(words).not.toMatch(/oops|please wait|successfully|military|zero-knowledge/i)
    }
  })

  test('a wait is said in the largest fitting unit', () => {
    expect(wordsOfCode('locked_out', 840).todo).toMatch(/^Try again in 14 minutes\. Your other/)
    expect(wordsOfCode('rate_limited', 7).todo).toMatch(/^Try again in 7 seconds\./)
    expect(wordsOfCode('rate_limited', 5400).todo).toMatch(/^Try again in 2 hours\./)
  })

  test('what was thrown: a problem, a lost connection, a mistyped key, anything', () => {
    const problem = new ProblemError('locked_out', 'detail', { retryAfterSeconds: 60 })
    expect(wordsOf(problem).title).toBe(text.problems['locked_out']?.title)
    expect(wordsOf({ kind: 'network', code: 'refused' }).title).toBe(text.network.title)
    expect(wordsOf({ name: 'RecoveryKeyError', code: 'check' }).title).toBe(
      text.local['recovery_check']?.title,
    )
    expect(wordsOf(undefined).title).toBe(text.unknown.title)
    expect(wordsOf({ code: 'toString' }).title).toBe(text.unknown.title)
    expect(lineOf({ code: 'name_taken' })).toBe(
      'Someone here has this name already. Choose another.',
    )
    expect(problemWords({ code: 'too_large' })).toMatchObject({ safe: text.unreachable.safe })
  })
})
