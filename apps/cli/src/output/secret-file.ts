import { open, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CliError } from '../cli-error.ts'

/** A file that will hold a secret: there and private from the start, so that nothing can fail once the server was told. */
export type SecretFile = {
  readonly path: string
  /** Writes the text, instead of what was written before; on the disk when it resolves. */
  write(text: string): Promise<void>
  /** Ends the writing. A file that was never written is removed. */
  keep(): Promise<void>
  /** Removes the file: what was written never came into force. */
  discard(): Promise<void>
}

const failure = (path: string, error: unknown): CliError => {
  const exists = (error as { code?: unknown }).code === 'EEXIST'
  return new CliError(
    exists ? 'conflict' : 'failure',
    exists ? `${path} is already there.` : `${path} cannot be written.`,
    exists
      ? 'Name another file: a secret is never written over something else.'
      : 'Choose another place for it.',
    { cause: error },
  )
}

const syncFolderOf = async (path: string): Promise<void> => {
  // Windows cannot open folders; its renames are journalled.
  if (process.platform === 'win32') return
  const folder = await open(dirname(path))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const writeAll = async (file: FileHandle, text: string): Promise<void> => {
  await file.truncate(0)
  const bytes = Buffer.from(`${text}\n`)
  for (let at = 0; at < bytes.length;)
    at += (await file.write(bytes, at, bytes.length - at, at)).bytesWritten
  await file.sync()
}

/**
 * Makes a new file for a secret (a recovery key, an authenticator secret): 0600 from the first moment, never over an
 * existing one. Throws `CliError`.
 */
export const reserveSecretFile = async (path: string): Promise<SecretFile> => {
  let file: FileHandle | undefined
  let written = false
  try {
    file = await open(path, 'wx', 0o600)
  } catch (error) {
    throw failure(path, error)
  }
  const close = async (): Promise<void> => {
    await file?.close()
    file = undefined
  }
  const remove = async (): Promise<void> => {
    await close()
    await rm(path, { force: true })
  }
  return {
    path,
    write: async (text) => {
      try {
        if (!file) throw new RangeError('the secret file was closed')
        await writeAll(file, text)
        await syncFolderOf(path)
        written = true
      } catch (error) {
        throw failure(path, error)
      }
    },
    keep: () => (written ? close() : remove()),
    discard: remove,
  }
}

/**
 * Writes a new secret where its owner asked for it: 0600 from the first moment, never over an existing file, and on the
 * disk before this resolves, because the server may be told next that the old one is void. Throws `CliError`.
 */
export const writeSecretFile = async (path: string, text: string): Promise<void> => {
  const file = await reserveSecretFile(path)
  try {
    await file.write(text)
  } catch (error) {
    await file.discard()
    throw error
  }
  await file.keep()
}
