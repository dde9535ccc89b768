import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Prints what is loaded for the verb, an address a line. */
const script = `
  import { registerHooks } from 'node:module'
  registerHooks({ load: (url, context, next) => (console.log(url), next(url, context)) })
  await import(process.argv[1])
`

test('the verb loads no contract, no feature and no framework: a third less memory, and half the time to start', () => {
  const verb = join(import.meta.dirname, 'rest-server.ts')
  const loaded = execFileSync(
    process.execPath,
    ['--input-type=module', '--eval', script, '--', verb],
    { encoding: 'utf8' },
  ).split('\n')
  expect(loaded.some((url) => url.endsWith('/storage/disk/disk-repository.ts'))).toBe(true)
  expect(
    loaded.filter((url) => /\/(typebox|fastify|kysely|packages|features)\//.test(url)),
  ).toEqual([])
})
