import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Windows has no such modes: there the folder's access list is the host's concern. */
const hasModes = process.platform !== 'win32'

/** A file or folder that others on this machine may enter or read; the message names it and the remedy. */
export class FileModeError extends Error {
  readonly path: string
  readonly remedy: string

  constructor(path: string, mode: number, wanted: '600' | '700') {
    const remedy = `chmod ${wanted} ${shellQuoted(path)}`
    super(`${path} has mode ${octal(mode)}: others on this machine can use it. Run: ${remedy}`)
    this.name = 'FileModeError'
    this.path = path
    this.remedy = remedy
  }
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(3, '0')
const shellQuoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`

/** Everything this process makes from here on is its own only, from the moment it exists (OPS-16). */
export const restrictNewFiles = (): void => {
  process.umask(0o077)
}

/** True if group or others have any right on it. */
export const isLooserThan = (mode: number, allowed: 0o600 | 0o700): boolean =>
  hasModes && (mode & 0o777 & ~allowed) !== 0

/**
 * Makes a folder (and its parents) with mode 0700, or checks one that exists; an empty one that is looser is
 * made strict, since nothing in it can have been seen yet.
 * @throws FileModeError if it exists and others may enter it, Error if it is not a folder
 */
export const ensureFolder = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const stat = statSync(path)
  if (!stat.isDirectory()) throw new Error(`${path} is not a folder`)
  if (!isLooserThan(stat.mode, 0o700)) return
  if (stat.uid !== process.getuid?.() || readdirSync(path).length > 0)
    throw new FileModeError(path, stat.mode, '700')
  chmodSync(path, 0o700)
}

/**
 * Writes a file with mode 0600 so that after a crash either the old or the new content is there, whole:
 * temporary file in the same folder, fsync, rename, fsync of the folder.
 */
export const writeSecretFile = (path: string, bytes: Uint8Array | string): void => {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    const file = openSync(temporary, 'wx', 0o600)
    try {
      // The umask can only take rights away, so the mode is already right; a restrictive default ACL could add to it.
      if (hasModes) fchmodSync(file, 0o600)
      const content = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes
      for (let offset = 0; offset < content.length;) offset += writeSync(file, content, offset)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(folder)
}

/** Makes renames and removals in a folder durable. Windows cannot open folders and does not need it. */
export const syncFolder = (folder: string): void => {
  if (!hasModes) return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

const secretLimitBytes = 1024 * 1024

/**
 * Reads a file that holds a secret, at most 1 MiB.
 * @throws FileModeError if it is looser than 0600 (checked on the opened file, so that it cannot be exchanged
 *   in between); the usual file errors, `ENOENT` included
 */
export const readSecretFile = (path: string): Buffer => {
  const file = openSync(path, 'r')
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new Error(`${path} is not a file`)
    if (isLooserThan(stat.mode, 0o600)) throw new FileModeError(path, stat.mode, '600')
    if (stat.size > secretLimitBytes) throw new Error(`${path} is larger than a secret can be`)
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}
