import { join } from 'node:path'
import { tryEach } from '../../disk/try-each.ts'
import {
  type BinnedObject,
  type BinStore,
  type ObjectRef,
  type ObjectStat,
  objectTypes,
} from '../storage.ts'
import type { Disk } from './disk.ts'
import { asStorageErrors, hasNoLinks, isTaken } from './disk-errors.ts'
import {
  binFolder,
  binFolderOf,
  binNameOf,
  joined,
  nameOf,
  folderOf,
  parseBinName,
} from './layout.ts'
import { turn } from './turns.ts'

/** Told of and looked at so many at a time. */
const perTurn = 256

/**
 * The bin of one repository. What moves has its second name, durably, before it loses the first: a crash may leave it
 * in both places, never in none.
 */
export class DiskBin implements BinStore {
  readonly #disk: Disk
  readonly #repository: string

  constructor(disk: Disk, repository: string) {
    this.#disk = disk
    this.#repository = repository
  }

  put(ref: ObjectRef, deletedAt: number, keptUntil: number): Promise<ObjectStat | undefined> {
    return asStorageErrors(() =>
      this.#disk.turns.run(this.#pathOf(ref), () => this.#put(ref, deletedAt, keptUntil)),
    )
  }

  async *list(): AsyncGenerator<readonly BinnedObject[]> {
    for (const type of [...objectTypes, 'config'] as const) {
      const folder = join(this.#repository, type === 'config' ? binFolder : `${binFolder}/${type}`)
      const names = await asStorageErrors(async () => this.#disk.fs.listSync(folder) ?? [])
      for (let at = 0; at < names.length; at += perTurn) {
        const found: BinnedObject[] = []
        for (const name of names.slice(at, at + perTurn)) {
          const parsed = parseBinName(type, name)
          const stat = parsed && this.#disk.fs.statSync(join(folder, name))
          if (stat) found.push({ ...parsed, sizeBytes: stat.sizeBytes, storedAt: stat.modifiedAt })
        }
        if (found.length > 0) yield found
        await turn()
      }
    }
  }

  restore(object: BinnedObject): Promise<boolean> {
    const to = this.#pathOf(object.ref)
    return asStorageErrors(() =>
      this.#disk.turns.run(to, async () => {
        const from = this.#binPathOf(object)
        await this.#disk.indexes.load(this.#repository)
        if (!this.#disk.fs.statSync(from)) return false
        const moved = await this.#move(from, to, joined(this.#repository, folderOf(object.ref)))
        // Other bytes may stand in the place of a config.
        if (!moved && object.ref.type !== 'config') this.#disk.fs.removeSync(from)
        return moved
      }),
    )
  }

  remove(object: BinnedObject): Promise<void> {
    return asStorageErrors(async () => void this.#disk.fs.removeSync(this.#binPathOf(object)))
  }

  async #put(
    ref: ObjectRef,
    deletedAt: number,
    keptUntil: number,
  ): Promise<ObjectStat | undefined> {
    const { fs, indexes } = this.#disk
    await indexes.load(this.#repository)
    const from = this.#pathOf(ref)
    const stat = fs.statSync(from)
    if (!stat) return undefined
    const folder = joined(this.#repository, binFolderOf(ref))
    // A name that is taken holds what was deleted at this very moment before; it is kept, too.
    for (let at = deletedAt; ; at++)
      if (await this.#move(from, join(folder, binNameOf(ref, at, keptUntil)), folder)) break
    return { sizeBytes: stat.sizeBytes, storedAt: stat.modifiedAt }
  }

  /** False if the name is taken; nothing is changed then. */
  async #move(from: string, to: string, folder: string): Promise<boolean> {
    const { fs, durable, folders, indexes } = this.#disk
    const synced = await durable.within(folder, () => {
      const sync = folders.changing(folder)
      return this.#link(from, to) ? sync : undefined
    })
    if (synced === undefined) return false
    try {
      await synced()
    } catch (error) {
      // A name that a failed fsync has lost must not be seen: what is seen counts as stored.
      tryEach(() => fs.statSync(from) && fs.removeSync(to))
      throw error
    }
    indexes.change(from, false, () => fs.removeSync(from))
    return true
  }

  /** False if the name is taken. */
  #link(from: string, to: string): boolean {
    const { fs, indexes } = this.#disk
    try {
      indexes.change(to, false, () => fs.linkSync(from, to))
      return true
    } catch (error) {
      if (isTaken(error)) return false
      if (!hasNoLinks(error)) throw error
    }
    if (fs.statSync(to)) return false
    fs.renameSync(from, to)
    return true
  }

  #pathOf(ref: ObjectRef): string {
    return join(joined(this.#repository, folderOf(ref)), nameOf(ref))
  }

  #binPathOf({ ref, deletedAt, keptUntil }: BinnedObject): string {
    return join(joined(this.#repository, binFolderOf(ref)), binNameOf(ref, deletedAt, keptUntil))
  }
}
