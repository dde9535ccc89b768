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
import type { FileWriter, ItemAttributes, TreeSink } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { printable } from '../output/text.ts'
import { DiskPace } from './direct-file.ts'
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

const parentOf = (path: string): string => {
  const at = path.lastIndexOf('/')
  return at === -1 ? '' : path.slice(0, at)
}

/**
 * Writes a tree into a folder of the disk. Files appear under their names only whole, with time and mode. Nothing is
 * ever written through a link below the folder, whoever made it, and nothing is replaced without `force`.
 * Always call `end`.
 */
export class DiskSink implements TreeSink {
  /** How many items were refused because something has their name. */
  taken = 0
  readonly #base: string
  readonly #placing: Placing
  readonly #unfinished = createUnfinished()
  readonly #stop = new AbortController()
  readonly #folders: Map<string, Folder>

  /** `destination` is made where it is missing. Throws `CliError` where it is no folder. */
  constructor(destination: string, force: boolean) {
    this.#base = openDestination(destination)
    const pace = new DiskPace()
    this.#placing = { unfinished: this.#unfinished, force, made: new Set(), pace }
    this.#folders = new Map([['', { identity: identityOf(this.#base), isNew: false }]])
    // A second Ctrl-C ends the process at once.
    process.once('exit', this.#unfinished.removeAll)
  }

  /** Aborts when the disk itself has failed; the reason is what to tell. */
  get failed(): AbortSignal {
    return this.#stop.signal
  }

  /** Removes what was not finished. */
  end(): void {
    process.off('exit', this.#unfinished.removeAll)
    this.#unfinished.removeAll()
  }

  async folder(path: string): Promise<void> {
    this.#guarded(() => this.#makeFolder(path))
  }

  async folderDone(path: string, attributes: ItemAttributes): Promise<void> {
    this.#guarded(() => {
      if (!this.#folders.get(path)?.isNew) return
      const place = join(this.#base, path)
      setFolderTimes(place, attributes)
      if (attributes.mode === undefined) chmodSync(place, 0o777 & ~process.umask())
    })
  }

  async link(path: string, target: string, attributes: ItemAttributes): Promise<void> {
    this.#guarded(() => placeLink(target, this.#placeOf(path), attributes, this.#placing))
  }

  async wholeFile(path: string, bytes: Uint8Array, attributes: ItemAttributes): Promise<void> {
    this.#guarded(() => writeWhole(this.#placeOf(path), bytes, attributes, this.#placing))
  }

  async file(
    path: string,
    attributes: ItemAttributes & { readonly size?: number },
  ): Promise<FileWriter> {
    const writer = this.#guarded(() => {
      const place = this.#placeOf(path)
      checkReplaceable(place, this.#placing)
      return createFileWriter(place, attributes, this.#placing)
    })
    return {
      write: (bytes) => this.#told(writer.write(bytes)),
      close: () => this.#told(writer.close()),
      abort: () => writer.abort(),
    }
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.#translated(error)
    }
  }

  async #told(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      throw this.#translated(error)
    }
  }

  #translated(error: unknown): Error {
    if (error instanceof TakenError) {
      this.taken++
      return error
    }
    const reason = diskReason(error)
    if (fatalCodes.includes(errorCode(error) ?? '')) {
      const advice = 'Files that are whole were kept; make room and run the command again.'
      const options = { cause: error }
      this.#stop.abort(
        new CliError('failure', `${reason} Not everything was written.`, advice, options),
      )
    }
    return new Error(reason, { cause: error })
  }

  /** The place of a path on the disk. Its folder must still be the very one that was made or found. */
  #placeOf(path: string): string {
    const parent = parentOf(path)
    const folder = this.#folders.get(parent)
    if (!folder) throw new Error('Its folder could not be made.')
    if (identityOf(join(this.#base, parent)) !== folder.identity)
      throw new Error('Its folder was replaced meanwhile.')
    return join(this.#base, path)
  }

  #makeFolder(path: string): void {
    const place = this.#placeOf(path)
    let isNew = true
    try {
      // Open to its owner alone until all is in it.
      mkdirSync(place, { mode: 0o700 })
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      isNew = false
    }
    this.#folders.set(path, { identity: identityOf(place), isNew })
  }
}
