import { join } from 'node:path'
import { type Clock, systemClock } from '#platform/clock.ts'
import { openCombinedAccessLog } from '#platform/combined-access-log.ts'
import {
  addHealthRoutes,
  addWebApp,
  createHttp,
  type Http,
  type HttpDeps,
} from '#platform/http/index.ts'
import { type FileLog, type Log, openFileLog } from '#platform/log.ts'
import type { SocketLimits } from '#platform/socket/index.ts'
import { type Gate, openFeatures } from './app-features.ts'
import { endings, openPlatform, type Platform, readyChecks } from './app-platform.ts'
import type { Config, Secrets } from './config/load.ts'
import { isLoopback } from './config/tls-plan.ts'

/** What tests may put in the place of the real thing. */
export type AppOverrides = {
  readonly clock?: Clock
  /** Folder of a built web app. */
  readonly webFolder?: string
  readonly onUnlistedProblem?: NonNullable<HttpDeps['onUnlistedProblem']>
  readonly timeouts?: NonNullable<HttpDeps['timeouts']>
  readonly socketLimits?: Partial<SocketLimits>
}

/** A whole server: made, started, stopped. */
export type App = {
  readonly http: Http
  /** SHA-256 of the public key as hex where the certificate is self-signed: links carry it after the token. */
  readonly pin: string | undefined
  /** Where people reach it, without a slash at the end; right once it listens. */
  publicUrl(): string
  /** The one-time token while the instance waits to be set up. */
  setUpToken(): string | undefined
  /** Begins to listen. @throws Error that says what is in the way */
  start(): Promise<void>
  /** Opens log files anew and reads certificates again (SIGHUP). */
  reload(): Promise<void>
  /** Lets requests finish, then closes everything in the reverse order. Safe to call twice. */
  stop(): Promise<void>
}

/** Where `npm start` builds the web app; the server reads its files and imports nothing of it. */
const builtWebApp = join(import.meta.dirname, '..', '..', 'web', 'dist')

const openHttp = (
  platform: Platform,
  gate: Gate,
  accessLog: Log | undefined,
  overrides: AppOverrides,
): Http => {
  const { config, clock, log, certificate } = platform
  const { listen, tls } = config
  return createHttp({
    publicUrl: config.publicUrl,
    listen,
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    certificate,
    ownCertificate: tls.kind === 'files',
    onlyFromProxies: tls.kind === 'plain' && listen.kind === 'tcp' && !isLoopback(listen.host),
    clock,
    log,
    accessLog,
    accessLogDetails: config.accessLogFormat === 'combined' && config.accessLog.kind === 'file',
    sessions: gate.sessions,
    setUp: gate.setUp,
    ...(overrides.onUnlistedProblem === undefined
      ? {}
      : { onUnlistedProblem: overrides.onUnlistedProblem }),
    ...(overrides.timeouts === undefined ? {} : { timeouts: overrides.timeouts }),
  })
}

const openAccessLog = (
  { accessLog, accessLogFormat }: Config,
  clock: Clock,
): FileLog | undefined => {
  if (accessLog.kind !== 'file') return undefined
  const { path } = accessLog
  return accessLogFormat === 'combined' ? openCombinedAccessLog(path, clock) : openFileLog(path)
}

/**
 * Builds the server from its configuration. Nothing listens yet.
 * @throws what opening the parts throws (a folder others can read, a wrong key, a newer database ...); whatever
 *   was opened by then is closed again
 */
export const createApp = async (
  config: Config,
  secrets: Secrets,
  log: Log,
  overrides: AppOverrides = {},
): Promise<App> => {
  const ends = endings()
  try {
    let http: Http | undefined
    const clock = overrides.clock ?? systemClock
    const platform = await openPlatform(config, secrets, clock, log, ends, () => http?.port())
    const { features, gate } = await openFeatures(platform, overrides.socketLimits)
    const accessFile = openAccessLog(config, clock)
    ends.add(() => accessFile?.close())
    const made = openHttp(
      platform,
      gate,
      config.accessLog.kind === 'log' ? log : accessFile?.log,
      overrides,
    )
    http = made
    for (const { end } of features) if (end !== undefined) ends.add(end)
    ends.add(() => made.close())
    for (const { stop } of features) if (stop !== undefined) ends.add(stop)
    addHealthRoutes(made, readyChecks(platform))
    addWebApp(made, overrides.webFolder ?? builtWebApp)
    for (const { routes } of features) routes(made)
    return {
      http: made,
      pin: platform.certificate?.pin,
      publicUrl: platform.publicUrl,
      setUpToken: () => gate.setUp.token(),
      start: async () => {
        await made.listen()
        for (const { start } of features) await start?.()
      },
      reload: async () => {
        accessFile?.reopen()
        await platform.certificate?.reload()
      },
      stop: () => ends.run(),
    }
  } catch (error) {
    await ends.run()
    throw error
  }
}
