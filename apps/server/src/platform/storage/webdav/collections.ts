import { StorageError } from '../storage.ts'
import type { WebDavClient } from './webdav-client.ts'

/** Remembers which collections are there, so that only the first object of each asks for it. Paths end with a slash. */
export class Collections {
  readonly #client: WebDavClient
  readonly #known = new Map<string, Promise<void>>()

  constructor(client: WebDavClient) {
    this.#client = client
  }

  /** Makes a collection with all above it, below the storage's own folder. @throws StorageError */
  ensure(path: string): Promise<void> {
    const known = this.#known.get(path)
    if (known !== undefined) return known
    const made = this.#make(path)
    this.#known.set(path, made)
    made.catch(() => this.#known.delete(path))
    return made
  }

  /** Something went wrong in it: perhaps somebody removed it. */
  forget(path: string): void {
    for (const known of this.#known.keys())
      if (known.startsWith(path) || path.startsWith(known)) this.#known.delete(known)
  }

  async #make(path: string): Promise<void> {
    if (await this.#client.makeCollection(path)) return
    const above = path.slice(0, path.lastIndexOf('/', path.length - 2) + 1)
    if (above === '')
      throw new StorageError('unavailable', 'The folder of the storage is not there.')
    await this.ensure(above)
    if (!(await this.#client.makeCollection(path)))
      throw new StorageError('unavailable', 'The storage does not make folders.')
  }
}
