import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { ItemAttributes, TreeSink } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { printable } from '../output/text.ts'
import { diskReason, errorCode } from './disk-reasons.ts'
import {
  checkReplaceable,
  createFileWriter,
  createUnfinished,
  TakenError,
  writeWhole,
  type Placing,
} from './file-writer.ts'

/** Failures after which nothing else can succeed either. */
const fatalCodes: readonly string[] = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']

export type DiskSink = TreeSink & {
  /** Aborts when the disk itself has failed; the reason is what to tell. */
  readonly failed: AbortSignal
  /** How many items were refused because something has their name. */
  readonly taken: () => number
  /** Removes what was not finished. Always call it. */
  end(): void
}

/** The folder to write into, made where it is missing, its own links followed: they are the user's. */
const openDestination = (path: string): string => {
  try {
    mkdirSync(path, { recursive: true })
    const real = realpathSync(path)
    if (statSync(real).isDirectory()) return real
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOTDIR') throw error
  }
  throw new CliError(
    'conflict',
    `${printable(path)} is not a folder.`,
    'Name a folder to write into; it is made where it is missing.',
  )
}

const setFolderTimes = (path: string, { mode, modifiedAt }: ItemAttributes): void => {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants
  if (process.platform === 'win32') return
  const folder = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    if (modifiedAt !== undefined) futimesSync(folder, Date.now() / 1000, modifiedAt / 1000)
    if (mode !== undefined) fchmodSync(folder, mode & 0o777)
  } finally {
    closeSync(folder)
  }
}

/** A link comes into being whole; only where it replaces something it is made under another name first. */
const placeLink = (target: string, place: string, attributes: ItemAttributes, placing: Placing) => {
  checkReplaceable(place, placing)
  const replaces = lstatSync(place, { throwIfNoEntry: false }) !== undefined
  const made = replaces
    ? join(dirname(place), `.hearthold-${randomBytes(8).toString('hex')}.part`)
    : place
  symlinkSync(target, made)
  const { modifiedAt } = attributes
  if (modifiedAt !== undefined) lutimesSync(made, Date.now() / 1000, modifiedAt / 1000)
  if (!replaces) return
  try {
    renameSync(made, place)
  } catch (error) {
    rmSync(made, { force: true })
    throw error
  }
}

type Folder = { readonly identity: string; readonly isNew: boolean }

/** Throws where the path is no folder itself: a link to one is not. */
const identityOf = (place: string): string => {
  const there = lstatSync(place)
  if (there.isSymbolicLink()) throw new Error('A link stands in its place.')
  if (!there.isDirectory()) throw new Error('A file stands in its place.')
  return `${there.dev}:${there.ino}`
}

/**
 * Writes a tree into a folder of the disk. Files appear under their names only whole, with time and mode. Nothing is
 * ever written through a link below the folder, whoever made it, and nothing is replaced without `force`.
 */
export const createDiskSink = (destination: string, force: boolean): DiskSink => {
  const base = openDestination(destination)
  const stop = new AbortController()
  const unfinished = createUnfinished()
  const placing: Placing = { unfinished, force, made: new Set() }
  const folders = new Map<string, Folder>([['', { identity: identityOf(base), isNew: false }]])
  let taken = 0
  // A second Ctrl-C ends the process at once.
  process.once('exit', unfinished.removeAll)

  const guarded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw translate(error)
    }
  }
  const translate = (error: unknown): Error => {
    if (error instanceof TakenError) {
      taken++
      return error
    }
    const reason = diskReason(error)
    if (fatalCodes.includes(errorCode(error) ?? '')) {
      const advice = 'Files that are whole were kept; make room and run the command again.'
      stop.abort(
        new CliError('failure', `${reason} Not everything was written.`, advice, { cause: error }),
      )
    }
    return new Error(reason, { cause: error })
  }
  const parentOf = (path: string): string => {
    const at = path.lastIndexOf('/')
    return at === -1 ? '' : path.slice(0, at)
  }
  /** The place of a path on the disk. Its folder must still be the very one that was made or found. */
  const placeOf = (path: string): string => {
    const parent = parentOf(path)
    const folder = folders.get(parent)
    if (!folder) throw new Error('Its folder could not be made.')
    if (identityOf(join(base, parent)) !== folder.identity)
      throw new Error('Its folder was replaced meanwhile.')
    return join(base, path)
  }
  const makeFolder = (path: string): void => {
    const place = placeOf(path)
    let isNew = true
    try {
      // Open to its owner alone until all is in it.
      mkdirSync(place, { mode: 0o700 })
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      isNew = false
    }
    folders.set(path, { identity: identityOf(place), isNew })
  }
  return {
    failed: stop.signal,
    taken: () => taken,
    end: () => {
      process.off('exit', unfinished.removeAll)
      unfinished.removeAll()
    },
    folder: async (path) => guarded(() => makeFolder(path)),
    folderDone: async (path, attributes) =>
      guarded(() => {
        if (!folders.get(path)?.isNew) return
        const place = join(base, path)
        setFolderTimes(place, attributes)
        if (attributes.mode === undefined) chmodSync(place, 0o777 & ~process.umask())
      }),
    link: async (path, target, attributes) =>
      guarded(() => placeLink(target, placeOf(path), attributes, placing)),
    wholeFile: async (path, bytes, attributes) =>
      guarded(() => writeWhole(placeOf(path), bytes, attributes, placing)),
    file: async (path, attributes) => {
      const writer = guarded(() => {
        const place = placeOf(path)
        checkReplaceable(place, placing)
        return createFileWriter(place, attributes, placing)
      })
      const told = async (work: Promise<void>): Promise<void> => {
        try {
          await work
        } catch (error) {
          throw translate(error)
        }
      }
      return {
        write: (bytes) => told(writer.write(bytes)),
        close: () => told(writer.close()),
        abort: () => writer.abort(),
      }
    },
  }
}
