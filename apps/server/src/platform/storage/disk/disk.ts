import { join } from 'node:path'
import { DiskPace } from '../../disk/disk-pace.ts'
import { PieceReader } from '../../disk/file-pieces.ts'
import type { FileSystem } from '../../disk/file-system.ts'
import { type FolderSync, folderSync } from '../../disk/folder-sync.ts'
import { BatchSizes } from './batch-sizes.ts'
import { DurableFolders } from './durable-folders.ts'
import { FolderIndexes } from './folder-indexes.ts'
import { ListFiles } from './list-file.ts'
import { Room } from './room.ts'
import { Turns } from './turns.ts'

/** Folders kept open for their fsyncs: those of two busy repositories. */
const openFolders = 600
/** A batch takes a tenth of it while the system has memory for its bytes. */
const slowWriteMs = 10
/** Small enough to be still in the processor's cache when they are sent. */
const pieceBytes = 256 * 1024
/** A spinning disk takes longer for each piece, and several readers at once are better served by its own order. */
const slowReadMs = 3

export type DiskOptions = {
  readonly folder: string
  readonly fs: FileSystem
  readonly reserveBytes: number
  readonly indexCacheBytes: number
  readonly now: () => number
  /** See DiskStorageOptions. */
  readonly boot: string | undefined
}

/** What all repositories of one folder share. */
export type Disk = {
  readonly root: string
  readonly fs: FileSystem
  readonly folders: FolderSync
  readonly durable: DurableFolders
  readonly pieces: PieceReader
  readonly indexes: FolderIndexes
  readonly room: Room
  /** What is done with one name under which an object is or will be. */
  readonly turns: Turns
  /** Paths of the temporary files being written. */
  readonly temporaries: Set<string>
  readonly batches: BatchSizes
  readonly writePace: DiskPace
}

export const makeDisk = (options: DiskOptions): Disk => {
  const { folder, fs, reserveBytes, indexCacheBytes: limitBytes, now, boot } = options
  const folders = folderSync(fs, { limit: openFolders, shared: true })
  const temporaries = new Set<string>()
  const room = new Room(fs, folder, reserveBytes)
  const checkRoom = (sizeBytes: number): void => room.check(sizeBytes)
  return {
    root: folder,
    fs,
    folders,
    durable: new DurableFolders(fs, folders, folder),
    pieces: new PieceReader(fs, { pieceBytes, pace: new DiskPace(slowReadMs) }),
    indexes: new FolderIndexes({
      fs,
      now,
      limitBytes,
      isInUse: (at, name) => temporaries.has(join(at, name)),
      files: boot === undefined ? undefined : new ListFiles({ fs, boot, limitBytes, checkRoom }),
    }),
    room,
    turns: new Turns(),
    temporaries,
    batches: new BatchSizes(),
    writePace: new DiskPace(slowWriteMs),
  }
}
