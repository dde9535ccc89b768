import { join } from 'node:path'
import { rmSync } from 'node:fs'
import { timingSafeEqual } from 'node:crypto'
import { randomBytes, toB64, utf8 } from '@hearthold/crypto'
import { ensureFolder, syncFolder, writeSecretFile } from '#platform/file-modes.ts'
import type { Db, Trx } from './deps.ts'

/** Whether the instance is set up, and until then the one-time token. Kept in memory: it is asked for every request. */
export type SetUpState = {
  needed(): boolean
  /** The token of this start; undefined once set up. */
  token(): string | undefined
  /** Compares in constant time. */
  fits(token: string): boolean
  /** The name of the instance; empty until it is set up. */
  name(): string
  /** After the commit of the first host: forgets the token and removes its file. */
  finished(name: string): void
}

/**
 * A new token at each start while it is needed, in `set-up-token` of the data folder, mode 0600. As in links, `serverPin`
 * (hex) stands behind it after a dot, so that a command line given this file believes a self-signed certificate. A crash
 * between the first host's commit and the removal of the file is made good here.
 */
export const openSetUp = async (
  db: Db,
  dataDir: string,
  serverPin?: string,
): Promise<SetUpState> => {
  const file = join(dataDir, 'set-up-token')
  const row = await db.selectFrom('instance').select('name').executeTakeFirst()
  let token = row ? undefined : toB64(randomBytes(32))
  let name = row?.name ?? ''
  const removeFile = (): void => {
    rmSync(file, { force: true })
    syncFolder(dataDir)
  }
  ensureFolder(dataDir)
  if (token === undefined) removeFile()
  else writeSecretFile(file, `${token}${serverPin === undefined ? '' : `.${serverPin}`}\n`)

  return {
    needed: () => token !== undefined,
    token: () => token,
    fits: (given) => {
      if (token === undefined) return false
      const [a, b] = [utf8(token), utf8(given)]
      return a.length === b.length && timingSafeEqual(a, b)
    },
    name: () => name,
    finished: (given) => {
      token = undefined
      name = given
      removeFile()
    },
  }
}

/** Fails with a unique violation when the instance is set up already: of two first hosts one commits. */
export const insertInstance = async (trx: Trx, name: string, now: number): Promise<void> => {
  await trx
    .insertInto('instance')
    .values({ id: 1, name, set_up_at: now, registration: 'closed', registration_quota_bytes: null })
    .execute()
}
