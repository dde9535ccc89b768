import type { ObjectRef, ObjectStat, ObjectType, RepositoryStore } from '../storage/storage.ts'
import type { ReadBudget } from './read-budget.ts'

export type RepositoryAct = 'read' | 'create' | 'remove'

/** What happened to an object, for counters; `bytes` of a read are those asked for. */
export type RepositoryEvent = {
  readonly act: 'read' | 'write' | 'remove' | 'refused-removal' | 'failed-verification'
  readonly type: ObjectType | 'config'
  readonly bytes: number
}

/** Room taken for an upload that is under way. */
export type Reservation = {
  /** Told of bytes as they come. @throws StorageError `full` when they are more than there is room for */
  take(bytes: number): void
  /** Ends it once: with what was stored, or 0. */
  settle(storedBytes: number): void
}

/**
 * One authenticated caller at one repository. The protocol asks it, `hearthold rest-server` and the full server make it:
 * the first from flags and htpasswd, the second from a credential's scope, quota and freeze.
 */
export type RepositoryCaller = {
  readonly store: RepositoryStore
  /** Asked for each request, also when a body has arrived: a credential may be revoked meanwhile. 403 unless true; 401 for `gone`. */
  may(act: RepositoryAct, type: ObjectType | 'config'): true | false | 'gone'
  /** False with --no-verify-upload. */
  readonly verify: boolean
  /**
   * Called before a byte is read. `sizeBytes` undefined: not declared.
   * @returns 'full' for 507, 'length-required' for 411
   */
  reserve(ref: ObjectRef, sizeBytes: number | undefined): Reservation | 'full' | 'length-required'
  /** Deletes: at once, or into the bin. */
  remove(ref: ObjectRef): Promise<ObjectStat | undefined>
  onEvent(event: RepositoryEvent): void
  /** What downloads may hold in memory; by default what the whole process may. */
  readonly reads?: ReadBudget
}
