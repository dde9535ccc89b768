import { pid } from 'node:process'
import { systemClock } from '#platform/clock.ts'
import { type Log, openLog } from '#platform/log.ts'
import { version } from '#platform/version.ts'
import { flagHelp, restServerVersion } from './flag-table.ts'
import { FlagError, parseFlags, type RestServerFlags } from './flags.ts'
import { passedSocket } from './listening.ts'
import { openRestServer, type RestServer } from './open-server.ts'

/** The process's words and ways. */
export type Process = Pick<NodeJS.Process, 'env' | 'on' | 'off' | 'cwd' | 'exit'> & {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** A stop that takes longer than requests may take has hung. */
const stopLimitMs = 20_000

/** What the server is set to, in rest-server's order: many read it in the journal to see what a unit does. */
const describe = (log: Log, flags: RestServerFlags): void => {
  const { auth } = flags
  log.info({}, `Data directory: ${flags.path}`)
  if (auth.kind === 'none') log.warn({}, 'Authentication disabled: everybody is let in')
  else
    log.info({}, auth.kind === 'proxy' ? 'Proxy Authentication enabled' : 'Authentication enabled')
  log.info({}, `Append only mode ${flags.appendOnly ? 'enabled' : 'disabled'}`)
  log.info({}, `Private repositories ${flags.privateRepos ? 'enabled' : 'disabled'}`)
  log.info({}, `Group accessible repos ${flags.groupAccessible ? 'enabled' : 'disabled'}`)
  if (!flags.verifyUploads) log.warn({}, 'What is uploaded is not verified')
  if (flags.tls !== undefined)
    log.info({}, `TLS enabled, private key ${flags.tls.keyFile}, pubkey ${flags.tls.certFile}`)
}

/** Resolves when the process is asked to stop; a second request ends it at once. */
const untilStopped = (io: Process): Promise<void> =>
  new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        io.on(signal, () => io.exit(130)).off(signal, stop)
      resolve()
    }
    io.on('SIGINT', stop).on('SIGTERM', stop)
  })

const stopInTime = async (io: Process, server: RestServer): Promise<void> => {
  const timer = setTimeout(() => io.exit(1), stopLimitMs)
  timer.unref()
  await server.stop()
  clearTimeout(timer)
}

const run = async (flags: RestServerFlags, log: Log, io: Process): Promise<void> => {
  const passed = passedSocket(io.env, pid)
  describe(log, flags)
  let server: RestServer | undefined
  const reload = async (): Promise<void> => server?.reload()
  // From the beginning: adding up what is stored may take minutes, and a log may be rotated in any of them.
  io.on(
    'SIGHUP',
    () => void reload().catch((error: unknown) => log.error({ err: error }, 'reload failed')),
  )
  server = await openRestServer({ flags, clock: systemClock, log, passed })
  log.info({}, `start server on ${server.address}`)
  io.on('uncaughtException', (error) => {
    log.error({ err: error }, 'the server stops because of an error that nobody foresaw')
    io.exit(1)
  })
  await untilStopped(io)
  log.info({}, 'stopping')
  await stopInTime(io, server)
  log.info({}, 'shutdown cleanly')
}

/**
 * `hearthold rest-server`: runs until a signal.
 * @returns the exit code: 0 after a stop, 1 where it could not start, 2 for wrong flags
 */
export const restServer = async (argv: readonly string[], io: Process): Promise<number> => {
  let flags: RestServerFlags | 'help' | 'version'
  try {
    flags = parseFlags(argv, io.cwd())
  } catch (error) {
    if (!(error instanceof FlagError)) throw error
    io.stderr.write(`${error.message}.\n"hearthold rest-server --help" explains every flag.\n`)
    return 2
  }
  if (typeof flags === 'string') {
    const own = `Hearthold ${version}, in place of rest-server ${restServerVersion}\n`
    io.stdout.write(flags === 'help' ? flagHelp() : own)
    return 0
  }
  const log = openLog({ level: flags.debug ? 'debug' : 'info', format: 'text' })
  if (flags.cpuProfile === undefined) {
    await run(flags, log, io)
    return 0
  }
  const { startCpuProfile } = await import('./cpu-profile.ts')
  const finish = await startCpuProfile(flags.cpuProfile)
  try {
    await run(flags, log, io)
  } finally {
    await finish()
  }
  return 0
}
