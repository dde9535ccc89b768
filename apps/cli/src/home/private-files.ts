import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { dirname } from 'node:path'
import { CliError } from '../cli-error.ts'

/**
 * Files that only their owner may read. Reading and writing is synchronous: the files are small, and a change
 * (read, alter, write) can then not be interleaved with another of the same process.
 */

const hasModes = process.platform !== 'win32'
const noFollow = hasModes ? constants.O_NOFOLLOW : 0

const errorCode = (error: unknown): unknown => (error as { code?: unknown } | null)?.code

/** Throws where others could read or replace it. Paths are no secrets; contents never show. */
const checkOwner = (path: string, stats: Stats): void => {
  if (!hasModes) return
  if (stats.uid !== process.getuid?.()) {
    throw new CliError(
      'failure',
      `${path} belongs to another user.`,
      'Give the command its own folder by HEARTHOLD_HOME, or run it as the user it belongs to.',
    )
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = stats.isDirectory() ? '700' : '600'
    throw new CliError(
      'failure',
      `${path} can be read by others on this computer.`,
      `If nobody else has used it: chmod ${mode} '${path}'. Otherwise sign this device out elsewhere and begin with a new folder.`,
    )
  }
}

/** Checks a folder if it exists; true when it does. Throws `CliError` where it is no folder of this user's alone. */
export const checkPrivateFolder = (path: string): boolean => {
  let stats: Stats
  try {
    stats = lstatSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
  if (!stats.isDirectory())
    throw new CliError('failure', `${path} is not a folder.`, 'Name a folder by HEARTHOLD_HOME.')
  checkOwner(path, stats)
  return true
}

/** Makes a folder for this user alone (0700), or checks the one that is there. */
export const makePrivateFolder = (path: string): void => {
  if (checkPrivateFolder(path)) return
  mkdirSync(path, { recursive: true, mode: 0o700 })
  checkPrivateFolder(path)
}

/** The bytes of a private file; undefined where there is none. Throws `CliError` where others could read it. */
export const readPrivate = (path: string): Buffer | undefined => {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | noFollow)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    if (errorCode(error) === 'ELOOP')
      throw new CliError('failure', `${path} is a link.`, 'Put the file itself in its place.')
    throw error
  }
  try {
    checkOwner(path, fstatSync(file))
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

const syncFolder = (path: string): void => {
  // Windows cannot open folders; its renames are journalled.
  if (!hasModes) return
  const folder = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/**
 * Replaces a private file (0600) so that after a crash it is the old or the new one, whole. Callers hold the lock,
 * so the temporary name may be fixed: what a crash left there is overwritten.
 */
export const writePrivate = (path: string, content: string | Uint8Array): void => {
  const temporary = `${path}.new`
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants
  const file = openSync(temporary, O_WRONLY | O_CREAT | O_TRUNC | noFollow, 0o600)
  try {
    checkOwner(temporary, fstatSync(file))
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  syncFolder(dirname(path))
}

/** Removes a private file; does nothing where there is none. */
export const removePrivate = (path: string): void => rmSync(path, { force: true })
