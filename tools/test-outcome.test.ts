import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listedSkips } from './listed-skips.ts'
import { closingLine, judge, type RunOutcome } from './test-outcome.ts'

const passed = { project: 'unit', name: 'a.test.ts > works', state: 'passed' as const }
const skipped = { project: 'unit', name: 'b.test.ts > waits', state: 'skipped' as const }

const waits = { suite: 'default' as const, test: 'b.test.ts > waits', reason: 'an example' }

const outcome = (change: Partial<RunOutcome>): RunOutcome => ({
  tests: [passed],
  brokenFiles: [],
  strayErrors: 0,
  suite: 'default',
  filtered: false,
  expectedProjects: ['unit'],
  ...change,
})

describe('the verdict on a run', () => {
  test('is plain when everything passed', () => {
    expect(closingLine(judge(outcome({}), []))).toBe('1 passed, 0 failed')
  })

  test.each<[string, Partial<RunOutcome>]>([
    ['a failed test', { tests: [passed, { ...passed, state: 'failed' }] }],
    ['a test that never ended', { tests: [passed, { ...passed, state: 'pending' }] }],
    ['an unlisted skip', { tests: [passed, skipped] }],
    ['a file that did not load', { brokenFiles: ['unit c.test.ts'] }],
    ['an error outside any test', { strayErrors: 1 }],
    ['a project that ran nothing', { expectedProjects: ['unit', 'browser'] }],
  ])('counts %s as failed', (_, change) => {
    expect(closingLine(judge(outcome(change), []))).toBe('1 passed, 1 failed')
  })

  test('is a failure when no test ran at all', () => {
    expect(judge(outcome({ tests: [], expectedProjects: [] }), [])).toMatchObject({
      passed: 0,
      failed: 1,
    })
  })

  test('names a listed skip in the closing line and nowhere else', () => {
    const verdict = judge(outcome({ tests: [passed, skipped] }), [waits])
    expect(verdict.complaints).toEqual([])
    expect(closingLine(verdict)).toBe('1 passed, 0 failed, 1 skipped')
  })

  test('lets no suite skip what is listed for another', () => {
    const verdict = judge(outcome({ tests: [passed, skipped], suite: 'clients' }), [waits])
    expect(verdict.complaints).toEqual(['Skipped, unlisted: b.test.ts > waits'])
  })

  test('is a failure where a listed skip is the name of no test, as after a renaming', () => {
    const stale = { ...waits, test: 'unit b.test.ts > waits' }
    const run = outcome({ tests: [passed, skipped] })
    expect(judge(run, [stale]).complaints).toEqual([
      'Skipped, unlisted: b.test.ts > waits',
      'Listed as skipped, but no such test: unit b.test.ts > waits',
    ])
    // Where it could run, it is passed or failed, and not stale.
    const ran = { ...skipped, state: 'passed' as const }
    expect(judge(outcome({ tests: [passed, ran] }), [waits]).complaints).toEqual([])
    expect(judge(outcome({ filtered: true }), [stale]).complaints).toEqual([])
    expect(judge(outcome({ suite: 'long' }), [stale]).complaints).toEqual([])
  })
})

test.each(listedSkips.map(({ test: name, suite }) => [name, suite] as const))(
  'listed: %s is a test of the suite %s',
  (listed, suite) => {
    const [file = '', name = ''] = listed.split(' > ')
    const own = /^test\/(clients|long)\//.exec(file)?.[1] ?? 'default'
    const text = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
    expect([own, text.includes(`'${name}'`)]).toEqual([suite, true])
  },
)
