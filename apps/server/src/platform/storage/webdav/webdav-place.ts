import type { KeyedLock } from '../remote/keyed-lock.ts'
import type { Collections } from './collections.ts'
import type { WebDavClient } from './webdav-client.ts'

/** What the parts of one repository share. */
export type WebDavPlace = {
  readonly client: WebDavClient
  /** The repository's collection with a slash at its end, below the storage's folder. */
  readonly root: string
  readonly collections: Collections
  readonly locks: KeyedLock
  /** Ms since 1970. */
  readonly now: () => number
}

/** The collection of a path, with a slash at its end. */
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1)
