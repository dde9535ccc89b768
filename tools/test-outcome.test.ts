import { describe, expect, test } from 'vitest'
import { closingLine, judge, type RunOutcome } from './test-outcome.ts'

const passed = { project: 'unit', name: 'a.test.ts > works', state: 'passed' as const }
const skipped = { project: 'unit', name: 'b.test.ts > waits', state: 'skipped' as const }

const outcome = (change: Partial<RunOutcome>): RunOutcome => ({
  tests: [passed],
  brokenFiles: [],
  strayErrors: 0,
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
    const verdict = judge(outcome({ tests: [passed, skipped] }), [
      { test: 'b.test.ts > waits', reason: 'an example' },
    ])
    expect(verdict.complaints).toEqual([])
    expect(closingLine(verdict)).toBe('1 passed, 0 failed, 1 skipped')
  })
})
