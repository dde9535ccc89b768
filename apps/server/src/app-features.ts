import { createFiles, createObjectAccess } from '#features/files/public.ts'
import { openIdentity } from '#features/identity/public.ts'
import { createLogFeature } from '#features/logs/public.ts'
import {
  createStorages,
  openRepositories,
  type Repositories,
  type Storages,
} from '#features/repositories/public.ts'
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
  /** After the last request. */
  readonly end?: () => void | Promise<void>
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
  const { config, clock, db, keys, log, disk } = platform
  const events = createSessionEvents()
  // Objects count against a quota that identity keeps, identity writes logs, and logs refer to objects.
  const quotaBytes = (on: unknown, account: string): Promise<number | undefined> =>
    identity.quotaBytes(on, account)
  // One quota for files and repositories: each side asks what the other keeps.
  const otherBytes = (account: string): number => repositories.usedBytes(account)
  const objects = createObjectAccess({ objects: platform.objects, log, quotaBytes, otherBytes })
  const logs = createLogService({ db, clock, instanceSeed: keys.secrets.signingSeed, objects })
  const files = createFiles({
    db,
    clock,
    log,
    objects: platform.objects,
    quotaBytes,
    otherBytes,
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
    usedBytes: async (accounts) => {
      const used = await files.usedBytes(accounts)
      return new Map([...used].map(([account, bytes]) => [account, bytes + otherBytes(account)]))
    },
    onMembersChanged: () => repositories.refreshMembers(),
  })
  const storages = createStorages({ db, clock, keys: keys.service, disk, members: identity })
  const repositories = await openRepositories({
    db,
    clock,
    log,
    peppers: keys.secrets.peppers,
    openStorage: storages.openStorageOf,
    members: identity,
    otherBytes: files.accountBytes,
    sessions: identity.sessions,
    setUpNeeded: () => identity.setUp.needed(),
    metricsToken: platform.metricsToken,
  })
  const logFeature = createLogFeature({ db, clock, logs, objects })
  const { sessions, sessionLives, setUp } = identity
  return {
    features: [
      identity,
      { routes: files.bind, start: files.start, stop: files.close },
      { routes: logFeature.bind },
      ...repositoryFeatures(repositories, storages),
      socketFeature({ logs, sessions, sessionLives, events, limits }),
    ],
    gate: { sessions, setUp },
  }
}

const repositoryFeatures = (repositories: Repositories, storages: Storages): Feature[] => [
  {
    routes: repositories.bind,
    start: repositories.start,
    stop: repositories.stop,
    end: repositories.close,
  },
  { routes: storages.bind, end: storages.close },
]

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
