import { open } from 'node:fs/promises'
import { CliError } from '../cli-error.ts'

/**
 * Writes a new secret (a recovery key, an authenticator secret) where its owner asked for it: 0600 from the first moment, never over an existing file,
 * and on the disk before this resolves, because the server may be told next that the old one is void. Throws `CliError`.
 */
export const writeSecretFile = async (path: string, text: string): Promise<void> => {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(`${text}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    const exists = (error as { code?: unknown }).code === 'EEXIST'
    throw new CliError(
      exists ? 'conflict' : 'failure',
      exists ? `${path} is already there.` : `${path} cannot be written.`,
      exists
        ? 'Name another file: a secret is never written over something else.'
        : 'Choose another place for it.',
      { cause: error },
    )
  }
}
