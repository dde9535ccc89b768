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
export const folderSync = (
  fs: FileSystem,
  { limit = Number.POSITIVE_INFINITY, shared = false }: FolderSyncOptions = {},
): FolderSync => {
  const folders = new Map<string, Folder>()
  let closed = false

  const forget = (path: string, folder: Folder): void => {
    folders.delete(path)
    folder.forgotten = true
    if (!folder.running) tryEach(() => fs.closeSync(folder.file))
  }

  const evict = (): void => {
    for (const [path, folder] of folders) {
      if (folders.size <= limit) return
      if (!folder.running) forget(path, folder)
    }
  }

  const opened = (path: string): Folder => {
    if (closed) throw new Error('The store is closed')
    const found = folders.get(path)
    if (found && (!shared || fs.statSync(path)?.inode === found.inode)) {
      if (folders.size >= limit) {
        folders.delete(path)
        folders.set(path, found)
      }
      return found
    }
    if (found) forget(path, found)
    const file = fs.openSync(path, 'r')
    const inode = shared ? fs.fstatSync(file).inode : 0
    const folder = { file, inode, running: false, failures: 0, waiting: [], forgotten: false }
    folders.set(path, folder)
    evict()
    return folder
  }

  const run = async (folder: Folder): Promise<void> => {
    folder.running = true
    while (folder.waiting.length > 0) {
      const served = folder.waiting
      folder.waiting = []
      try {
        await fs.fsync(folder.file)
        for (const waiter of served) waiter.resolve()
      } catch (error) {
        folder.failures += 1
        const failed = [...served, ...folder.waiting]
        folder.waiting = []
        for (const waiter of failed) waiter.reject(error)
      }
    }
    folder.running = false
    if (closed || folder.forgotten) tryEach(() => fs.closeSync(folder.file))
  }

  return {
    changing: (path) => {
      const folder = opened(path)
      const { failures } = folder
      return async () => {
        const isGone = closed || (folder.forgotten && !folder.running)
        if (folder.failures !== failures || isGone) throw lostNames()
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        folder.waiting.push({ resolve, reject })
        if (!folder.running) void run(folder)
        await promise
      }
    },
    close: () => {
      closed = true
      for (const folder of folders.values()) if (!folder.running) fs.closeSync(folder.file)
      folders.clear()
    },
  }
}

const lostNames = (): Error =>
  Object.assign(new Error('A folder could not be written'), { code: 'EIO' })
