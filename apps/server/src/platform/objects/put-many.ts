import { hash, randomBytes } from 'node:crypto'
import { ProblemError } from '@hearthold/contract'
import { tryEach } from '../disk/try-each.ts'
import { asDiskProblems, diskFull } from './disk-errors.ts'
import { type FileSystem, readFullySync, writeFullySync } from '../disk/file-system.ts'
import type { FolderSync } from '../disk/folder-sync.ts'
import type { ObjectNames } from './object-names.ts'

/** Ids are 32 hex digits; an id may stand once in a list. */
export type SmallObject = { readonly id: string; readonly bytes: Uint8Array }

/** Of libuv's 16 threads (architecture.md 8) some stay free for readers. */
const parallelSyncs = 12

type Put = SmallObject & { readonly temporary: string; readonly path: string }

export type PutManyOptions = {
  fs: FileSystem
  names: ObjectNames
  folders: FolderSync
  /** Bytes that may still be written to the disk. */
  freeBytes: () => number
}

/** Stores many small objects with few trips to the thread pool: metadata calls at once, only fsyncs in parallel. */
export class PutMany {
  readonly #options: PutManyOptions
  /** Object ids being put, and when that is over: a retry waits for the call it repeats. */
  readonly #busy = new Map<string, Promise<void>>()
  readonly #temporaries = new Set<string>()

  constructor(options: PutManyOptions) {
    this.#options = options
  }

  /** True while a temporary file of this name part is being written. */
  isActive(temporary: string): boolean {
    return this.#temporaries.has(temporary)
  }

  /**
   * Stores objects so that all are durable before it answers, or none of the new ones is there.
   * @returns their SHA-256, 64 hex digits each, in the same order
   * @throws ProblemError `object_exists` if one is there with other bytes, `disk_full`, `unavailable`
   */
  async put(objects: readonly SmallObject[]): Promise<string[]> {
    const release = await this.#claim(objects)
    const puts = objects.map(({ id, bytes }) => {
      const temporary = randomBytes(16).toString('hex')
      return { id, bytes, temporary, path: this.#options.names.object(id) }
    })
    for (const { temporary } of puts) this.#temporaries.add(temporary)
    try {
      await asDiskProblems(() => this.#store(puts))
    } finally {
      for (const { temporary } of puts) this.#temporaries.delete(temporary)
      release()
    }
    return puts.map(({ bytes }) => hash('sha256', bytes, 'hex'))
  }

  async #claim(objects: readonly SmallObject[]): Promise<() => void> {
    for (;;) {
      const other = objects.map(({ id }) => this.#busy.get(id)).find((found) => found !== undefined)
      if (!other) break
      await other
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const { id } of objects) this.#busy.set(id, promise)
    return () => {
      for (const { id } of objects) this.#busy.delete(id)
      resolve()
    }
  }

  async #store(puts: readonly Put[]): Promise<void> {
    const { fs, names, folders, freeBytes } = this.#options
    const fresh = new Set(puts.filter((put) => !holdsSame(fs, put)))
    const renamed: Put[] = []
    let bytes = 0
    for (const put of fresh) bytes += put.bytes.length
    if (bytes > 0 && freeBytes() < bytes) throw diskFull()
    try {
      await inParallel(puts, (put) =>
        fresh.has(put) ? this.#writeTemporary(put) : this.#syncExisting(put),
      )
      const synced = [...new Set(puts.map(({ id }) => names.folder(id)))].map((folder) =>
        folders.changing(folder),
      )
      for (const put of fresh) {
        fs.renameSync(names.part(put.id, put.temporary), put.path)
        renamed.push(put)
      }
      await inParallel(synced, (sync) => sync())
    } catch (error) {
      tryEach(
        ...renamed.map(
          ({ path }) =>
            () =>
              fs.removeSync(path),
        ),
        ...[...fresh].map((put) => () => fs.removeSync(names.part(put.id, put.temporary))),
      )
      throw error
    }
  }

  async #writeTemporary({ id, temporary, bytes }: Put): Promise<void> {
    const { fs, names } = this.#options
    const file = fs.openSync(names.part(id, temporary), 'wx')
    try {
      writeFullySync(fs, file, bytes, 0)
      await fs.fsync(file)
    } finally {
      fs.closeSync(file)
    }
  }

  /** Stored before, with the same bytes: that answer may never have been given, so sync again. */
  async #syncExisting({ path }: Put): Promise<void> {
    const { fs } = this.#options
    const file = fs.openSync(path, 'r')
    try {
      await fs.fsync(file)
    } finally {
      fs.closeSync(file)
    }
  }
}

/** @throws ProblemError `object_exists` if other bytes are stored under this id */
const holdsSame = (fs: FileSystem, { path, bytes }: Put): boolean => {
  const stat = fs.statSync(path)
  if (!stat) return false
  if (stat.sizeBytes === bytes.length) {
    const stored = Buffer.allocUnsafe(bytes.length)
    const file = fs.openSync(path, 'r')
    try {
      if (readFullySync(fs, file, stored, 0) === bytes.length && stored.equals(bytes)) return true
    } finally {
      fs.closeSync(file)
    }
  }
  throw new ProblemError('object_exists', 'There is an object of this id already.')
}

/** Like Promise.all, some at a time; after an error nothing more is begun, and what is begun is waited for. */
const inParallel = async <Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const left = items.values()
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const item of left) {
      try {
        await work(item)
      } catch (error) {
        failures.push(error)
      }
      if (failures.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallelSyncs, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}
