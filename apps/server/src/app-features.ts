import { createFiles, createObjectAccess } from '#features/files/public.ts'
import { openIdentity } from '#features/identity/public.ts'
import { createLogFeature } from '#features/logs/public.ts'
import { createSessionEvents } from '#platform/access/session-events.ts'
import type { SessionLookup } from '#platform/access/session.ts'
import type { Http } from '#platform/http/index.ts'
import { createLogService } from '#platform/logs/index.ts'
import {
  addSocket,
  type SocketDeps,
  type SocketLimits,
  type SocketServer,
} from '#platform/socket/index.ts'
import type { Platform } from './app-platform.ts'

/** What a feature adds to the process. */
export type Feature = {
  /** Binds its endpoints. */
  readonly routes: (http: Http) => void
  /** Its periodic work; begins once the server listens. */
  readonly start?: () => void | Promise<void>
  /** Ends that work, and connections that would never end by themselves; requests still under way are answered. */
  readonly stop?: () => void | Promise<void>
}

/** What the HTTP layer asks of the features before any route is reached. */
export type Gate = {
  readonly sessions: SessionLookup
  readonly setUp: { needed(): boolean; token(): string | undefined }
}

/** Each feature is made here from the platform and from the doors of those before it. */
export const openFeatures = async (
  platform: Platform,
  limits: Partial<SocketLimits> = {},
): Promise<{ features: Feature[]; gate: Gate }> => {
  const { config, clock, db, keys, log } = platform
  const events = createSessionEvents()
  // Objects count against a quota that identity keeps, identity writes logs, and logs refer to objects.
  const quotaBytes = (on: unknown, account: string): Promise<number | undefined> =>
    identity.quotaBytes(on, account)
  const objects = createObjectAccess({ objects: platform.objects, log, quotaBytes })
  const logs = createLogService({ db, clock, instanceSeed: keys.secrets.signingSeed, objects })
  const files = createFiles({
    db,
    clock,
    log,
    objects: platform.objects,
    quotaBytes,
    mayReadLog: logs.mayRead,
  })
  const identity = await openIdentity({
    db,
    clock,
    keys,
    logs,
    events,
    dataDir: config.dataDir,
    publicUrl: platform.publicUrl,
    serverPin: platform.certificate?.pin,
    defaultQuotaBytes: config.defaultQuotaBytes,
    usedBytes: files.usedBytes,
  })
  const logFeature = createLogFeature({ db, clock, logs, objects })
  const { sessions, sessionLives, setUp } = identity
  return {
    features: [
      identity,
      { routes: files.bind, start: files.start, stop: files.close },
      { routes: logFeature.bind },
      socketFeature({ logs, sessions, sessionLives, events, limits }),
    ],
    gate: { sessions, setUp },
  }
}

/** The one socket: it lives in the HTTP server, so it is made where the routes are. */
const socketFeature = (deps: Omit<SocketDeps, 'http'>): Feature => {
  let server: SocketServer | undefined
  return {
    routes: (http) => {
      server = addSocket({ ...deps, http })
    },
    stop: () => server?.stop(),
  }
}
