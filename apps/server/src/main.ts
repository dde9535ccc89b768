import { version } from '#platform/version.ts'
import type { Process } from './serve.ts'

const help = `Usage: hearthold <verb> [flags]

  serve        start the server
  config       print the settings in force, and where each comes from
  doctor       check this installation, with a remedy for each finding
  rest-server  serve restic repositories out of a folder, in place of rest-server

"hearthold <verb> --help" has the flags. Hearthold ${version}.
`

/** Host verbs, loaded when they are asked for. */
const verbs: Readonly<
  Record<string, (argv: readonly string[], process: Process) => Promise<number>>
> = {
  serve: async (argv, io) => (await import('./serve.ts')).serve(argv, io),
  config: async (argv, io) => (await import('./config-verb.ts')).configVerb(argv, io),
  'rest-server': async (argv, io) =>
    (await import('./rest-server/rest-server.ts')).restServer(argv, io),
  doctor: async (argv, io) => (await import('./doctor/doctor.ts')).doctor(argv, io),
}

/** Messages of ours name the remedy; the stack of anything else belongs in a report of a fault. */
const failureText = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown error'
  const cause =
    error.cause instanceof Error && process.env['HEARTHOLD_LOG_LEVEL'] === 'debug'
      ? `\n${error.cause.stack ?? ''}`
      : ''
  return `${error.message}${cause}`
}

/**
 * Runs a host verb.
 * @param argv the words after `hearthold`
 * @returns the exit code: 0 ok, 1 failure, 2 usage
 */
export const main = async (argv: readonly string[]): Promise<number> => {
  const [name = '', ...rest] = argv
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (verb === undefined) {
    const asked = name === '--help' || name === 'help'
    process[asked ? 'stdout' : 'stderr'].write(
      asked ? help : `There is no host verb of this name.\n${help}`,
    )
    return asked ? 0 : 2
  }
  try {
    return await verb(rest, process)
  } catch (error) {
    process.stderr.write(`Error: ${failureText(error)}\n`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
