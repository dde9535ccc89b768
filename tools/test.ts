/**
 * `npm test [-- <part of a path> ...]`: unit, browser and product tests in one run.
 * `tools/test.ts clients` and `long` run the suites that need real clients or hours.
 *
 * Ends with what was not run and one line, `N passed, N failed`, over all projects. The exit code
 * is 1 when anything failed, when a test was skipped that listed-skips.ts does not name, or when a
 * project ran nothing: a check that cannot fail is none.
 */
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { startVitest } from 'vitest/node'
import { listedSkips } from './listed-skips.ts'
import { closingLine, judge, type RunOutcome } from './test-outcome.ts'

const root = join(import.meta.dirname, '..')
const suites = {
  clients: 'real clients (restic, rclone, age ...)',
  long: 'hours of crashes and faults',
} as const

const run = async (suite: string, filters: string[]): Promise<number> => {
  process.env['TEST_SUITE'] = suite
  const vitest = await startVitest(filters, { root, run: true, watch: false })
  const modules = vitest.state.getTestModules()
  const outcome: RunOutcome = {
    tests: modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        project: module.project.name,
        name: `${module.relativeModuleId} > ${test.fullName}`,
        state: test.result().state,
      })),
    ),
    // A file that cannot be loaded has no tests to fail; without this it would pass in silence.
    brokenFiles: modules
      .filter((module) => module.errors().length > 0)
      .map((module) => `${module.project.name} ${module.relativeModuleId}`),
    strayErrors: vitest.state.getUnhandledErrors().length,
    suite,
    filtered: filters.length > 0,
    expectedProjects: filters.length > 0 ? [] : vitest.projects.map((project) => project.name),
  }
  await vitest.close()
  const verdict = judge(outcome, listedSkips)
  const lines = [...verdict.complaints, ...(suite === 'default' ? notRun(filters) : [])]
  process.stdout.write(`\n${[...lines, closingLine(verdict)].join('\n')}\n`)
  return verdict.failed > 0 || process.exitCode ? 1 : 0
}

const notRun = (filters: string[]): string[] => [
  ...(filters.length > 0 ? [`Only files that match: ${filters.join(' ')}`] : []),
  ...Object.entries(suites)
    .filter(([name]) => globSync(`test/${name}/**/*.test.ts`, { cwd: root }).length > 0)
    .map(([name, what]) => `Not run: npm run test:${name} (${what})`),
]

const [first, ...rest] = process.argv.slice(2)
const named = first !== undefined && Object.hasOwn(suites, first) ? first : undefined
if (named !== undefined && !existsSync(join(root, 'test', named))) {
  process.stderr.write(`There are no tests in test/${named} yet.\n`)
  process.exit(1)
}
const filters = named !== undefined || first === undefined ? rest : [first, ...rest]
const code = await run(named ?? 'default', filters).catch((error: unknown) => {
  console.error(error)
  process.stdout.write(`\n${closingLine({ passed: 0, failed: 1, skipped: 0, complaints: [] })}\n`)
  return 1
})
// Nothing a test left open may keep a finished run alive.
process.stdout.write('', () => process.exit(code))
