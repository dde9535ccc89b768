import { ProblemError } from '@hearthold/contract'
import { openIdentity } from '#features/identity/public.ts'
import { createSessionEvents } from '#platform/access/session-events.ts'
import type { SessionLookup } from '#platform/access/session.ts'
import type { Http } from '#platform/http/index.ts'
import { createLogService, type ObjectAccess } from '#platform/logs/index.ts'
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

/** Until the feature that keeps objects is opened below: there are none, and entries count for nothing. */
const noObjects: ObjectAccess = {
  checkReferencable: async (_trx, { references }) => {
    if (references.length > 0) throw new ProblemError('object_missing')
  },
  markReferenced: async () => {},
  release: async () => {},
  addEntryBytes: async () => {},
}

/** Each feature is made here from the platform and from the doors of those before it. */
export const openFeatures = async (
  platform: Platform,
): Promise<{ features: Feature[]; gate: Gate }> => {
  const { config, clock, db, keys } = platform
  const events = createSessionEvents()
  const logs = createLogService({
    db,
    clock,
    instanceSeed: keys.secrets.signingSeed,
    objects: noObjects,
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
    usedBytes: async () => new Map(),
  })
  return {
    features: [identity],
    gate: { sessions: identity.sessions, setUp: identity.setUp },
  }
}
