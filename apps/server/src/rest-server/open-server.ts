import { existsSync, mkdirSync, statSync } from 'node:fs'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import type { Clock } from '#platform/clock.ts'
import { type CombinedLog, openCombinedLog } from '#platform/combined-log.ts'
import { standardTimeouts, type Timeouts } from '#platform/http/connections.ts'
import type { Log } from '#platform/log.ts'
import { openDiskStorage } from '#platform/storage/disk/index.ts'
import type { RepositoryStorage } from '#platform/storage/storage.ts'
import { type CertificateKeeper, openCertificate } from '#platform/tls/keeper.ts'
import type { RestServerFlags } from './flags.ts'
import { type Htpasswd, openHtpasswd } from './htpasswd.ts'
import { restServerOver, startListening } from './listening.ts'
import { type HandlerDeps, requestHandler } from './request-handler.ts'
import { signInFor } from './sign-in.ts'
import { bytesBelow, type TotalQuota, totalQuota } from './total-quota.ts'

export type RestServerDeps = {
  readonly flags: RestServerFlags
  readonly clock: Clock
  readonly log: Log
  /** The socket that systemd passed. */
  readonly passed: number | undefined
  readonly timeouts?: Partial<Timeouts>
}

export type RestServer = {
  /** Where it listens, in words. */
  readonly address: string
  /** Users, certificate and access log anew, as on SIGHUP. What cannot be read stays as it was. */
  reload(): Promise<void>
  /** Accepts nothing more, lets requests finish for some seconds, then cuts what is left. */
  stop(): Promise<void>
}

const openHtpasswdOf = ({ flags, clock, log }: RestServerDeps): Htpasswd | undefined => {
  if (flags.auth.kind !== 'htpasswd') return undefined
  const { file } = flags.auth
  try {
    if ((statSync(file).mode & 0o004) !== 0)
      log.warn({}, `${file} can be read by everybody on this machine. Run: chmod 640 ${file}`)
    return openHtpasswd({ file, clock, log })
  } catch (error) {
    throw new Error(
      `Cannot load ${file}. Make it with "htpasswd -B -c", or let in everybody with --no-auth.`,
      { cause: error },
    )
  }
}

const openCertificateOf = async (deps: RestServerDeps): Promise<CertificateKeeper | undefined> => {
  const { flags, clock, log } = deps
  if (flags.tls === undefined) return undefined
  const { certFile, keyFile } = flags.tls
  const onError = (error: unknown): void =>
    log.error({ err: error }, 'the certificate cannot be read; the one of before stays in use')
  try {
    const plan = { kind: 'files', certFile, keyFile, keyModes: 'any' } as const
    const keeper = await openCertificate({ plan, clock, onError })
    if ((statSync(keyFile).mode & 0o007) !== 0)
      log.warn({}, `${keyFile} can be used by everybody on this machine. Run: chmod 640 ${keyFile}`)
    return keeper
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error'
    throw new Error(`Cannot load the certificate for --tls: ${reason}`, { cause: error })
  }
}

/** Node itself would try for ever where a file system says that what it was asked to make is not there, as /proc does. */
const makeFolder = (path: string, mode: number): void => {
  if (existsSync(path)) {
    if (!statSync(path).isDirectory()) throw new Error(`${path} is a file`)
    return
  }
  if (dirname(path) !== path) makeFolder(dirname(path), mode)
  mkdirSync(path, { mode })
}

const openFolder = ({ flags: { path, groupAccessible } }: RestServerDeps): RepositoryStorage => {
  try {
    makeFolder(path, groupAccessible ? 0o770 : 0o700)
  } catch (error) {
    throw new Error(`${path} is no folder, and none can be made there. Correct --path.`, {
      cause: error,
    })
  }
  return openDiskStorage({ folder: path, groupAccess: groupAccessible })
}

const openQuota = ({ flags, log }: RestServerDeps): TotalQuota | undefined => {
  if (flags.maxSizeBytes === undefined) return undefined
  log.info({}, 'adding up what is stored, for --max-size')
  const quota = totalQuota(bytesBelow(flags.path), flags.maxSizeBytes)
  log.info({ usedBytes: quota.usedBytes(), maxSizeBytes: flags.maxSizeBytes }, 'added up')
  return quota
}

const openAccessLog = ({ flags, clock }: RestServerDeps): CombinedLog | undefined => {
  if (flags.accessLog === undefined) return undefined
  try {
    return openCombinedLog(flags.accessLog, clock)
  } catch (error) {
    throw new Error(`Cannot write ${flags.accessLog}. Correct --log.`, { cause: error })
  }
}

/** Loaded only where it is asked for. */
const openMetrics = async ({ flags }: RestServerDeps): Promise<HandlerDeps['metrics']> => {
  if (flags.metrics === 'off') return undefined
  const { blobCounters, createMetrics } = await import('#platform/metrics.ts')
  const all = createMetrics()
  return { all, blobs: blobCounters(all) }
}

const closeServer = async (server: Server, timeouts: Timeouts): Promise<void> => {
  const closed = Promise.withResolvers<void>()
  server.close(() => closed.resolve())
  const timer = setTimeout(() => server.closeAllConnections(), timeouts.shutdownMs)
  await closed.promise
  clearTimeout(timer)
}

/**
 * Opens everything that the flags name and begins to listen.
 * @throws Error that says what is in the way and what to do
 */
export const openRestServer = async (deps: RestServerDeps): Promise<RestServer> => {
  const { flags, log, passed } = deps
  const timeouts = { ...standardTimeouts, ...deps.timeouts }
  const htpasswd = openHtpasswdOf(deps)
  const certificate = await openCertificateOf(deps)
  const storage = openFolder(deps)
  const quota = openQuota(deps)
  const accessLog = openAccessLog(deps)
  const metrics = await openMetrics(deps)
  let stopping = false
  const handler = requestHandler({
    ...{ flags, storage, quota, metrics, accessLog, log },
    signIn: signInFor(flags, htpasswd),
    isStopping: () => stopping,
  })
  const tls = certificate && flags.tls && { certificate, minVersion: flags.tls.minVersion }
  const server = restServerOver(handler, timeouts, tls)
  const address = await startListening(server, flags.listen, passed)
  return {
    address,
    reload: async () => {
      htpasswd?.reload()
      accessLog?.reopen()
      await certificate?.reload()
    },
    stop: async () => {
      stopping = true
      certificate?.stop()
      await closeServer(server, timeouts)
      await storage.close()
      await htpasswd?.close()
      await accessLog?.close()
    },
  }
}
