import * as contract from '@hearthold/contract'
import { bind, type Http } from '#platform/http/index.ts'
import type { OpenStorageOf } from './storage-opening.ts'
import type { StoragesDeps } from './storages-deps.ts'
import { OpenedStorages } from './storages-opened.ts'
import { type StoragesService, storagesService } from './storages-service.ts'

export type { StoragesDeps } from './storages-deps.ts'
export type { StorageTables } from './storages-tables.ts'

/** Where repositories may lie, as the rest of the server knows it. */
export type Storages = {
  readonly openStorageOf: OpenStorageOf
  /** Binds the endpoints of contract/storages. */
  bind(http: Http): void
  /** Closes the connections to all storages, after the last request. */
  close(): Promise<void>
}

const bindStorages = (http: Http, service: StoragesService): void => {
  bind(http, contract.listStorageChoices, () => service.choices())
  bind(http, contract.listStorages, () => service.list())
  bind(http, contract.createStorage, ({ session, body }) => service.create(session, body))
  bind(http, contract.updateStorage, ({ session, params, body }) =>
    service.update(session, params.storage, body),
  )
  bind(http, contract.testStorage, ({ params }) => service.test(params.storage))
  bind(http, contract.removeStorage, ({ session, params }) =>
    service.remove(session, params.storage),
  )
}

/** Makes the part of the feature that knows storages; its migrations must have run. Nothing is sent. */
export const createStorages = (deps: StoragesDeps): Storages => {
  const opened = new OpenedStorages(deps)
  const service = storagesService(deps, (storage) => opened.changed(storage))
  return {
    openStorageOf: opened.openStorageOf,
    bind: (http) => bindStorages(http, service),
    close: () => opened.close(),
  }
}
