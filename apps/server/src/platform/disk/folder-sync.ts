import { tryEach } from './try-each.ts'
import type { FileSystem } from './file-system.ts'

export type FolderSync = {
  /**
   * To be called before names in `folder` are changed.
   * @returns what answers when they are on the disk; to be called after the change
   */
  changing(folder: string): () => Promise<void>
  /** Closes the folders kept open; waiting syncs fail. */
  close(): void
}

type Waiter = { resolve: () => void; reject: (error: unknown) => void }
type Folder = {
  readonly file: number
  readonly inode: number
  running: boolean
  failures: number
  waiting: Waiter[]
  /** Nobody new joins: it is closed when its last sync ends. */
  forgotten: boolean
}

export type FolderSyncOptions = {
  /** Folders kept open; by default as many as are used. Those used longest ago are closed. */
  readonly limit?: number
  /** True where others may exchange a folder for another of that name: it is then looked at each time. */
  readonly shared?: boolean
}

/**
 * One fsync of a folder at a time, shared by all who wait for it. Sharing matters for more than speed: the kernel
 * reports a failed write once per open folder, and forgets what it could not write. So whoever changed a name before a
 * failed fsync ended must fail too, even if the next fsync succeeds.
 */
export const folderSync = (fs: FileSystem, options: FolderSyncOptions = {}): FolderSync =>
  new SharedSyncs(fs, options)

class SharedSyncs implements FolderSync {
  readonly #fs: FileSystem
  readonly #limit: number
  readonly #shared: boolean
  /** Those used longest ago first. */
  readonly #folders = new Map<string, Folder>()
  #closed = false

  constructor(fs: FileSystem, options: FolderSyncOptions) {
    this.#fs = fs
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY
    this.#shared = options.shared ?? false
  }

  changing(path: string): () => Promise<void> {
    const folder = this.#opened(path)
    const { failures } = folder
    return async () => {
      const isGone = this.#closed || (folder.forgotten && !folder.running)
      if (folder.failures !== failures || isGone) throw lostNames()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      folder.waiting.push({ resolve, reject })
      if (!folder.running) void this.#run(folder)
      await promise
    }
  }

  close(): void {
    this.#closed = true
    for (const folder of this.#folders.values())
      if (!folder.running) this.#fs.closeSync(folder.file)
    this.#folders.clear()
  }

  #opened(path: string): Folder {
    if (this.#closed) throw new Error('The store is closed')
    const found = this.#folders.get(path)
    const isSame = found && (!this.#shared || this.#fs.statSync(path)?.inode === found.inode)
    this.#folders.delete(path)
    if (found && isSame) {
      this.#folders.set(path, found)
      return found
    }
    if (found) this.#forget(found)
    const file = this.#fs.openSync(path, 'r')
    const inode = this.#shared ? this.#fs.fstatSync(file).inode : 0
    const folder = { file, inode, running: false, failures: 0, waiting: [], forgotten: false }
    this.#folders.set(path, folder)
    this.#evict()
    return folder
  }

  #evict(): void {
    for (const [path, folder] of this.#folders) {
      if (this.#folders.size <= this.#limit) return
      if (folder.running) continue
      this.#folders.delete(path)
      this.#forget(folder)
    }
  }

  #forget(folder: Folder): void {
    folder.forgotten = true
    if (!folder.running) tryEach(() => this.#fs.closeSync(folder.file))
  }

  async #run(folder: Folder): Promise<void> {
    folder.running = true
    while (folder.waiting.length > 0) {
      const served = folder.waiting
      folder.waiting = []
      try {
        await this.#fs.fsync(folder.file)
        for (const waiter of served) waiter.resolve()
      } catch (error) {
        folder.failures += 1
        const failed = [...served, ...folder.waiting]
        folder.waiting = []
        for (const waiter of failed) waiter.reject(error)
      }
    }
    folder.running = false
    if (this.#closed || folder.forgotten) tryEach(() => this.#fs.closeSync(folder.file))
  }
}

const lostNames = (): Error =>
  Object.assign(new Error('A folder could not be written'), { code: 'EIO' })
