import type { Readable } from 'node:stream'
import type { ObjectBytes } from '../objects/index.ts'

/** The types of objects in a restic repository. All but `config` are named by the SHA-256 of their bytes. */
export const objectTypes = ['data', 'index', 'keys', 'locks', 'snapshots'] as const
export type ObjectType = (typeof objectTypes)[number]
/** The one object without an id. */
export type ObjectRef =
  | { readonly type: ObjectType; /** 64 lowercase hex digits. */ readonly id: string }
  | { readonly type: 'config'; readonly id: '' }

export type ObjectStat = {
  readonly sizeBytes: number
  /** When it was stored, in ms since 1970 by the clock of the storage. */
  readonly storedAt: number
}
export type ListedObject = ObjectStat & { readonly id: string }

/** As OpenObject of platform/objects: `read` may be called once, and closes what was opened. */
export type OpenedObject = {
  readonly sizeBytes: number
  /** Bytes [start, end). */
  read(range: { readonly start: number; readonly end: number }): ObjectBytes
  /** Only for an object that is not read. */
  close(): void
}

export type WriteOptions = {
  /** The declared length; undefined where the sender does not tell. */
  readonly sizeBytes: number | undefined
  /** Compare the bytes with the id (always false for `config`). */
  readonly verify: boolean
  /** Told of the bytes as they come; what it throws ends the upload, and nothing of it stays. */
  readonly onBytes?: (count: number) => void
}
/**
 * `stored`: durable and visible. `present`: it is there already with exactly these bytes, and nothing was written. Where
 * an object of this name is there whose bytes are not those of its name, a verified upload replaces it: `stored`.
 */
export type WriteOutcome = {
  readonly outcome: 'stored' | 'present'
  readonly sizeBytes: number
  /** Of what it replaced, where the storage asked for that anyway. */
  readonly replacedBytes?: number
}

/** An object in the bin. */
export type BinnedObject = ObjectStat & {
  readonly ref: ObjectRef
  readonly deletedAt: number
  /** Not before this time (ms since 1970) is it destroyed. Fixed when it is deleted. */
  readonly keptUntil: number
}

/** What a storage throws for the sender to hear of: see StorageError. */
export type StorageFailure =
  /** There are other bytes under this name; nothing was changed. */
  | 'exists'
  /** The bytes do not hash to the id, or the body ended early. Nothing was stored. */
  | 'mismatch'
  | 'short'
  | 'too-long'
  /** This storage must know the length first. */
  | 'length-required'
  | 'full'
  /** Out of reach, refusing us, or failing: nothing is known to be stored. */
  | 'unavailable'

export class StorageError extends Error {
  readonly failure: StorageFailure

  constructor(failure: StorageFailure, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StorageError'
    this.failure = failure
  }
}

/**
 * One restic repository on some storage. It decides nothing: who may do what is known before. No object is ever visible
 * in part, and what was acknowledged is durable. All errors are StorageErrors, or faults of ours.
 */
export type RepositoryStore = {
  /** Makes what a repository needs before its first object; again does no harm. */
  create(): Promise<void>
  /** Undefined if it is not there. Synchronous where that is cheaper than waiting. */
  stat(ref: ObjectRef): ObjectStat | undefined | Promise<ObjectStat | undefined>
  open(ref: ObjectRef): OpenedObject | undefined | Promise<OpenedObject | undefined>
  /** Two uploads of one object at once are both told the truth. @throws StorageError */
  write(ref: ObjectRef, body: Readable, options: WriteOptions): Promise<WriteOutcome>
  /** Destroys. @returns what was there */
  remove(ref: ObjectRef): Promise<ObjectStat | undefined>
  /** Complete objects only, a part at a time; undefined where the repository has no place for this type. */
  list(
    type: ObjectType,
  ):
    | AsyncIterable<readonly ListedObject[]>
    | undefined
    | Promise<AsyncIterable<readonly ListedObject[]> | undefined>
  /**
   * The same as the text that the protocol sends, in parts to be joined, where the storage has it at hand:
   * `v1` an array of names, `v2` of {name, size}.
   */
  listJson?(type: ObjectType, version: 'v1' | 'v2'): Promise<readonly Uint8Array[] | undefined>
  readonly bin: BinStore
}

/** Where deleted objects wait. Outside the names that the protocol can reach, on the same storage. */
export type BinStore = {
  /**
   * Moves an object into the bin. One of the same name and moment that lies there stays, and this one counts as deleted a
   * little later. @returns what was there; undefined if it was not
   */
  put(ref: ObjectRef, deletedAt: number, keptUntil: number): Promise<ObjectStat | undefined>
  list(): AsyncIterable<readonly BinnedObject[]>
  /**
   * Moves it back; where it is there again, only empties its place in the bin. A config, which is not named by its bytes,
   * then stays in the bin. @returns true if it came back
   */
  restore(object: BinnedObject): Promise<boolean>
  /** Destroys it. */
  remove(object: BinnedObject): Promise<void>
}

/** Opens repositories by folder: one to three names that hold no slash, are not `.` or `..` and were checked before. */
export type RepositoryStorage = {
  open(folder: readonly string[]): RepositoryStore
  /** Destroys a repository with its bin. */
  destroy(folder: readonly string[]): Promise<void>
  /** Free bytes; undefined where the storage cannot tell. */
  freeBytes(): number | undefined
  close(): Promise<void>
}
