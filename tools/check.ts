/** `npm run check`: types, lint, format, boundaries, words and links; runs all and tells all. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { checkBoundaries } from './check-boundaries.ts'
import { checkLinks, checkWords } from './check-text.ts'
import { checkWeb } from './check-web.ts'

const root = join(import.meta.dirname, '..')

/** Runs a tool of node_modules in the checkout; its own output goes to the terminal. */
const tool =
  (script: string, ...args: string[]) =>
  (): boolean =>
    spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    }).status === 0

const own = (find: (root: string) => string[]) => (): boolean => {
  const problems = find(root)
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  return problems.length === 0
}

/** The compiler of the web app's components; it is installed beside the app, with a TypeScript that it can use. */
const svelteCheck = '../apps/web/node_modules/svelte-check/bin/svelte-check'
const inWeb = ['--workspace', 'apps/web', '--fail-on-warnings', '--tsconfig']

const checks: [name: string, passes: () => boolean][] = [
  ['types', tool('typescript/bin/tsc', '-b')],
  ['types of the web app', tool(svelteCheck, ...inWeb, './tsconfig.json')],
  // Apart, since some of them use Node, which the app must not know.
  ['types of its tests', tool(svelteCheck, ...inWeb, './tsconfig.test.json')],
  // And the service worker: what a worker knows is not what a page knows.
  [
    'types of the service worker',
    tool('typescript/bin/tsc', '-p', 'apps/web/tsconfig.worker.json'),
  ],
  ['lint', tool('oxlint/bin/oxlint', '--deny-warnings')],
  ['format', tool('oxfmt/bin/oxfmt', '--check')],
  ['boundaries', own(checkBoundaries)],
  ['web app', own(checkWeb)],
  ['unfinished words', own(checkWords)],
  ['links', own(checkLinks)],
]

const failed = checks.filter(([name, passes]) => {
  const started = Date.now()
  const passed = passes()
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  process.stdout.write(`${passed ? 'ok' : 'FAILED'}: ${name} (${seconds} s)\n`)
  return !passed
})

if (failed.length > 0) {
  process.stdout.write(`check failed: ${failed.map(([name]) => name).join(', ')}\n`)
  process.exitCode = 1
} else {
  process.stdout.write('check passed\n')
}
