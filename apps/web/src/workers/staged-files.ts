/**
 * Downloads on their way to the disk, where no service worker can stream them: files that only this origin sees (OPFS).
 * They are plain, so they stay no longer than needed: each is removed by the page that made it, those that a crashed tab
 * left when the next one starts, and all of them when somebody signs out.
 */
import { heldLocks } from './account/locks.ts'

const folderName = 'staged-downloads'
/** Without Web Locks nobody can say what is still needed: what is older than this is not. */
const staleMs = 60 * 60 * 1000

/** Held by the page that still needs the file, for `heldLocks` and `holdLock`. */
export const stagedLock = (id: string): string => `staged/${id}`

/** The folder of staged files; undefined where there is none yet, or the browser has none. */
const findFolder = async (): Promise<FileSystemDirectoryHandle | undefined> => {
  try {
    const root = await navigator.storage.getDirectory()
    return await root.getDirectoryHandle(folderName)
  } catch {
    return undefined
  }
}

/** The folder to stage in. */
export const stagedFolder = async (): Promise<FileSystemDirectoryHandle> => {
  const root = await navigator.storage.getDirectory()
  return root.getDirectoryHandle(folderName, { create: true })
}

const isLeft = async (
  name: string,
  handle: FileSystemHandle,
  held: ReadonlySet<string>,
): Promise<boolean> => {
  if ('locks' in navigator) return !held.has(stagedLock(name))
  const { lastModified } = await (handle as FileSystemFileHandle).getFile()
  return Date.now() - lastModified > staleMs
}

/** Removes one staged file, if it is there. */
export const removeStaged = async (id: string): Promise<void> => {
  const folder = await findFolder()
  await folder?.removeEntry(id).catch(() => undefined)
}

/** Removes the files that no tab needs any more, or `all`. One that is being written refuses: its writer removes it. */
export const tidyStaged = async (which: 'left' | 'all'): Promise<void> => {
  const folder = await findFolder()
  if (!folder) return
  const held = await heldLocks()
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== 'file') continue
    const remove = which === 'all' || (await isLeft(name, handle, held))
    if (remove) await folder.removeEntry(name).catch(() => undefined)
  }
}
