import { CliError, exitCodes } from './cli-error.ts'
import { catalogue } from './commands/catalogue.ts'
import { parseCommandLine } from './commands/parse.ts'
import type { Outcome, VerbEntry } from './commands/verb.ts'
import { createQuestions } from './input/secrets.ts'
import { coloursFor } from './output/colours.ts'
import { formatReport, formatReportJson, reportOf } from './output/errors.ts'
import { formatJson } from './output/json.ts'
import { processTerminal, writeTo, type Terminal } from './terminal.ts'
import { readVersion } from './version.ts'

const wantsJson = (argv: readonly string[], { env }: Terminal): boolean =>
  argv.includes('--json') || env['HEARTHOLD_JSON'] === '1' || env['HEARTHOLD_JSON'] === 'true'

const version = (): Outcome => ({
  data: { version: readVersion() },
  text: `hearthold ${readVersion()}\n`,
})

const perform = async (
  entries: readonly VerbEntry[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<Outcome & { isHelp?: boolean }> => {
  const first = argv.find((word) => word !== '--json')
  if (first === '--version') return version()
  const parsed = await parseCommandLine(entries, argv, terminal.env, terminal.stdout)
  if (parsed.kind === 'help') return { data: parsed.text, text: parsed.text, isHelp: true }
  return parsed.verb.run({ ...parsed.given, terminal, questions: createQuestions(terminal) })
}

const reportFailure = async (
  error: unknown,
  json: boolean,
  terminal: Terminal,
): Promise<number> => {
  const report = reportOf(error)
  if (json) await writeTo(terminal.stdout, formatReportJson(report))
  else {
    const { bad } = coloursFor(terminal.stderr, terminal)
    await writeTo(terminal.stderr, formatReport({ ...report, message: bad(report.message) }))
  }
  // Asked for by the person at the machine: it can hold paths and names, never secrets.
  const unexpected = error instanceof Error && !(error instanceof CliError)
  if (terminal.env['DEBUG'] === 'hearthold' && unexpected)
    await writeTo(terminal.stderr, `${error.stack ?? error.name}\n`)
  return report.exitCode
}

/** Runs one command line against a terminal and returns its exit code; never throws. Errors go to standard error, as JSON to standard output. */
export const runCommandLine = async (
  entries: readonly VerbEntry[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> => {
  const json = wantsJson(argv, terminal)
  try {
    const { data, text, exitCode, isHelp } = await perform(entries, argv, terminal)
    terminal.signal.throwIfAborted()
    await writeTo(terminal.stdout, json && !isHelp ? formatJson(data) : text)
    return exitCode ?? exitCodes.ok
  } catch (error) {
    return reportFailure(error, json, terminal)
  }
}

/**
 * Runs the command line of this process: `argv` are the words after the program's name. Resolves to the exit code when all output is written.
 * The first Ctrl-C aborts what runs, so that it can leave things in order; the second ends the process.
 */
export const main = async (argv: string[]): Promise<number> => {
  const interrupting = new AbortController()
  const interrupt = () => {
    if (interrupting.signal.aborted) process.exit(exitCodes.interrupted)
    interrupting.abort(new DOMException('Interrupted', 'AbortError'))
  }
  // A reader that has seen enough (`hearthold ls | head`) is no failure.
  const onBrokenPipe = (error: Error & { code?: string }) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  process.stdout.on('error', onBrokenPipe)
  try {
    return await runCommandLine(catalogue, argv, processTerminal(interrupting.signal))
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    process.stdout.off('error', onBrokenPipe)
  }
}
