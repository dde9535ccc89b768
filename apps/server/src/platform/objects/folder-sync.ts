import type { FileSystem } from './file-system.ts'

export type FolderSync = {
  /** Answers when every name given to or taken from `folder` before this call is on the disk. */
  sync(folder: string): Promise<void>
  /** Closes the folders kept open; waiting syncs fail. */
  close(): void
}

type Waiter = { resolve(): void; reject(error: unknown): void }
type Folder = { file: number; running: boolean; waiting: Waiter[] }

/**
 * One fsync of a folder at a time, shared by all who wait for it. Sharing matters for more than speed: the kernel
 * reports a failed write once per open folder, so that of two fsyncs side by side only one would hear of it. When one
 * fails, those who came while it ran fail too, since their names may have been in what was lost.
 */
export const folderSync = (fs: FileSystem): FolderSync => {
  const folders = new Map<string, Folder>()
  let closed = false

  const opened = (path: string): Folder => {
    const found = folders.get(path)
    if (found) return found
    const folder: Folder = { file: fs.openSync(path, 'r'), running: false, waiting: [] }
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
        const failed = [...served, ...folder.waiting]
        folder.waiting = []
        for (const waiter of failed) waiter.reject(error)
      }
    }
    folder.running = false
    if (closed) fs.closeSync(folder.file)
  }

  return {
    sync: (path) =>
      new Promise((resolve, reject) => {
        if (closed) throw new Error('The object store is closed')
        const folder = opened(path)
        folder.waiting.push({ resolve, reject })
        if (!folder.running) void run(folder)
      }),
    close: () => {
      closed = true
      for (const folder of folders.values()) if (!folder.running) fs.closeSync(folder.file)
      folders.clear()
    },
  }
}
