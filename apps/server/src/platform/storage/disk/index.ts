import { join, resolve } from 'node:path'
import { type FileSystem, groupFileSystem, nodeFileSystem } from '../../disk/file-system.ts'
import { type RepositoryStorage } from '../storage.ts'
import { destroyRepository } from './destroy.ts'
import { makeDisk } from './disk.ts'
import { asStorageErrors, asStorageErrorsSync } from './disk-errors.ts'
import { DiskRepository } from './disk-repository.ts'
import { bootOfMachine } from './list-file.ts'

export type DiskStorageOptions = {
  /** Absolute; made, with its parents, where it is missing. Repositories are folders in it, or it is one itself. */
  readonly folder: string
  readonly fs?: FileSystem
  /** Folders 0770 and files 0660 instead of 0700 and 0600. */
  readonly groupAccess?: boolean
  /** Left free on the disk for others, the database for one. */
  readonly reserveBytes?: number
  /** Memory for what is remembered of folders. */
  readonly indexCacheBytes?: number
  /**
   * Of this start of the machine. What was written down under another is not believed; undefined: nothing is written down.
   * By default the kernel's.
   */
  readonly boot?: string | undefined
  /** The time of the disk in ms since 1970, to compare its files' times with. */
  readonly now?: () => number
}

/** Some 480,000 objects. */
const standardIndexCacheBytes = 48 * 1024 * 1024

/**
 * Repositories in a folder, in rest-server's layout. What is there is not looked at before it is asked for; another
 * process may work on the same folder.
 */
export const openDiskStorage = (options: DiskStorageOptions): RepositoryStorage => {
  const root = resolve(options.folder)
  const fs = options.fs ?? (options.groupAccess ? groupFileSystem : nodeFileSystem)
  const disk = makeDisk({
    folder: root,
    fs,
    reserveBytes: options.reserveBytes ?? 0,
    indexCacheBytes: options.indexCacheBytes ?? standardIndexCacheBytes,
    now: options.now ?? Date.now,
    boot: 'boot' in options ? options.boot : bootOfMachine(),
  })
  return {
    open: (folder) => new DiskRepository(disk, join(root, ...folder)),
    destroy: (folder) => asStorageErrors(() => destroyRepository(disk, join(root, ...folder))),
    freeBytes: () => asStorageErrorsSync(() => disk.room.freeBytes()),
    close: async () => {
      await disk.turns.idle()
      await disk.indexes.close()
      disk.folders.close()
    },
  }
}
