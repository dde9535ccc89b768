import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  type Stats,
} from 'node:fs'
import type { ResticNode, ResticTime } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { errorCode } from '../disk/disk-reasons.ts'
import { TakenError } from '../disk/file-writer.ts'
import { printable } from '../output/text.ts'

/** A path as the bytes that the disk has: names of a snapshot need not be text. */
export type DiskPath = Buffer

/** A folder that was made or found, and by which its path is known to lead to it still. */
export type DiskFolder = {
  readonly path: DiskPath
  readonly identity: string
  readonly isNew: boolean
}

const slash = Buffer.from('/')
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

export const identityOf = ({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string => `${dev}:${ino}`

/** Owners are set by those alone who may; and rights that go with an owner (set-user-ID) only together with it. */
const isRoot = process.getuid?.() === 0

/** Sets the owner where that is possible: not every disk lets root do so. */
const own = (work: () => void): boolean => {
  if (!isRoot) return false
  try {
    work()
    return true
  } catch (error) {
    if (['EPERM', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCode(error) ?? ''))
      return false
    throw error
  }
}

/** Seconds, to about a microsecond: the system is given a number with a fraction. */
const seconds = ({ ms, ns }: ResticTime): number => ms / 1000 + ns / 1e9

const timesOf = ({ accessed, modified }: ResticNode): [number, number] | undefined =>
  modified ? [seconds(accessed ?? modified), seconds(modified)] : undefined

/** Gives an open file or folder owner, mode and times, in the order in which none undoes another. */
export const dress = (file: number, node: ResticNode): void => {
  const isOwned = own(() => fchownSync(file, node.uid, node.gid))
  fchmodSync(file, node.mode & (isOwned ? 0o7777 : 0o777))
  const times = timesOf(node)
  if (times) futimesSync(file, ...times)
}

/** The same for a folder, which must be the very one. */
export const dressFolder = ({ path, identity }: DiskFolder, node: ResticNode): void => {
  if (process.platform === 'win32') return
  const folder = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    if (identityOf(lstatSync(path)) !== identity) throw new Error('It was replaced meanwhile.')
    dress(folder, node)
  } finally {
    closeSync(folder)
  }
}

/** Throws where the path is no folder itself: a link to one is not. */
const openFolder = (path: DiskPath, isNew: boolean): DiskFolder => {
  const there = lstatSync(path)
  if (there.isSymbolicLink()) throw new Error('A link stands in its place.')
  if (!there.isDirectory()) throw new Error('A file stands in its place.')
  return { path, identity: identityOf(there), isNew }
}

/** The folder to restore into, made where it is missing; its own links are the user's. Throws `CliError`. */
export const openDestination = (path: string): DiskFolder => {
  try {
    mkdirSync(path, { recursive: true })
    return openFolder(Buffer.from(realpathSync(path)), false)
  } catch (error) {
    if (errorCode(error) !== undefined && !['EEXIST', 'ENOTDIR'].includes(errorCode(error) ?? ''))
      throw error
  }
  throw new CliError('conflict', `${printable(path)} is not a folder.`, 'Name another folder.')
}

/** Names that Windows would read as something else than a name. */
const strangeToWindows = /[\\:*?"<>|]|[. ]$/

/**
 * The path of a name in a folder, which must still be the very one that was made or found: nothing is ever written
 * through a link.
 */
export const placeIn = (folder: DiskFolder | undefined, node: ResticNode): DiskPath => {
  if (!folder) throw new Error('Its folder could not be made.')
  if (process.platform === 'win32' && strangeToWindows.test(node.name))
    throw new Error('This system does not allow its name.')
  if (openFolder(folder.path, false).identity !== folder.identity)
    throw new Error('Its folder was replaced meanwhile.')
  return Buffer.concat([folder.path, slash, node.nameBytes ?? Buffer.from(node.name)])
}

/** This run's own: with a count behind it no name comes twice. What stands there already is never opened. */
const runName = randomBytes(8).toString('hex')
let unfinishedCount = 0

/** A new name beside `path`, for what gets its own only when it is whole. */
export const unfinishedBeside = (path: DiskPath): DiskPath => {
  const name = Buffer.from(`.hearthold-${runName}${(unfinishedCount++).toString(16)}.part`)
  return Buffer.concat([path.subarray(0, path.lastIndexOf(slash) + 1), name])
}

/** How things get their names. `made` are identities of what this run has made: never replaced. */
export type Placing = { readonly overwrite: boolean; readonly made: Set<string> }

/** Throws `TakenError` where `path` must not be replaced. */
export const checkFree = (path: DiskPath, { overwrite, made }: Placing): void => {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (!there) return
  if (there.isDirectory()) throw new TakenError('folder')
  if (!overwrite) throw new Error('It is there already; --overwrite replaces it.')
  if (made.has(identityOf(there)))
    throw new Error('Two items of the snapshot get the same name on this disk.')
}

/**
 * Gives what is whole its name. Without `overwrite` by a link, which fails where the name is taken; in a folder that this
 * run has made, which nobody else may enter yet, looking first is enough.
 */
export const nameIt = (from: DiskPath, path: DiskPath, placing: Placing, isOurs = false): void => {
  checkFree(path, placing)
  if (placing.overwrite) {
    placing.made.add(identityOf(lstatSync(from)))
    renameSync(from, path)
    // Renaming to another name of the same file does nothing.
    rmSync(from, { force: true })
    return
  }
  if (isOurs) return renameSync(from, path)
  try {
    linkSync(from, path)
  } catch (error) {
    // Disks without hard links: then the check is all there is.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes(errorCode(error) ?? ''))
      throw error
    renameSync(from, path)
    return
  }
  rmSync(from)
}

/** Makes a folder, or takes the one that is there. Open to its owner alone until all is in it. */
export const makeFolder = (path: DiskPath): DiskFolder => {
  let isNew = true
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    isNew = false
  }
  return openFolder(path, isNew)
}

/** Makes something under a name beside `path`, and then gives it its own. */
const placeWhole = (
  path: DiskPath,
  placing: Placing,
  make: (unfinished: DiskPath) => void,
): void => {
  checkFree(path, placing)
  const unfinished = unfinishedBeside(path)
  try {
    make(unfinished)
    nameIt(unfinished, path, placing)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}

/** Makes a symbolic link as it was, wherever it leads. */
export const placeLink = (path: DiskPath, node: ResticNode, placing: Placing): void =>
  placeWhole(path, placing, (unfinished) => {
    symlinkSync(node.targetBytes ? Buffer.from(node.targetBytes) : (node.target ?? ''), unfinished)
    own(() => lchownSync(unfinished, node.uid, node.gid))
    const times = timesOf(node)
    if (times) lutimesSync(unfinished, ...times)
  })

/** Makes another name of a file that was restored. */
export const placeHardLink = (path: DiskPath, of: DiskPath, placing: Placing): void => {
  checkFree(path, placing)
  if (!placing.overwrite) return linkSync(of, path)
  const unfinished = unfinishedBeside(path)
  linkSync(of, unfinished)
  try {
    renameSync(unfinished, path)
  } finally {
    rmSync(unfinished, { force: true })
  }
}
