import { dirname } from 'node:path'
import { asDiskProblems, asDiskProblemsSync } from './disk-errors.ts'
import { DirectWriters } from '../disk/direct-writer.ts'
import { DiskPace } from '../disk/disk-pace.ts'
import { type FileSystem, nodeFileSystem } from '../disk/file-system.ts'
import { folderSync } from '../disk/folder-sync.ts'
import { folderNames, objectNames, objectOfName, uploadOfName } from './object-names.ts'
import { PutMany, type SmallObject } from './put-many.ts'
import { ObjectReader, type OpenObject } from './read-objects.ts'
import { Uploads } from './uploads.ts'

/**
 * Immutable sealed objects by id (32 hex digits). What it has acknowledged is there byte for byte after any crash;
 * what it has not is either whole or not there. It never overwrites, and knows neither owners nor quotas.
 */
export type ObjectStore = {
  /** Objects sent over many requests. */
  readonly uploads: Pick<Uploads, 'begin' | 'progress' | 'write' | 'finish' | 'remove' | 'isBusy'>
  /** Many small objects at once, all durable or none there; answers their SHA-256 in hex. See PutMany.put. */
  putMany(objects: readonly SmallObject[]): Promise<string[]>
  /** Undefined if it is not stored. */
  open(object: string): OpenObject | undefined
  /** Whole small objects in the order asked, undefined for those not stored. */
  readMany(objects: readonly string[]): Promise<(Uint8Array | undefined)[]>
  /** SHA-256 of the bytes as they are on the disk, 64 hex digits; undefined if it is not stored. */
  hash(object: string): Promise<string | undefined>
  /** Size in bytes and time of writing (ms since 1970), undefined if it is not stored. */
  stat(object: string): { sizeBytes: number; modifiedAt: number } | undefined
  /** Removes objects that nothing refers to any more. After a crash some may be back, for `list` to find. */
  remove(objects: readonly string[]): Promise<void>
  /** All stored ids, one folder (a 256th) at a time: for scrubbing, and for finding what no row knows. */
  list(): AsyncIterable<string[]>
  /** Removes the files of uploads that are neither `isKnown` nor being written. @returns how many files */
  sweepUploads(isKnown: (upload: string) => boolean): Promise<number>
  /** What may still be stored, after the reserve and what the uploads under way will need. */
  freeBytes(): number
  /** Ends what is being received and waits for it. */
  close(): Promise<void>
}

/** Left free for the database, which must be able to delete and to answer. */
export const defaultReserveBytes = 128 * 1024 * 1024

/** A write takes a hundredth of it while the system has memory for its bytes. */
const standardSlowWriteMs = 10

/**
 * Opens the disk driver in `folder`, and makes the folder and its 256 parts (0700).
 * @throws ProblemError `disk_full` or `unavailable`, or what else the disk says
 */
export const openObjectStore = async (options: {
  folder: string
  fs?: FileSystem
  reserveBytes?: number
  /** A write that takes longer has waited for the disk; after a few of them uploads are written in threads. */
  slowWriteMs?: number
  /** With so much to come an upload is written past the page cache, where the disk can. */
  directFromBytes?: number
}): Promise<ObjectStore> => {
  const { folder, fs = nodeFileSystem, reserveBytes = defaultReserveBytes } = options
  const pace = new DiskPace(options.slowWriteMs ?? standardSlowWriteMs)
  const names = objectNames(folder)
  await asDiskProblems(() => makeFolders(fs, folder))
  const folders = folderSync(fs)
  const freeOnDisk = (): number => {
    return asDiskProblemsSync(() => fs.freeBytesSync(folder)) - reserveBytes
  }
  const direct = new DirectWriters(fs, options.directFromBytes)
  const uploads = new Uploads({ fs, names, folders, pace, direct }, freeOnDisk)
  const freeBytes = (): number => freeOnDisk() - uploads.pendingBytes()
  const small = new PutMany({ fs, names, folders, freeBytes })
  const reader = new ObjectReader(fs, names)

  return {
    uploads,
    putMany: (objects) => small.put(objects),
    open: (object) => reader.open(object),
    readMany: (objects) => reader.readMany(objects),
    hash: (object) => reader.hash(object),
    stat: (object) => asDiskProblemsSync(() => fs.statSync(names.object(object))),
    remove: (objects) =>
      asDiskProblems(() =>
        removeObjects(
          fs,
          objects.map((object) => names.object(object)),
        ),
      ),
    list: () => listObjects(fs, folder),
    sweepUploads: (isKnown) =>
      asDiskProblems(() =>
        sweepParts(
          fs,
          folder,
          (upload) => isKnown(upload) || uploads.isActive(upload) || small.isActive(upload),
        ),
      ),
    freeBytes,
    close: async () => {
      await uploads.close()
      folders.close()
    },
  }
}

/** All at the first start: an object's folder must not be younger than the object. */
const makeFolders = async (fs: FileSystem, folder: string): Promise<void> => {
  fs.makeFolderSync(folder)
  const present = new Set(await fs.list(folder))
  for (const name of folderNames) if (!present.has(name)) fs.makeFolderSync(`${folder}/${name}`)
  await syncFolder(fs, folder)
  await syncFolder(fs, dirname(folder))
}

const syncFolder = async (fs: FileSystem, path: string): Promise<void> => {
  const file = fs.openSync(path, 'r')
  try {
    await fs.fsync(file)
  } finally {
    fs.closeSync(file)
  }
}

const removeObjects = async (fs: FileSystem, paths: readonly string[]): Promise<void> => {
  for (const [index, path] of paths.entries()) {
    fs.removeSync(path)
    if (index % 32 === 31) await new Promise((resolve) => setImmediate(resolve))
  }
}

async function* listObjects(fs: FileSystem, folder: string): AsyncGenerator<string[]> {
  for (const name of folderNames) {
    const files = await fs.list(`${folder}/${name}`)
    yield files.map(objectOfName).filter((id) => id !== undefined)
  }
}

const sweepParts = async (
  fs: FileSystem,
  folder: string,
  isKept: (upload: string) => boolean,
): Promise<number> => {
  let removed = 0
  for (const name of folderNames)
    for (const file of await fs.list(`${folder}/${name}`)) {
      const upload = uploadOfName(file)?.upload
      if (upload === undefined || isKept(upload)) continue
      if (fs.removeSync(`${folder}/${name}/${file}`)) removed += 1
    }
  return removed
}
