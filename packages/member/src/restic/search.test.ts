import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matcherOf } from './search.ts'

const fits = (pattern: string, path: string) =>
  matcherOf(pattern)(path, path.slice(path.lastIndexOf('/') + 1))

describe('patterns', () => {
  it.each([
    ['tax', 'docs/Tax 2024.pdf', true],
    ['tax', 'tax/2024.pdf', false],
    ['*.PDF', 'docs/tax.pdf', true],
    ['*.pdf', 'docs/tax.pdf.bak', false],
    ['t?x*', 'docs/tax.pdf', true],
    ['[a-c]*', 'b', true],
    ['[!a-c]*', 'b', false],
    ['[^a-c]*', 'd', true],
    ['[]x', '[]x', true],
    ['[a', '[a', true],
    ['\\*', '*', true],
    ['\\*x*', 'ax', false],
    ['docs/*.pdf', 'docs/tax.pdf', true],
    ['/docs/*.pdf', 'docs/tax.pdf', true],
    ['docs/*.pdf', 'docs/old/tax.pdf', false],
    ['docs/**.pdf', 'docs/old/tax.pdf', true],
    ['**/tax.pdf', 'tax.pdf', true],
    ['**/tax.pdf', 'a/b/tax.pdf', true],
    ['a/**/z', 'a/z', true],
    ['a?b/x', 'a/b/x', false],
    ['caf\u00e9', 'cafe\u0301', true],
    ['', 'anything', true],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(fits(pattern, path)).toBe(expected)
  })

  it('takes no longer for patterns made to take long', () => {
    const before = performance.now()
    expect(fits(`${'*a'.repeat(200)}*b`, 'a'.repeat(5000))).toBe(false)
    expect(performance.now() - before).toBeLessThan(5000)
  })

  it('finds every name by itself', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), (name) => {
        const escaped = name.replace(/[\\*?[\]]/g, '\\$&')
        const path = name.replaceAll('/', '_')
        expect(fits(`${escaped.replaceAll('/', '_')}*`, path)).toBe(true)
      }),
    )
  })
})
