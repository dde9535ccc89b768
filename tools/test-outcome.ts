/** What a test run amounts to: kept apart from the running, so that it can be tested itself. */
import type { ListedSkip } from './listed-skips.ts'

/** One run as it was observed. */
export type RunOutcome = {
  tests: { project: string; name: string; state: 'passed' | 'failed' | 'skipped' | 'pending' }[]
  /** Files whose loading or hooks failed, as text for a person. */
  brokenFiles: string[]
  /** How many errors were thrown outside any test. */
  strayErrors: number
  suite: string
  /** Only some files ran, so that nothing can be said of the others. */
  filtered: boolean
  /** Projects that must have run at least one test. */
  expectedProjects: string[]
}

/** The counts of a run and a line for every reason that is not a plain failed test. */
export type Verdict = { passed: number; failed: number; skipped: number; complaints: string[] }

/**
 * Counts a run. Whatever should fail it counts as failed: a file that did not load, an error
 * outside any test, a test that never ended, a skip nobody listed, a listed skip of this suite
 * that no test has the name of, a project that ran nothing.
 */
export const judge = (outcome: RunOutcome, listedSkips: readonly ListedSkip[]): Verdict => {
  const listed = listedSkips.filter(({ suite }) => suite === outcome.suite)
  const inState = (state: string) => outcome.tests.filter((test) => test.state === state)
  const isListed = (name: string) => listed.some(({ test }) => name.startsWith(test))
  const isStale = ({ test }: ListedSkip) =>
    !outcome.filtered && !outcome.tests.some(({ name }) => name.startsWith(test))
  const skipped = inState('skipped')
  const complaints = [
    ...outcome.brokenFiles.map((file) => `Did not load or clean up: ${file}`),
    ...inState('pending').map(({ name }) => `Never ended: ${name}`),
    ...skipped
      .filter(({ name }) => !isListed(name))
      .map(({ name }) => `Skipped, unlisted: ${name}`),
    ...listed.filter(isStale).map(({ test }) => `Listed as skipped, but no such test: ${test}`),
    ...outcome.expectedProjects
      .filter((project) => !outcome.tests.some((test) => test.project === project))
      .map((project) => `The project "${project}" ran no test`),
    ...(outcome.tests.length === 0 ? ['No test ran'] : []),
    ...(outcome.strayErrors > 0 ? [`Errors outside any test: ${outcome.strayErrors}`] : []),
  ]
  return {
    passed: inState('passed').length,
    failed: inState('failed').length + complaints.length,
    skipped: skipped.filter(({ name }) => isListed(name)).length,
    complaints,
  }
}

/** The last line of a run: `N passed, N failed`, and `, N skipped` where any were. */
export const closingLine = ({ passed, failed, skipped }: Verdict): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
