import type { KeyService, SealedPlace } from '#platform/keys/index.ts'
import type { StoragesOn } from './storages-tables.ts'

/**
 * Under a key of the instance's own, and of no member's: the secret of a storage must open after the account of the host
 * who typed it is gone. No account has this id.
 */
const place = (storage: string): SealedPlace => ({
  account: 'instance',
  purpose: 'storage-secret',
  subject: storage,
})

export const sealStorageSecret = (
  keys: KeyService,
  on: StoragesOn,
  storage: string,
  secret: string,
): Promise<Uint8Array> => keys.seal(on, place(storage), new TextEncoder().encode(secret))

/** @throws IntegrityError where it was changed, moved or its key is gone */
export const openStorageSecret = async (
  keys: KeyService,
  on: StoragesOn,
  storage: string,
  sealed: Uint8Array,
): Promise<string> => new TextDecoder().decode(await keys.open(on, place(storage), sealed))
