import {
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { FileWriter, ItemAttributes } from '@hearthold/member'
import { BatchedWrites, writeTo } from './batched-writes.ts'
import { type DiskPace, openDirect } from './direct-file.ts'
import { errorCode } from './disk-reasons.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
const newFile = O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0)

/** What goes wrong with a name that is taken. */
export class TakenError extends Error {
  constructor(kind: 'file' | 'folder' | 'own') {
    super(
      {
        file: 'It is there already; --force replaces it.',
        folder: 'A folder stands in its place.',
        own: 'Two items of the share get the same name on this disk.',
      }[kind],
    )
    this.name = 'TakenError'
  }
}

/** Temporary files of one run: whatever ends it, none is left behind. */
export type Unfinished = {
  create(target: string): { readonly path: string; readonly file: number }
  /** Its name is no longer in use. */
  done(path: string): void
  removeAll(): void
}

export const createUnfinished = (): Unfinished => {
  const paths = new Set<string>()
  const removeAll = () => {
    for (const path of paths) rmSync(path, { force: true })
    paths.clear()
  }
  return {
    create: (target) => {
      const path = join(dirname(target), `.hearthold-${randomBytes(8).toString('hex')}.part`)
      // Private until it is whole: its mode comes last.
      const file = openSync(path, newFile, 0o600)
      paths.add(path)
      return { path, file }
    },
    done: (path) => void paths.delete(path),
    removeAll,
  }
}

/** How finished files get their names. */
export type Placing = {
  readonly unfinished: Unfinished
  readonly force: boolean
  /** Files that this run has made: these are never replaced, also where a disk takes two names for one. */
  readonly made: Set<string>
  /** Of the disk that all of them are on. */
  readonly pace?: DiskPace
}

const identityOf = ({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string => `${dev}:${ino}`

/** Throws TakenError where `target` must not be replaced. */
export const checkReplaceable = (target: string, { force, made }: Placing): void => {
  const there = lstatSync(target, { throwIfNoEntry: false })
  if (!there) return
  if (there.isDirectory()) throw new TakenError('folder')
  if (!force) throw new TakenError('file')
  if (made.has(identityOf(there))) throw new TakenError('own')
}

/** Gives a finished file its name. Without `force` by a link, which fails where the name is taken, also since the check. */
const nameFile = (from: string, target: string, placing: Placing): void => {
  if (placing.force) {
    checkReplaceable(target, placing)
    placing.made.add(identityOf(lstatSync(from)))
    renameSync(from, target)
    return
  }
  try {
    linkSync(from, target)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      checkReplaceable(target, placing)
      throw error
    }
    // Disks without hard links: then the check is all there is.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes(errorCode(error) ?? ''))
      throw error
    checkReplaceable(target, placing)
    renameSync(from, target)
    return
  }
  rmSync(from)
}

/** Never set-user-id and the like: a share cannot hand out rights. Without a mode, what the user's mask leaves. */
const modeOf = (mode: number | undefined): number =>
  mode === undefined ? 0o666 & ~process.umask() : mode & 0o777

const dress = (file: number, { mode, modifiedAt }: ItemAttributes): void => {
  fchmodSync(file, modeOf(mode))
  if (modifiedAt !== undefined) futimesSync(file, Date.now() / 1000, modifiedAt / 1000)
}

/** Writes a file that is in memory: under a temporary name, then all its attributes, then its name. */
export const writeWhole = (
  target: string,
  bytes: Uint8Array,
  attributes: ItemAttributes,
  placing: Placing,
): void => {
  const { unfinished } = placing
  const { path, file } = unfinished.create(target)
  try {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
      dress(file, attributes)
    } finally {
      closeSync(file)
    }
    nameFile(path, target, placing)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    unfinished.done(path)
  }
}

/** Writes a file piece by piece, in batches. `size` is what is expected; the file is as long as what was written. */
export const createFileWriter = (
  target: string,
  attributes: ItemAttributes & { readonly size?: number },
  placing: Placing,
): FileWriter => {
  const { path, file } = placing.unfinished.create(target)
  const direct = placing.pace?.isSlow ? undefined : openDirect(path, file, attributes.size ?? 0)
  const writes = new BatchedWrites(
    writeTo(file),
    direct === undefined ? undefined : writeTo(direct),
    placing.pace,
  )
  let closed = false
  const end = () => {
    if (closed) return
    closed = true
    if (direct !== undefined) closeSync(direct)
    closeSync(file)
  }
  const remove = () => {
    rmSync(path, { force: true })
    placing.unfinished.done(path)
  }
  return {
    write: (bytes) => writes.add(bytes),
    close: async () => {
      await writes.flush()
      if (direct !== undefined && writes.sizeBytes !== attributes.size)
        ftruncateSync(file, writes.sizeBytes)
      dress(file, attributes)
      end()
      nameFile(path, target, placing)
      placing.unfinished.done(path)
    },
    abort: async () => {
      await writes.settle()
      end()
      remove()
    },
  }
}
