import { KeyedLock } from '../remote/keyed-lock.ts'
import type { RepositoryStorage } from '../storage.ts'
import { Collections } from './collections.ts'
import { WebDavClient } from './webdav-client.ts'
import type { WebDavOptions } from './webdav-options.ts'
import { webDavStore } from './webdav-store.ts'

export { type WebDavOptions, webDavUrl } from './webdav-options.ts'

/**
 * Repositories in a folder of any WebDAV server. Nothing is sent before it is used.
 * @throws StorageError for an address that `webDavUrl` refuses
 */
export const openWebDavStorage = (options: WebDavOptions): RepositoryStorage => {
  const client = new WebDavClient(options)
  const collections = new Collections(client)
  const locks = new KeyedLock()
  const now = options.now ?? Date.now
  const rootOf = (folder: readonly string[]): string => `${folder.join('/')}/`
  return {
    open: (folder) => webDavStore({ client, root: rootOf(folder), collections, locks, now }),
    destroy: async (folder) => {
      collections.forget(rootOf(folder))
      await client.remove(rootOf(folder))
    },
    freeBytes: () => undefined,
    close: async () => client.client.close(),
  }
}
