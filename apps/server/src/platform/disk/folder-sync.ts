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
type Folder = { readonly file: number; running: boolean; failures: number; waiting: Waiter[] }

/**
 * One fsync of a folder at a time, shared by all who wait for it. Sharing matters for more than speed: the kernel
 * reports a failed write once per open folder, and forgets what it could not write. So whoever changed a name before a
 * failed fsync ended must fail too, even if the next fsync succeeds.
 */
export const folderSync = (fs: FileSystem): FolderSync => {
  const folders = new Map<string, Folder>()
  let closed = false

  const opened = (path: string): Folder => {
    if (closed) throw new Error('The object store is closed')
    const found = folders.get(path)
    if (found) return found
    const folder: Folder = {
      file: fs.openSync(path, 'r'),
      running: false,
      failures: 0,
      waiting: [],
    }
    folders.set(path, folder)
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
    if (closed) tryEach(() => fs.closeSync(folder.file))
  }

  return {
    changing: (path) => {
      const folder = opened(path)
      const { failures } = folder
      return async () => {
        if (folder.failures !== failures || closed) throw lostNames()
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
