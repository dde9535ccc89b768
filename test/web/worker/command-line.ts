/** What a member's other device gets: the real command line, in a home of its own. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const launcher = resolve(import.meta.dirname, '../../../bin/hearthold')

/** Signs in and gets files from the top of a share; answers their bytes in the order asked. */
export const getByCommandLine = async (
  who: { origin: string; name: string; password: string; code: string },
  share: string,
  names: readonly string[],
): Promise<Buffer[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-worker-'))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const env = { ...process.env, HEARTHOLD_HOME: join(folder, 'home') }
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [launcher, ...args], { env })
  const out = join(folder, 'out')
  try {
    mkdirSync(out)
    const secrets = [
      '--password-file',
      file('password', who.password),
      '--code-file',
      file('code', who.code),
    ]
    await run('sign-in', '--server', who.origin, '--name', who.name, ...secrets)
    await run('get', ...names.map((name) => `${share}:/${name}`), out)
    return names.map((name) => readFileSync(join(out, name)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
