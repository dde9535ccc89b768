import type { StorageSettings } from '@hearthold/contract'
import type { RemoteTuning } from '#platform/storage/remote/remote-client.ts'
import { openS3Storage, type S3Options } from '#platform/storage/s3/index.ts'
import type {
  BinnedObject,
  BinStore,
  RepositoryStorage,
  RepositoryStore,
} from '#platform/storage/storage.ts'
import { openWebDavStorage } from '#platform/storage/webdav/index.ts'

/** What a driver needs beside settings and secret. */
export type DriverOptions = {
  readonly tuning?: RemoteTuning | undefined
  /** Days for which what is stored is locked, where the settings ask for locks. */
  readonly lockDays: () => number
}

export const s3OptionsOf = (
  settings: Extract<StorageSettings, { kind: 's3' }>,
  secretKey: string,
  { tuning, lockDays }: DriverOptions,
): S3Options => {
  const { endpoint, region, bucket, prefix, addressing, accessKey, objectLock } = settings
  return {
    ...{ endpoint, region, bucket, prefix, addressing, accessKey, secretKey },
    lockDays: objectLock ? lockDays : undefined,
    ...(tuning === undefined ? {} : { tuning }),
  }
}

/** Nothing is sent. @throws StorageError for an address that is none */
export const openDriver = (
  settings: StorageSettings,
  secret: string,
  options: DriverOptions,
): RepositoryStorage => {
  if (settings.kind === 's3') return openS3Storage(s3OptionsOf(settings, secret, options))
  const { tuning } = options
  const { url, user } = settings
  return openWebDavStorage({
    ...{ url, user, password: secret },
    ...(tuning === undefined ? {} : { tuning }),
  })
}

/** Opens the driver of now; asked for each act. @throws StorageError */
type Current = () => Promise<RepositoryStorage>

/**
 * A storage that asks for its driver when it is used, and so follows changes of its configuration; what stands in the
 * way of the driver is thrown by the act.
 */
export const followingStorage = (current: Current): RepositoryStorage => ({
  open: (folder) => followingStore(async () => (await current()).open(folder)),
  destroy: async (folder) => (await current()).destroy(folder),
  freeBytes: () => undefined,
  close: async () => undefined,
})

const followingStore = (current: () => Promise<RepositoryStore>): RepositoryStore => ({
  create: async () => (await current()).create(),
  stat: async (ref) => (await current()).stat(ref),
  open: async (ref) => (await current()).open(ref),
  write: async (ref, body, options) => (await current()).write(ref, body, options),
  remove: async (ref) => (await current()).remove(ref),
  list: async (type) => (await current()).list(type),
  bin: followingBin(async () => (await current()).bin),
})

const followingBin = (current: () => Promise<BinStore>): BinStore => ({
  put: async (ref, deletedAt, keptUntil) => (await current()).put(ref, deletedAt, keptUntil),
  list: async function* (): AsyncGenerator<readonly BinnedObject[]> {
    yield* (await current()).list()
  },
  restore: async (object) => (await current()).restore(object),
  remove: async (object) => (await current()).remove(object),
})
