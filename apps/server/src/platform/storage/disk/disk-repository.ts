import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { readFullySync } from '../../disk/file-system.ts'
import { shortRead } from '../../disk/file-pieces.ts'
import type { ObjectBytes } from '../../objects/index.ts'
import {
  type BinStore,
  type ListedObject,
  type ObjectRef,
  type ObjectStat,
  type ObjectType,
  objectTypes,
  type OpenedObject,
  type RepositoryStore,
  type WriteOptions,
  type WriteOutcome,
} from '../storage.ts'
import { DiskBin } from './bin.ts'
import type { Disk } from './disk.ts'
import { asStorageErrors, asStorageErrorsSync, isMissing, storageError } from './disk-errors.ts'
import { folderOf, foldersOfType, joined, nameOf, shardFolders } from './layout.ts'
import { turn } from './turns.ts'
import { writeObject } from './write-object.ts'

/** Up to here one read at once, which is faster than any stream. */
const smallBytes = 64 * 1024

const open = Buffer.from('[')
const close = Buffer.from(']')

/** One repository in rest-server's layout. */
export class DiskRepository implements RepositoryStore {
  readonly bin: BinStore
  readonly #disk: Disk
  readonly #folder: string

  /** @param folder absolute */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
    this.bin = new DiskBin(disk, folder)
  }

  create(): Promise<void> {
    return asStorageErrors(async () => {
      const { durable } = this.#disk
      const within = (folder: string): string => join(this.#folder, folder)
      await durable.ensureAll(this.#folder, objectTypes.map(within))
      await durable.ensureAll(within('data'), shardFolders.map(within))
    })
  }

  stat(ref: ObjectRef): ObjectStat | undefined {
    return asStorageErrorsSync(() => {
      const stat = this.#disk.fs.statSync(this.#pathOf(ref))
      return stat && { sizeBytes: stat.sizeBytes, storedAt: stat.modifiedAt }
    })
  }

  open(ref: ObjectRef): OpenedObject | undefined {
    const { fs } = this.#disk
    let file: number
    try {
      file = fs.openSync(this.#pathOf(ref), 'r')
    } catch (error) {
      if (isMissing(error)) return undefined
      throw storageError(error)
    }
    try {
      return this.#opened(file, fs.fstatSync(file).sizeBytes)
    } catch (error) {
      fs.closeSync(file)
      throw storageError(error)
    }
  }

  write(ref: ObjectRef, body: Readable, options: WriteOptions): Promise<WriteOutcome> {
    const folder = joined(this.#folder, folderOf(ref))
    const loading = this.#disk.indexes.load(this.#folder)
    if (loading !== undefined) return loading.then(() => this.write(ref, body, options))
    return writeObject(this.#disk, { ref, folder, path: join(folder, nameOf(ref)) }, body, options)
  }

  remove(ref: ObjectRef): Promise<ObjectStat | undefined> {
    const path = this.#pathOf(ref)
    return asStorageErrors(() =>
      this.#disk.turns.run(path, async () => {
        const { fs, indexes } = this.#disk
        await indexes.load(this.#folder)
        const stat = fs.statSync(path)
        if (!stat || !indexes.change(path, false, () => fs.removeSync(path))) return undefined
        return { sizeBytes: stat.sizeBytes, storedAt: stat.modifiedAt }
      }),
    )
  }

  list(type: ObjectType): AsyncIterable<readonly ListedObject[]> | undefined {
    return this.#hasPlaceFor(type) ? this.#list(type) : undefined
  }

  listJson(type: ObjectType, version: 'v1' | 'v2'): Promise<readonly Uint8Array[] | undefined> {
    return asStorageErrors(async () => {
      if (!this.#hasPlaceFor(type)) return undefined
      const parts: Uint8Array[] = [open]
      for (const folder of foldersOfType(type)) {
        const index = await this.#disk.indexes.of(this.#folder, folder)
        if (index === undefined || index.count === 0) continue
        const text = index.json(version)
        parts.push(parts.length === 1 ? text.subarray(1) : text)
      }
      parts.push(close)
      return parts
    })
  }

  #hasPlaceFor(type: ObjectType): boolean {
    return asStorageErrorsSync(() => this.#disk.fs.statSync(join(this.#folder, type))) !== undefined
  }

  async *#list(type: ObjectType): AsyncGenerator<readonly ListedObject[]> {
    for (const folder of foldersOfType(type)) {
      const index = await asStorageErrors(() => this.#disk.indexes.of(this.#folder, folder))
      if (index !== undefined && index.count > 0) yield index.objects()
      await turn()
    }
  }

  #pathOf(ref: ObjectRef): string {
    return joined(joined(this.#folder, folderOf(ref)), nameOf(ref))
  }

  #opened(file: number, sizeBytes: number): OpenedObject {
    const { fs, pieces } = this.#disk
    let isOpen = true
    const closeFile = (): void => {
      if (isOpen) fs.closeSync(file)
      isOpen = false
    }
    return {
      sizeBytes,
      close: closeFile,
      read: ({ start, end }): ObjectBytes => {
        if (end - start <= smallBytes)
          return { bytes: this.#readSmall(file, start, end, closeFile) }
        const reading = pieces.read(file, { start, end })
        return {
          pieces: reading.pieces,
          sizeBytes: end - start,
          close: () => {
            closeFile()
            reading.release()
          },
        }
      },
    }
  }

  #readSmall(file: number, start: number, end: number, done: () => void): Uint8Array {
    try {
      const bytes = Buffer.allocUnsafe(end - start)
      if (readFullySync(this.#disk.fs, file, bytes, start) < bytes.length) throw shortRead()
      return bytes
    } catch (error) {
      throw storageError(error)
    } finally {
      done()
    }
  }
}
