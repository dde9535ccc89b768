import { ProblemError, type StorageSettings } from '@hearthold/contract'
import { type RepositoryStorage, StorageError } from '#platform/storage/storage.ts'
import type { OpenStorageOf } from './storage-opening.ts'
import { followingStorage, openDriver } from './storages-drivers.ts'
import { openStorageSecret } from './storages-secrets.ts'
import { findStorageRow } from './storages-store.ts'
import type { StoragesDeps } from './storages-deps.ts'

/** A configuration as it is used; one object until it is changed. */
type Configuration = { readonly settings: StorageSettings; readonly secret: string }

const gone = (): StorageError =>
  new StorageError('unavailable', 'The configuration of this storage was removed.')
const sealed = (cause: unknown): StorageError =>
  new StorageError(
    'unavailable',
    'The secret of this storage does not open: it must be set again.',
    {
      cause,
    },
  )

/** The storages in use: one driver for each, or one for each repository where objects are locked for its freeze. */
export class OpenedStorages {
  readonly #deps: StoragesDeps
  readonly #configurations = new Map<string, Promise<Configuration>>()
  readonly #shared = new WeakMap<Configuration, RepositoryStorage>()
  readonly #drivers = new Set<RepositoryStorage>()

  constructor(deps: StoragesDeps) {
    this.#deps = deps
  }

  /** See OpenStorageOf. */
  readonly openStorageOf: OpenStorageOf = async (storage, freezeDays) => {
    if (storage === null) return this.#deps.disk
    if ((await findStorageRow(this.#deps.db, storage)) === undefined)
      throw new ProblemError('not_found', 'There is no such storage.')
    let own: { configuration: Configuration; driver: RepositoryStorage } | undefined
    return followingStorage(async () => {
      const configuration = await this.#configuration(storage)
      const { settings } = configuration
      if (settings.kind !== 's3' || !settings.objectLock) return this.#driver(configuration)
      if (own?.configuration !== configuration)
        own = { configuration, driver: this.#opened(configuration, freezeDays) }
      return own.driver
    })
  }

  /** It was changed or removed: whatever begins from now on is of the new one, what is under way ends as it began. */
  changed(storage: string): void {
    this.#configurations.delete(storage)
  }

  async close(): Promise<void> {
    for (const driver of this.#drivers) await driver.close()
  }

  #driver(configuration: Configuration): RepositoryStorage {
    const shared = this.#shared.get(configuration)
    if (shared !== undefined) return shared
    const driver = this.#opened(configuration, () => 0)
    this.#shared.set(configuration, driver)
    return driver
  }

  #opened({ settings, secret }: Configuration, lockDays: () => number): RepositoryStorage {
    const driver = openDriver(settings, secret, { tuning: this.#deps.tuning, lockDays })
    this.#drivers.add(driver)
    return driver
  }

  #configuration(storage: string): Promise<Configuration> {
    const known = this.#configurations.get(storage)
    if (known !== undefined) return known
    const read = this.#read(storage)
    this.#configurations.set(storage, read)
    read.catch(() => this.changed(storage))
    return read
  }

  async #read(storage: string): Promise<Configuration> {
    const { db, keys } = this.#deps
    const row = await findStorageRow(db, storage)
    if (row === undefined) throw gone()
    try {
      const secret = await openStorageSecret(keys, db, storage, row.sealedSecret)
      return { settings: row.settings, secret }
    } catch (error) {
      throw sealed(error)
    }
  }
}
