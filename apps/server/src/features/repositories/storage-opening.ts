import type { RepositoryStorage } from '#platform/storage/storage.ts'

/**
 * Opens the storage that a repository lies on, for the rest of this feature:
 * - `storage` is the id of a storage configuration, or null for the server's own disk;
 * - `freezeDays` is asked whenever an object is stored or binned, for stores that lock objects for the freeze.
 *
 * Nothing is sent: a storage out of reach opens, and its store throws StorageError `unavailable` when it is used, so no
 * repository keeps the server from starting. What is returned follows changes of the configuration and may be kept for
 * as long as the process lives; its `close` does nothing (the feature's end closes all).
 * @throws ProblemError `not_found` for an unknown id; IntegrityError where the sealed secret does not open
 */
export type OpenStorageOf = (
  storage: string | null,
  freezeDays: () => number,
) => Promise<RepositoryStorage>
