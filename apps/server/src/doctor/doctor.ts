import { ConfigError, loadConfig, type LoadedConfig } from '../config/load.ts'
import { printMistakes, type Process } from '../serve.ts'
import type { Check, Finding } from './check.ts'
import { exposure, tls, versionAge } from './exposure-checks.ts'
import { diskSpace, fileModes, keyApart } from './file-checks.ts'

/** In the order they are printed. */
export const checks: readonly Check[] = [fileModes, keyApart, tls, exposure, diskSpace, versionAge]

export type Result = Finding & { readonly name: string }

const help = `Usage: hearthold doctor [--json] [settings as for serve]

Example: hearthold doctor --data /srv/hearthold

Looks at this installation without changing it: each best practice with what was found and what to do. Run it as the
server's user and with its settings. Exit code 1 if there is a problem.
`

/** Runs every check; one that cannot look is a problem itself, not the end of the others. */
export const examine = async (loaded: LoadedConfig, now: number): Promise<Result[]> => {
  const results: Result[] = []
  for (const { name, look } of checks) {
    try {
      results.push({ name, ...(await look(loaded, now)) })
    } catch (error) {
      const code =
        error instanceof Error && 'code' in error && typeof error.code === 'string'
          ? error.code
          : 'unknown error'
      results.push({
        name,
        state: 'problem',
        finding: `Could not look (${code}).`,
        remedy: "Run doctor as the server's user.",
      })
    }
  }
  return results
}

const asText = (results: readonly Result[]): string => {
  const width = Math.max(...results.map(({ name }) => name.length))
  const lines = results.flatMap(({ name, state, finding, remedy }) => [
    `${state.padEnd(9)}  ${name.padEnd(width)}  ${finding}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(width + 13)}${remedy}`]),
  ])
  return `${lines.join('\n')}\n`
}

/** `hearthold doctor`. @returns the exit code: 1 for a problem, 2 for wrong settings */
export const doctor = async (argv: readonly string[], process: Process): Promise<number> => {
  if (argv.includes('--help')) return (process.stdout.write(help), 0)
  let loaded: ReturnType<typeof loadConfig>
  try {
    loaded = loadConfig({ argv, env: process.env, folder: process.cwd() }, ['json'])
  } catch (error) {
    if (error instanceof ConfigError) return printMistakes(error, process)
    throw error
  }
  const results = await examine(loaded, Date.now())
  process.stdout.write(
    loaded.verbFlags.has('json') ? `${JSON.stringify({ checks: results })}\n` : asText(results),
  )
  return results.some(({ state }) => state === 'problem') ? 1 : 0
}
