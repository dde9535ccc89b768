import { join } from 'node:path'
import type { FileStat, FileSystem } from '../../disk/file-system.ts'
import type { ListedObject } from '../storage.ts'
import { isObjectName, isTemporary } from './layout.ts'

/** Times on a disk move in steps of up to some ms: a change so shortly before a look may be followed by an unseen one. */
const settlingMs = 50
/** Where they are whole seconds the steps may be of two (FAT). */
const coarseSettlingMs = 2_100
/** After so many files others get their turn. */
const filesPerTurn = 512
/** Temporary files that nobody touched for so long were left by somebody who is no more. */
const staleMs = 24 * 3600_000

export type IndexOptions = {
  readonly fs: FileSystem
  readonly now: () => number
  /** Memory for what is kept. */
  readonly limitBytes: number
  /** True for a temporary file that is being written. */
  readonly isInUse: (folder: string, name: string) => boolean
}

/** What is in one folder. Its texts begin each entry with a comma. */
export class FolderIndex {
  readonly #ids: Buffer
  readonly #sizes: Float64Array
  readonly #times: Float64Array
  #v1: Buffer | undefined
  #v2: Buffer | undefined

  constructor(objects: readonly ListedObject[]) {
    this.#ids = Buffer.from(objects.map(({ id }) => id).join(''), 'latin1')
    this.#sizes = Float64Array.from(objects, ({ sizeBytes }) => sizeBytes)
    this.#times = Float64Array.from(objects, ({ storedAt }) => storedAt)
  }

  get count(): number {
    return this.#sizes.length
  }

  /** Memory in use. */
  get bytes(): number {
    const texts = (this.#v1?.length ?? 0) + (this.#v2?.length ?? 0)
    return 300 + this.#ids.length + 16 * this.count + texts
  }

  objects(): ListedObject[] {
    return Array.from({ length: this.count }, (_, at) => ({
      id: this.#id(at),
      sizeBytes: this.#sizes[at] ?? 0,
      storedAt: this.#times[at] ?? 0,
    }))
  }

  json(version: 'v1' | 'v2'): Buffer {
    return version === 'v1' ? (this.#v1 ??= this.#namesOnly()) : (this.#v2 ??= this.#withSizes())
  }

  #id(at: number): string {
    return this.#ids.toString('latin1', at * 64, at * 64 + 64)
  }

  #namesOnly(): Buffer {
    let text = ''
    for (let at = 0; at < this.count; at++) text += `,"${this.#id(at)}"`
    return Buffer.from(text, 'latin1')
  }

  #withSizes(): Buffer {
    let text = ''
    for (let at = 0; at < this.count; at++)
      text += `,{"name":"${this.#id(at)}","size":${this.#sizes[at]}}`
    return Buffer.from(text, 'latin1')
  }
}

type Kept = { readonly index: FolderIndex; readonly stamp: FileStat; bytes: number }

/**
 * Remembers what is in folders, and knows when that is true no more: their times and inode tell, whoever wrote. What
 * was seen of a folder that had changed a moment before is told once and not remembered.
 */
export class FolderIndexes {
  readonly #options: IndexOptions
  /** Those used longest ago first. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor(options: IndexOptions) {
    this.#options = options
  }

  /** Memory in use. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * What is in a folder.
   * @param relative the folder within its repository, which decides the names that count
   * @param version the text that is about to be asked for
   * @returns undefined if there is no such folder
   */
  async of(
    folder: string,
    relative: string,
    version?: 'v1' | 'v2',
  ): Promise<FolderIndex | undefined> {
    const stamp = this.#options.fs.statSync(folder)
    const kept = this.#kept.get(folder)
    if (stamp === undefined) {
      this.forget(folder)
      return undefined
    }
    if (kept !== undefined && isSame(kept.stamp, stamp)) {
      this.#keep(folder, kept, version)
      return kept.index
    }
    this.forget(folder)
    const isSettled = this.#isSettled(stamp)
    const objects = await this.#read(folder, relative)
    if (objects === undefined) return undefined
    const index = new FolderIndex(objects)
    if (isSettled) this.#keep(folder, { index, stamp, bytes: 0 }, version)
    return index
  }

  forget(folder: string): void {
    const kept = this.#kept.get(folder)
    if (kept === undefined) return
    this.#bytes -= kept.bytes
    this.#kept.delete(folder)
  }

  #isSettled({ modifiedAt, changedAt }: FileStat): boolean {
    const latest = Math.max(modifiedAt, changedAt)
    return this.#options.now() - latest > (latest % 1000 === 0 ? coarseSettlingMs : settlingMs)
  }

  #keep(folder: string, kept: Kept, version: 'v1' | 'v2' | undefined): void {
    this.forget(folder)
    // Rendered before it is counted, so that what is kept is what is counted.
    if (version !== undefined) kept.index.json(version)
    kept.bytes = kept.index.bytes
    this.#kept.set(folder, kept)
    this.#bytes += kept.bytes
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#options.limitBytes) return
      this.forget(oldest)
    }
  }

  async #read(folder: string, relative: string): Promise<ListedObject[] | undefined> {
    const { fs } = this.#options
    const names = fs.listSync(folder)
    if (names === undefined) return undefined
    const objects: ListedObject[] = []
    for (const [index, name] of names.entries()) {
      if (index % filesPerTurn === filesPerTurn - 1) await turn()
      if (!isObjectName(relative, name)) this.#sweep(folder, name)
      else {
        const stat = fs.statSync(`${folder}/${name}`)
        if (stat) objects.push({ id: name, sizeBytes: stat.sizeBytes, storedAt: stat.modifiedAt })
      }
    }
    return objects
  }

  /** Removes a temporary file that is nobody's any more. */
  #sweep(folder: string, name: string): void {
    const { fs, now, isInUse } = this.#options
    if (!isTemporary(name) || isInUse(folder, name)) return
    const stat = fs.statSync(join(folder, name))
    if (stat && now() - stat.modifiedAt > staleMs) fs.removeSync(join(folder, name))
  }
}

const isSame = (one: FileStat, other: FileStat): boolean =>
  one.modifiedAt === other.modifiedAt &&
  one.changedAt === other.changedAt &&
  one.inode === other.inode

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
