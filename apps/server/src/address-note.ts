import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeSecretFile } from '#platform/file-modes.ts'

/**
 * Remembers the public URL in the data folder and tells what a change of it breaks (OPS-14).
 * @returns warnings: none at the first start and while it stays the same
 */
export const noteAddress = (dataDir: string, publicUrl: string): string[] => {
  const file = join(dataDir, 'public-url')
  const before = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  if (before === publicUrl) return []
  writeSecretFile(file, `${publicUrl}\n`)
  if (before === undefined) return []
  return [
    `The public URL was ${before} and is now ${publicUrl}: links and invitations sent before no longer work, browsers must sign in again, passkeys made there do not work here, and command lines must be told with --server.`,
  ]
}
