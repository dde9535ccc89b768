import { ConfigError, loadConfig } from './config/load.ts'
import { printConfig, printConfigJson, printSettingsHelp } from './config/print.ts'
import { printMistakes, type Process } from './serve.ts'

const help = `Usage: hearthold config [--json] [settings as for serve]

Example: hearthold config --json

Prints the settings in force and where each comes from. Secrets are masked.

${printSettingsHelp()}
`

/** `hearthold config`. @returns the exit code: 2 where settings are wrong */
export const configVerb = async (argv: readonly string[], process: Process): Promise<number> => {
  if (argv.includes('--help')) return (process.stdout.write(help), 0)
  try {
    const loaded = loadConfig({ argv, env: process.env, folder: process.cwd() }, ['json'])
    process.stdout.write(
      `${loaded.verbFlags.has('json') ? printConfigJson(loaded) : printConfig(loaded)}\n`,
    )
    return 0
  } catch (error) {
    if (error instanceof ConfigError) return printMistakes(error, process)
    throw error
  }
}
