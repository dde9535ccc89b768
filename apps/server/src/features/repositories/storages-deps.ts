import type { Clock } from '#platform/clock.ts'
import type { KeyService } from '#platform/keys/index.ts'
import type { RemoteTuning } from '#platform/storage/remote/remote-client.ts'
import type { RepositoryStorage } from '#platform/storage/storage.ts'
import type { Members } from './deps.ts'
import type { StoragesDb } from './storages-tables.ts'

export type StoragesDeps = {
  readonly db: StoragesDb
  readonly clock: Clock
  readonly keys: KeyService
  /** The server's own disk. */
  readonly disk: RepositoryStorage
  readonly members: Pick<Members, 'checkFreshProof'>
  /** Whom to trust and how long to wait, where tests differ. */
  readonly tuning?: RemoteTuning
}
