import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ConfigError, loadConfig, type LoadedConfig } from './config/load.ts'
import { printSettingsHelp } from './config/print.ts'
import { noteAddress } from './address-note.ts'
import type { App } from './app.ts'
import { version } from '#platform/version.ts'
import { type Log, openLog } from '#platform/log.ts'

/** A stop that takes longer than requests may take has hung. */
const stopLimitMs = 20_000

/** The process's words and ways, so that tests can be one too. */
export type Process = Pick<NodeJS.Process, 'env' | 'once' | 'on' | 'off' | 'cwd' | 'exit'> & {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

const help = `Usage: hearthold serve [flags]

Example: hearthold serve --data /srv/hearthold

Starts the server. It needs no setting. Each has a flag, a variable and a name in the JSON file; flags win over
variables, these over the file.

${printSettingsHelp()}
`

/** Everything that is wrong, one line each; values are never shown. */
export const printMistakes = (error: ConfigError, process: Process): number => {
  const [first, ...more] = error.mistakes
  process.stderr.write(
    more.length === 0 ? 'A setting is wrong:\n' : `${more.length + 1} settings are wrong:\n`,
  )
  for (const { name, message } of first === undefined ? [] : [first, ...more])
    process.stderr.write(`  ${name} ${message}\n`)
  process.stderr.write('"hearthold serve --help" explains every setting.\n')
  return 2
}

/** What `serve` says on standard output once it listens: where to go, how to know it, where its data is. */
export const greeting = (loaded: LoadedConfig, app: App): string => {
  const address = app.publicUrl()
  const token = app.setUpToken()
  const pin = app.pin === undefined ? '' : `.${app.pin}`
  return [
    `Hearthold ${version} is running.`,
    ...(token === undefined
      ? [`Address: ${address}/`]
      : [
          `Set it up at: ${address}/set-up#${token}${pin}`,
          'The address works once and is new at each start. Keep it to yourself.',
        ]),
    ...(app.pin === undefined ? [] : [`Public key (SHA-256): ${app.pin}`]),
    `Data: ${loaded.config.dataDir}`,
    '',
  ].join('\n')
}

/** Long enough after the start that nobody waits, soon enough that nobody measures before. */
const tidyAfterMs = 2_000

/**
 * Loading leaves some 35 MB of what only loading needed, and an idle server would keep it for hours. One full collection
 * gives it back to the system.
 */
const tidyMemory = (): void => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how: {
    type: string
    execution: string
    flavor: string
  }) => void
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** Resolves when the process is asked to stop; a second request ends it at once. */
const untilStopped = (process: Process, app: App, log: Log): Promise<void> =>
  new Promise((resolve) => {
    process.on(
      'SIGHUP',
      () => void app.reload().catch((error: unknown) => log.error({ err: error }, 'reload failed')),
    )
    const stop = (): void => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        process.on(signal, () => process.exit(130)).off(signal, stop)
      resolve()
    }
    process.on('SIGINT', stop).on('SIGTERM', stop)
  })

/** After an error that nobody caught, memory cannot be trusted; the disk can. */
const watchForFaults = (process: Process, log: Log): void => {
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'the server stops because of an error that nobody foresaw')
    process.exit(1)
  })
}

const stop = async (process: Process, app: App): Promise<void> => {
  const timer = setTimeout(() => process.exit(1), stopLimitMs)
  timer.unref()
  await app.stop()
  clearTimeout(timer)
}

/**
 * Runs the server until a signal.
 * @returns the exit code: 0 after a stop, 1 where it could not start, 2 for wrong settings
 */
export const serve = async (argv: readonly string[], process: Process): Promise<number> => {
  if (argv.includes('--help')) return (process.stdout.write(help), 0)
  let loaded: LoadedConfig
  try {
    loaded = loadConfig({ argv, env: process.env, folder: process.cwd() })
  } catch (error) {
    if (error instanceof ConfigError) return printMistakes(error, process)
    throw error
  }
  const log = openLog({ level: loaded.config.logLevel, format: loaded.config.logFormat })
  const { createApp } = await import('./app.ts')
  const app = await createApp(loaded.config, loaded.secrets, log)
  try {
    await app.start()
  } catch (error) {
    await app.stop()
    throw error
  }
  watchForFaults(process, log)
  const changed = noteAddress(loaded.config.dataDir, loaded.config.publicUrl)
  for (const warning of [...loaded.warnings, ...changed]) log.warn({}, warning)
  process.stdout.write(greeting(loaded, app))
  setTimeout(tidyMemory, tidyAfterMs).unref()
  await untilStopped(process, app, log)
  log.info({}, 'stopping')
  await stop(process, app)
  return 0
}
