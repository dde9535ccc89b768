import { type Bytes, hkdf, utf8 } from '@hearthold/crypto'
import type { Kysely } from 'kysely'
import { type Clock, systemClock } from '../clock.ts'
import { ensureFolder } from '../file-modes.ts'
import { fileDriver } from './file-driver.ts'
import { type InstanceSecrets, openInstanceSecrets } from './instance-secrets.ts'
import { createKeyService, type KeyService } from './key-service.ts'
import type { KeysTables } from './tables.ts'

export type { InstanceSecrets } from './instance-secrets.ts'
export type { KeysDb } from './key-driver.ts'
export type { KeyService, SealedPlace } from './key-service.ts'
export { KeysError } from './keys-error.ts'
export { keysMigrations } from './migrations/index.ts'
export type { Versioned, Versions } from './secret-files.ts'
export type { KeysTables } from './tables.ts'

export type Keys = {
  readonly service: KeyService
  readonly secrets: InstanceSecrets
  /**
   * A key for something short-lived that must not lie open in the database: HKDF(root key, "hearthold/v1/instance/" use).
   * What it sealed is lost with the root key, so nothing that is kept may depend on it.
   */
  readonly deriveKey: (use: string) => Bytes
}

/**
 * Opens the instance's secrets and the key service; makes them at the first start. Call it after the migrations
 * and before anything else: with a wrong key nothing may begin.
 * @param options.rootKey 32 bytes from outside (environment, file, credential); else `root-key` in the folder
 * @throws KeysError, saying which key was expected; FileModeError where others can read them
 */
export const openKeys = async (options: {
  keysDir: string
  rootKey?: Uint8Array | undefined
  db: Kysely<KeysTables>
  clock?: Clock
}): Promise<Keys> => {
  const { keysDir, db, clock = systemClock } = options
  ensureFolder(keysDir)
  const { rootKey, secrets } = await openInstanceSecrets({
    keysDir,
    rootKey: options.rootKey,
    db,
    clock,
  })
  return {
    service: createKeyService(fileDriver({ rootKey, clock })),
    secrets,
    deriveKey: (use) => hkdf(rootKey, new Uint8Array(0), utf8(`hearthold/v1/instance/${use}`)),
  }
}
