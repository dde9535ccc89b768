/** What `npm run bench` says where it does not know what is asked for. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const bench = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const areas = /^Which area\? npm run bench -- browser \| .*repositories \| shares\n$/

test.each<[string, string[], RegExp]>([
  ['no area', [], areas],
  ['an unknown area', ['wrong'], areas],
  ['its own file', ['main'], areas],
  [
    'an unknown workload',
    ['repositories', '--only', 'wrong'],
    /^bench repositories: --only: part of restic-http \| .*lists\n$/,
  ],
  [
    'an unknown server',
    ['repositories', '--servers', 'wrong'],
    /^bench repositories: --servers: some of rest-server verb,.*\n$/,
  ],
  [
    'one unknown among known',
    ['repositories', '--servers', 'rest-server verb,wrong'],
    /^bench repositories: --servers: some of /,
  ],
  [
    'no number',
    ['repositories', '--rounds', 'many'],
    /^bench repositories: --rounds: a whole number from 1 on\n$/,
  ],
  [
    'an unknown option',
    ['repositories', '--wrong'],
    /^bench repositories: Unknown option '--wrong'.*\n$/,
  ],
])('%s is told in one line', (_, args, line) => {
  const { status, stdout, stderr } = bench(...args)
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(line)
})
