import {
  type BinnedObject,
  type ObjectRef,
  objectTypes,
  type RepositoryStore,
} from '#platform/storage/storage.ts'
import { dayMs, hourMs } from './deps.ts'
import type { KnownCounts } from './store.ts'

/** Days of the last 60 are shown. */
const shownDays = 60
/** Within this time. */
export const burstMs = dayMs
/** More than half, and at least so much. */
const burstSnapshots = 5
const burstBytes = 100 * 1024 * 1024
const burstObjects = 100

type Deleted = { hour: number; snapshots: number; objects: number; bytes: number }

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

/**
 * What one repository holds, in memory.
 *
 * [Note: counting] The storage is listed before the first change of a repository after a start, so that the numbers are
 * exact whatever a crash left; from then on each change is added here. Until it was listed, `known` is what the row
 * remembers. Room for uploads under way is taken before their first byte (`reservedBytes`), without waiting for anything
 * between asking and taking: two uploads never share one room.
 */
export class Counts {
  counted = false
  usedBytes: number
  objects: number
  locks = 0
  binBytes: number
  binObjects: number
  reservedBytes = 0
  /** Of deletions under way: not yet in the bin. */
  reservedBinBytes = 0
  /** Of uploads under way. */
  reservedLocks = 0
  /** Arrival by id, by the server's time. */
  readonly #snapshots = new Map<string, number>()
  #known: KnownCounts
  /** Of the last 24 hours, oldest first. */
  #deleted: Deleted[] = []

  constructor(known: KnownCounts) {
    this.#known = known
    this.usedBytes = known.usedBytes
    this.objects = known.objects
    this.binBytes = known.binBytes
    this.binObjects = known.binObjects
  }

  /** Lists the storage. Nothing may change there meanwhile. @throws StorageError */
  async count(store: RepositoryStore, burstSince: number): Promise<void> {
    const fresh = new Counts(this.#known)
    fresh.usedBytes = fresh.objects = fresh.binBytes = fresh.binObjects = 0
    const config = await store.stat({ type: 'config', id: '' })
    if (config !== undefined) fresh.#add({ type: 'config', id: '' }, config.sizeBytes, 0)
    for (const type of objectTypes) {
      const parts = await store.list(type)
      if (parts === undefined) continue
      for await (const part of parts)
        for (const { id, sizeBytes, storedAt } of part)
          fresh.#add({ type, id }, sizeBytes, storedAt)
    }
    for await (const part of store.bin.list())
      for (const object of part) fresh.#addBinned(object, burstSince)
    this.usedBytes = fresh.usedBytes
    this.objects = fresh.objects
    this.locks = fresh.locks
    this.binBytes = fresh.binBytes
    this.binObjects = fresh.binObjects
    this.#snapshots.clear()
    for (const [id, at] of fresh.#snapshots) this.#snapshots.set(id, at)
    this.#deleted = fresh.#deleted.toSorted((a, b) => a.hour - b.hour)
    this.counted = true
  }

  #add(ref: ObjectRef, sizeBytes: number, at: number): void {
    this.usedBytes += sizeBytes
    this.objects += 1
    // A disk tells fractions of a millisecond.
    if (ref.type === 'snapshots') this.#snapshots.set(ref.id, Math.floor(at))
    if (ref.type === 'locks') this.locks += 1
  }

  #addBinned({ ref, sizeBytes, deletedAt }: BinnedObject, burstSince: number): void {
    this.binBytes += sizeBytes
    this.binObjects += 1
    if (deletedAt > burstSince) this.#noteDeleted(ref, sizeBytes, deletedAt)
  }

  #noteDeleted({ type }: ObjectRef, sizeBytes: number, at: number): void {
    const hour = Math.floor(at / hourMs)
    let bucket = this.#deleted.find((candidate) => candidate.hour === hour)
    if (bucket === undefined) {
      bucket = { hour, snapshots: 0, objects: 0, bytes: 0 }
      this.#deleted.push(bucket)
    }
    bucket.snapshots += type === 'snapshots' ? 1 : 0
    bucket.objects += 1
    bucket.bytes += sizeBytes
  }

  /** @param at when it arrived, by the server's clock; @param replacedBytes size of what had this name until now */
  stored(ref: ObjectRef, sizeBytes: number, at: number, replacedBytes: number | undefined): void {
    if (replacedBytes === undefined) this.#add(ref, sizeBytes, at)
    else this.usedBytes += sizeBytes - replacedBytes
  }

  /** It is gone, or in the bin. */
  #remove(ref: ObjectRef, sizeBytes: number): void {
    this.usedBytes = Math.max(0, this.usedBytes - sizeBytes)
    this.objects = Math.max(0, this.objects - 1)
    if (ref.type === 'snapshots') this.#snapshots.delete(ref.id)
    if (ref.type === 'locks') this.locks = Math.max(0, this.locks - 1)
  }

  removed(ref: ObjectRef, sizeBytes: number): void {
    this.#remove(ref, sizeBytes)
  }

  binned(ref: ObjectRef, sizeBytes: number, at: number): void {
    this.#remove(ref, sizeBytes)
    this.binBytes += sizeBytes
    this.binObjects += 1
    this.#noteDeleted(ref, sizeBytes, at)
  }

  /** @param back true if it is in its place again, false if only its place in the bin is empty now */
  unbinned({ ref, sizeBytes, storedAt }: BinnedObject, back: boolean): void {
    this.binBytes = Math.max(0, this.binBytes - sizeBytes)
    this.binObjects = Math.max(0, this.binObjects - 1)
    if (back) this.#add(ref, sizeBytes, storedAt)
  }

  /** Deletions up to now raise no alarm any more. */
  forgetDeletions(): void {
    this.#deleted = []
  }

  /** Whether much went to the bin within a day. */
  isBurst(now: number): boolean {
    const oldest = Math.floor((now - burstMs) / hourMs)
    this.#deleted = this.#deleted.filter(({ hour }) => hour >= oldest)
    const gone = { snapshots: 0, objects: 0, bytes: 0 }
    for (const { snapshots, objects, bytes } of this.#deleted) {
      gone.snapshots += snapshots
      gone.objects += objects
      gone.bytes += bytes
    }
    return this.isMuch(gone)
  }

  /** Whether so much deleted at once is an alarm, beside what is there now. */
  isMuch({ snapshots, objects, bytes }: Omit<Deleted, 'hour'>): boolean {
    if (snapshots >= burstSnapshots && snapshots > this.#snapshots.size) return true
    return (bytes >= burstBytes || objects >= burstObjects) && bytes > this.usedBytes
  }

  get snapshots(): number {
    return this.counted ? this.#snapshots.size : this.#known.snapshots
  }

  get newestSnapshotAt(): number | null {
    if (!this.counted) return this.#known.newestSnapshotAt
    let newest: number | null = null
    for (const at of this.#snapshots.values()) if (newest === null || at > newest) newest = at
    return newest
  }

  #snapshotDays(now: number): readonly string[] {
    if (!this.counted) return this.#known.snapshotDays
    const days = new Set<string>()
    for (const at of this.#snapshots.values()) if (now - at < shownDays * dayMs) days.add(dayOf(at))
    return [...days].toSorted()
  }

  /** For display, and for the row. */
  known(now: number): KnownCounts {
    return {
      usedBytes: this.usedBytes,
      objects: this.objects,
      snapshots: this.snapshots,
      newestSnapshotAt: this.newestSnapshotAt,
      snapshotDays: this.#snapshotDays(now),
      binBytes: this.binBytes,
      binObjects: this.binObjects,
    }
  }
}
