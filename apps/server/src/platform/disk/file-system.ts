import * as nodeFs from 'node:fs'
import { dirname } from 'node:path'

export type FileStat = {
  readonly sizeBytes: number
  /** Milliseconds since 1970, as are all times here. */
  readonly modifiedAt: number
  /** When name, content or rights changed last; nobody can set it back. */
  readonly changedAt: number
  readonly inode: number
}

/**
 * All that a store asks of a disk, so that a simulated one can stand under it (test/crash). Errors carry
 * `code` as Node's do. Metadata calls are synchronous, being cheaper than a trip to the thread pool; whatever may wait
 * for the disk is not.
 */
export type FileSystem = {
  /** `wx` creates and fails if it exists, `w` creates or empties, `r` also opens folders. New files get mode 0600. */
  openSync(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): number
  /**
   * Opens a file, which is open for writing as `file`, once more for writes past the page cache: those begin and end at
   * multiples of 4 KiB, in memory and in the file. Undefined where its disk is none for that; absent where no disk is.
   */
  openDirectSync?(path: string, file: number): number | undefined
  closeSync(file: number): void
  fstatSync(file: number): FileStat
  /** Undefined if there is nothing of that name. */
  statSync(path: string): FileStat | undefined
  renameSync(from: string, to: string): void
  /** A second name for a file; fails with EEXIST if the name is taken. Some file systems have no such thing. */
  linkSync(from: string, to: string): void
  /** True if there was a file of that name. */
  removeSync(path: string): boolean
  /** With mode 0700. Nothing happens if it exists. */
  makeFolderSync(path: string): void
  /** True if it was there; fails with ENOTEMPTY if something is in it. */
  removeFolderSync(path: string): boolean
  /** Undefined if there is no such folder. */
  listSync(folder: string): string[] | undefined
  truncateSync(file: number, sizeBytes: number): void
  /** May answer fewer bytes than asked, 0 at the end. */
  readSync(file: number, bytes: Uint8Array, position: number): number
  /** May answer fewer bytes than given. */
  writeSync(file: number, bytes: Uint8Array, position: number): number
  read(file: number, bytes: Uint8Array, position: number): Promise<number>
  /** May answer fewer bytes than given. */
  writev(file: number, parts: readonly Uint8Array[], position: number): Promise<number>
  fsync(file: number): Promise<void>
  list(folder: string): Promise<string[]>
  /** What this user may still write to the disk of `path`. */
  freeBytesSync(path: string): number
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

const statOf = ({ size, mtimeMs, ctimeMs, ino }: nodeFs.Stats): FileStat => ({
  sizeBytes: size,
  modifiedAt: mtimeMs,
  changedAt: ctimeMs,
  inode: ino,
})

/** True for what was there, false for what was missing. */
const wasThere = (work: () => void): boolean => {
  try {
    work()
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/**
 * ext4, where writing past the page cache was measured, and XFS, which is made for it. Others send each such write
 * over a network, or go through the cache all the same.
 */
const directFileSystems: ReadonlySet<number> = new Set([0xef53, 0x58465342])

const openDirectSync = (path: string, file: number): number | undefined => {
  // Only Linux has it.
  const { O_DIRECT, O_WRONLY, O_NOFOLLOW } = nodeFs.constants
  if (O_DIRECT === undefined) return undefined
  let direct: number | undefined
  try {
    if (!directFileSystems.has(nodeFs.statfsSync(path).type)) return undefined
    direct = nodeFs.openSync(path, O_WRONLY | O_DIRECT | O_NOFOLLOW)
    const [one, other] = [nodeFs.fstatSync(file), nodeFs.fstatSync(direct)]
    if (one.dev === other.dev && one.ino === other.ino) return direct
  } catch {
    // Whatever it is, the usual way does without it or tells it better.
  }
  if (direct !== undefined) nodeFs.closeSync(direct)
  return undefined
}

/** The machine's own disk. */
export const nodeFileSystem: FileSystem = {
  openSync: (path, flags) => nodeFs.openSync(path, flags, 0o600),
  openDirectSync,
  closeSync: (file) => nodeFs.closeSync(file),
  fstatSync: (file) => statOf(nodeFs.fstatSync(file)),
  statSync: (path) => {
    const stat = nodeFs.statSync(path, { throwIfNoEntry: false })
    return stat && statOf(stat)
  },
  renameSync: (from, to) => nodeFs.renameSync(from, to),
  linkSync: (from, to) => nodeFs.linkSync(from, to),
  removeSync: (path) => wasThere(() => nodeFs.unlinkSync(path)),
  makeFolderSync: (path) => {
    nodeFs.mkdirSync(path, { recursive: true, mode: 0o700 })
  },
  removeFolderSync: (path) => wasThere(() => nodeFs.rmdirSync(path)),
  listSync: (folder) => {
    try {
      return nodeFs.readdirSync(folder)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  truncateSync: (file, sizeBytes) => nodeFs.ftruncateSync(file, sizeBytes),
  readSync: (file, bytes, position) => nodeFs.readSync(file, bytes, 0, bytes.length, position),
  writeSync: (file, bytes, position) => nodeFs.writeSync(file, bytes, 0, bytes.length, position),
  read: (file, bytes, position) =>
    new Promise((resolve, reject) => {
      nodeFs.read(file, bytes, 0, bytes.length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      )
    }),
  writev: (file, parts, position) =>
    new Promise((resolve, reject) => {
      nodeFs.writev(file, parts, position, (error, count) =>
        error ? reject(error) : resolve(count),
      )
    }),
  fsync: (file) =>
    new Promise((resolve, reject) => {
      nodeFs.fsync(file, (error) => (error ? reject(error) : resolve()))
    }),
  list: (folder) => nodeFs.promises.readdir(folder),
  freeBytesSync: (path) => {
    const { bavail, bsize } = nodeFs.statfsSync(path)
    return bavail * bsize
  },
}

/**
 * The same with folders of mode 0770 and files of 0660, whatever the umask: for folders that several users serve. A
 * folder's setgid bit, by which new files get its group, stays.
 */
export const groupFileSystem: FileSystem = {
  ...nodeFileSystem,
  openSync: (path, flags) => {
    const file = nodeFs.openSync(path, flags, 0o660)
    if (flags === 'wx') nodeFs.fchmodSync(file, 0o660)
    return file
  },
  makeFolderSync: (path) => {
    const made = nodeFs.mkdirSync(path, { recursive: true, mode: 0o770 })
    if (made === undefined) return
    for (let folder = path; folder.length >= made.length; folder = dirname(folder))
      nodeFs.chmodSync(folder, (nodeFs.statSync(folder).mode & 0o7000) | 0o770)
  },
}

/** Writes all of `parts`, however few the disk takes at a time. */
export const writeFully = async (
  fs: FileSystem,
  file: number,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> => {
  let left = parts
  let at = position
  while (left.length > 0) {
    const written = await fs.writev(file, left, at)
    if (written === 0) throw Object.assign(new Error('The disk took no byte'), { code: 'EIO' })
    at += written
    left = without(left, written)
  }
}

/** The same at once, for small files. */
export const writeFullySync = (
  fs: FileSystem,
  file: number,
  bytes: Uint8Array,
  position: number,
): void => {
  for (let done = 0; done < bytes.length;) {
    const written = fs.writeSync(file, bytes.subarray(done), position + done)
    if (written === 0) throw Object.assign(new Error('The disk took no byte'), { code: 'EIO' })
    done += written
  }
}

/** Fills `bytes` from `position` on; answers how many there were. */
export const readFullySync = (
  fs: FileSystem,
  file: number,
  bytes: Uint8Array,
  position: number,
): number => {
  let done = 0
  while (done < bytes.length) {
    const count = fs.readSync(file, bytes.subarray(done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

const without = (parts: readonly Uint8Array[], count: number): readonly Uint8Array[] => {
  let skip = count
  for (const [index, part] of parts.entries()) {
    if (skip < part.length) return [part.subarray(skip), ...parts.slice(index + 1)]
    skip -= part.length
  }
  return []
}
