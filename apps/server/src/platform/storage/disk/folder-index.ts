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
/** What nobody listed for so long makes room for others. */
const idleMs = 60_000
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

/**
 * What is in one folder. Kept as the text that lists are made of, since that is what is asked for, and from which all but
 * the times can be read again.
 */
export class FolderIndex {
  readonly count: number
  readonly #text: Buffer
  readonly #times: Float64Array

  constructor(objects: readonly ListedObject[]) {
    let text = ''
    for (const { id, sizeBytes } of objects) text += `,{"name":"${id}","size":${sizeBytes}}`
    this.#text = Buffer.from(text, 'latin1')
    this.#times = Float64Array.from(objects, ({ storedAt }) => storedAt)
    this.count = objects.length
  }

  /** Memory in use. */
  get bytes(): number {
    return 400 + this.#text.length + 8 * this.count
  }

  objects(): ListedObject[] {
    return this.#entries().map(({ name, size }, at) => ({
      id: name,
      sizeBytes: size,
      storedAt: this.#times[at] ?? 0,
    }))
  }

  /** Each entry begins with a comma. */
  json(version: 'v1' | 'v2'): Buffer {
    if (version === 'v2') return this.#text
    const names = this.#entries().map(({ name }) => `,"${name}"`)
    return Buffer.from(names.join(''), 'latin1')
  }

  #entries(): { name: string; size: number }[] {
    const text = this.#text.toString('latin1', 1)
    return JSON.parse(`[${text}]`) as { name: string; size: number }[]
  }
}

type Kept = { readonly index: FolderIndex; readonly stamp: FileStat; usedAt: number }

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
   * @returns undefined if there is no such folder
   */
  async of(folder: string, relative: string): Promise<FolderIndex | undefined> {
    const stamp = this.#options.fs.statSync(folder)
    const kept = this.#kept.get(folder)
    if (stamp === undefined) {
      this.forget(folder)
      return undefined
    }
    if (kept !== undefined && isSame(kept.stamp, stamp)) {
      this.#kept.delete(folder)
      this.#kept.set(folder, { ...kept, usedAt: this.#options.now() })
      return kept.index
    }
    this.forget(folder)
    const isSettled = this.#isSettled(stamp)
    const objects = await this.#read(folder, relative)
    if (objects === undefined) return undefined
    const index = new FolderIndex(objects)
    if (isSettled) this.#keep(folder, { index, stamp, usedAt: this.#options.now() })
    return index
  }

  forget(folder: string): void {
    const kept = this.#kept.get(folder)
    if (kept === undefined) return
    this.#bytes -= kept.index.bytes
    this.#kept.delete(folder)
  }

  #isSettled({ modifiedAt, changedAt }: FileStat): boolean {
    const latest = Math.max(modifiedAt, changedAt)
    return this.#options.now() - latest > (latest % 1000 === 0 ? coarseSettlingMs : settlingMs)
  }

  /**
   * A list goes through all folders in turn. If each pushed out the one used longest ago, a repository that is larger than
   * what may be kept would find none of them the next time; so only what is idle makes room.
   */
  #keep(folder: string, kept: Kept): void {
    const { limitBytes } = this.#options
    this.forget(folder)
    for (const [oldest, { usedAt }] of this.#kept) {
      const fits = this.#bytes + kept.index.bytes <= limitBytes
      if (fits || Math.abs(kept.usedAt - usedAt) < idleMs) break
      this.forget(oldest)
    }
    if (this.#bytes + kept.index.bytes > limitBytes) return
    this.#kept.set(folder, kept)
    this.#bytes += kept.index.bytes
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
