import { basename, dirname, join } from 'node:path'
import type { FileStat, FileSystem } from '../../disk/file-system.ts'
import type { ListedObject } from '../storage.ts'
import { FolderIndex } from './folder-index.ts'
import { isObjectName, isTemporary, joined, shardFolders } from './layout.ts'
import type { KnownFolder, ListFiles } from './list-file.ts'
import { turn, Turns } from './turns.ts'

/** Times on a disk move in steps of up to some ms: a change so shortly before a look may be followed by an unseen one. */
const settlingMs = 50
/** Where they are whole seconds the steps may be of two (FAT). Files of others may still grow for so long, too. */
const coarseSettlingMs = 2_100
/** After so many files others get their turn. */
const filesPerTurn = 512
/** What nobody listed for so long makes room for others. */
const idleMs = 60_000
/** Temporary files that nobody touched for so long were left by somebody who is no more. */
const staleMs = 24 * 3600_000
/** Sizes are looked at again after so long: a file may be cut short without its folder showing it. */
const sizesHoldMs = 24 * 3600_000
/** Memory of a remembered name. */
const nameBytes = 120
/** A list is written down when its repository has been quiet for so long. */
const quietMs = 60_000
/** A forgotten one is read once more. */
const rememberedRepositories = 50_000

export type IndexOptions = {
  readonly fs: FileSystem
  readonly now: () => number
  /** Memory for what is kept. */
  readonly limitBytes: number
  /** True for a temporary file that is being written. */
  readonly isInUse: (folder: string, name: string) => boolean
  /** Undefined where nothing is written down. */
  readonly files?: ListFiles | undefined
}

type Kept = {
  readonly repository: string
  readonly relative: string
  readonly index: FolderIndex
  readonly lookedAt: number
  /** See KnownFolder. */
  readonly doubtful: Set<string>
  /** What we stored since: whole, and never written to. */
  readonly own: Set<string>
  /** How the folder was after the last change that we know of. */
  stamp: FileStat
  isCurrent: boolean
  usedAt: number
}

/**
 * Remembers what is in folders, and knows when that is true no more.
 *
 * - The times and inode of a folder tell, whoever wrote. What was seen of a folder that had changed a moment before is told
 *   once and not remembered.
 * - Our own changes are followed: a folder that stood as we knew it before each of them and stands now as the last one left
 *   it holds nothing else but what others did in the same step of the disk's clock. So its names are compared, and only
 *   sizes of new ones asked for.
 * - After any change of somebody else all sizes are asked for, since a file may have been replaced, and otherwise once a day.
 */
export class FolderIndexes {
  readonly #options: IndexOptions
  /** Those used longest ago first. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0
  /** Repositories whose file was read, or is being read. */
  readonly #loaded = new Map<string, Promise<void> | undefined>()
  /** Repositories whose file is not as it should be. */
  readonly #unsaved = new Map<string, NodeJS.Timeout>()
  readonly #saves = new Turns()

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
  async of(repository: string, relative: string): Promise<FolderIndex | undefined> {
    if (isWrittenDown(relative)) await this.load(repository)
    const folder = joined(repository, relative)
    const stamp = this.#options.fs.statSync(folder)
    const kept = this.#kept.get(folder)
    if (stamp === undefined) {
      this.forget(folder)
      return undefined
    }
    if (kept !== undefined && isSame(kept.stamp, stamp) && this.#isRecent(kept)) {
      kept.usedAt = this.#options.now()
      this.#kept.delete(folder)
      this.#kept.set(folder, kept)
      return kept.isCurrent ? kept.index : this.#compare(folder, kept, stamp)
    }
    this.forget(folder)
    return this.#readAll({ repository, relative }, folder, stamp)
  }

  /**
   * Reads what a former process wrote down, once. Wanted before a change too, that it can be followed.
   * @returns undefined where that was done
   */
  load(repository: string): Promise<void> | undefined {
    const { files } = this.#options
    if (files === undefined) return undefined
    if (this.#loaded.has(repository)) return this.#loaded.get(repository)
    if (this.#loaded.size > rememberedRepositories) this.#loaded.clear()
    const loading = this.#load(repository, files)
    this.#loaded.set(repository, loading)
    return loading
  }

  async #load(repository: string, files: ListFiles): Promise<void> {
    const folders = await files.read(repository)
    this.#loaded.set(repository, undefined)
    const usedAt = this.#options.now()
    for (const known of folders)
      if (!this.#kept.has(joined(repository, known.relative)))
        this.#keep({
          ...{ ...known, repository, usedAt },
          ...{ doubtful: new Set(known.doubtful), own: new Set() },
        })
  }

  /**
   * Makes one change in a folder, at once.
   * @param path of the file that comes, goes, or is replaced
   * @param isNew true for a name that nobody has, and a temporary one
   */
  change<Answer>(path: string, isNew: boolean, work: () => Answer): Answer {
    const folder = dirname(path)
    const kept = this.#kept.get(folder)
    if (kept === undefined) return work()
    const { fs } = this.#options
    const before = fs.statSync(folder)
    if (before === undefined || !isSame(before, kept.stamp)) {
      this.forget(folder)
      return work()
    }
    // Until the end is known.
    kept.isCurrent = false
    kept.stamp = nowhere
    const answer = work()
    const name = basename(path)
    const names = isNew ? kept.own : kept.doubtful
    if (isObjectName(kept.relative, name) && !names.has(name)) {
      names.add(name)
      this.#bytes += nameBytes
    }
    kept.stamp = fs.statSync(folder) ?? nowhere
    this.#saveLater(kept)
    return answer
  }

  forget(folder: string): void {
    const kept = this.#kept.get(folder)
    if (kept === undefined) return
    this.#bytes -= bytesOf(kept)
    this.#kept.delete(folder)
  }

  /** Before a repository is destroyed. */
  async forgetRepository(repository: string): Promise<void> {
    for (const folder of shardFolders) this.forget(join(repository, folder))
    clearTimeout(this.#unsaved.get(repository))
    this.#unsaved.delete(repository)
    this.#loaded.delete(repository)
    await this.#saves.run(repository, async () => this.#options.files?.remove(repository))
  }

  /** Writes down what is not. */
  async close(): Promise<void> {
    for (const repository of this.#unsaved.keys()) this.#save(repository)
    await this.#saves.idle()
  }

  #isSettled({ modifiedAt, changedAt }: FileStat): boolean {
    const latest = Math.max(modifiedAt, changedAt)
    return this.#options.now() - latest > (latest % 1000 === 0 ? coarseSettlingMs : settlingMs)
  }

  #isRecent({ lookedAt }: Kept): boolean {
    return Math.abs(this.#options.now() - lookedAt) < sizesHoldMs
  }

  /**
   * A list goes through all folders in turn. If each pushed out the one used longest ago, a repository that is larger than
   * what may be kept would find none of them the next time; so only what is idle makes room.
   */
  #keep(kept: Kept): void {
    const { limitBytes } = this.#options
    const folder = joined(kept.repository, kept.relative)
    this.forget(folder)
    const bytes = bytesOf(kept)
    for (const [oldest, { usedAt, repository }] of this.#kept) {
      if (this.#bytes + bytes <= limitBytes || Math.abs(kept.usedAt - usedAt) < idleMs) break
      this.forget(oldest)
      // What was written down of it serves the next time.
      this.#loaded.delete(repository)
    }
    if (this.#bytes + bytes > limitBytes) return
    this.#kept.set(folder, kept)
    this.#bytes += bytes
  }

  /** A folder of which nothing is known. */
  async #readAll(
    place: Pick<Kept, 'repository' | 'relative'>,
    folder: string,
    stamp: FileStat,
  ): Promise<FolderIndex | undefined> {
    const isSettled = this.#isSettled(stamp)
    const usedAt = this.#options.now()
    const names = this.#options.fs.listSync(folder)
    if (names === undefined) return undefined
    const found = this.#objectsOf(names, folder, place.relative)
    const { objects, doubtful } = await this.#sizes(folder, found, new Set())
    const index = FolderIndex.of(objects)
    if (!isSettled) return index
    const isCurrent = doubtful.size === 0
    const own = new Set<string>()
    const kept = { ...place, index, stamp, isCurrent, doubtful, own, lookedAt: usedAt, usedAt }
    this.#keep(kept)
    this.#saveLater(kept)
    return index
  }

  /** A folder in which nobody but us changed anything, as far as can be told. */
  async #compare(folder: string, kept: Kept, stamp: FileStat): Promise<FolderIndex | undefined> {
    const isSettled = this.#isSettled(stamp)
    const names = this.#options.fs.listSync(folder)
    if (names === undefined) return undefined
    const { others, lost } = compared(kept, names)
    const unknown = this.#objectsOf(others, folder, kept.relative)
    const { objects, doubtful } = await this.#sizes(folder, unknown, kept.own)
    const index = kept.index.without(lost).with(objects)
    // Who changed something meanwhile will have it compared again.
    if (this.#kept.get(folder) !== kept || !isSame(kept.stamp, stamp)) return index
    const isCurrent = isSettled && doubtful.size === 0
    const fresh = { ...kept, index, isCurrent, doubtful, own: new Set<string>() }
    this.#keep(fresh)
    this.#saveLater(fresh)
    return index
  }

  /** Those that name objects. */
  #objectsOf(names: readonly string[], folder: string, relative: string): string[] {
    return names.filter((name) => isObjectName(relative, name) || this.#sweep(folder, name))
  }

  /** @returns the objects that are there, and the names of those that may still change */
  async #sizes(
    folder: string,
    names: readonly string[],
    own: ReadonlySet<string>,
  ): Promise<{ objects: ListedObject[]; doubtful: Set<string> }> {
    const { fs, now } = this.#options
    const objects: ListedObject[] = []
    const doubtful = new Set<string>()
    const settledAt = now() - coarseSettlingMs
    for (const [index, name] of names.entries()) {
      if (index % filesPerTurn === filesPerTurn - 1) await turn()
      const stat = fs.statSync(`${folder}/${name}`)
      if (stat === undefined) continue
      objects.push({ id: name, sizeBytes: stat.sizeBytes, storedAt: stat.modifiedAt })
      if (stat.changedAt > settledAt && !own.has(name)) doubtful.add(name)
    }
    return { objects, doubtful }
  }

  /** Removes a temporary file that is nobody's any more. @returns false: it is no object */
  #sweep(folder: string, name: string): boolean {
    const { fs, now, isInUse } = this.#options
    if (!isTemporary(name) || isInUse(folder, name)) return false
    const path = join(folder, name)
    const stat = fs.statSync(path)
    if (stat && now() - stat.modifiedAt > staleMs)
      this.change(path, true, () => fs.removeSync(path))
    return false
  }

  #saveLater({ repository, relative }: Kept): void {
    if (this.#options.files === undefined || !isWrittenDown(relative)) return
    const timer = this.#unsaved.get(repository)
    if (timer !== undefined) timer.refresh()
    else this.#unsaved.set(repository, setTimeout(() => this.#save(repository), quietMs).unref())
  }

  #save(repository: string): void {
    clearTimeout(this.#unsaved.get(repository))
    this.#unsaved.delete(repository)
    void this.#saves.run(repository, async () => {
      const known = shardFolders.flatMap((relative): KnownFolder[] => {
        const kept = this.#kept.get(joined(repository, relative))
        return kept === undefined ? [] : [{ ...kept, doubtful: [...kept.doubtful] }]
      })
      await this.#options.files?.write(repository, known)
    })
  }
}

/** What no folder looks like. */
const nowhere: FileStat = { sizeBytes: 0, modifiedAt: -1, changedAt: -1, inode: -1 }

/** The other folders hold few files. */
const isWrittenDown = (relative: string): boolean => relative.startsWith('data/')

const bytesOf = ({ index, doubtful, own }: Kept): number =>
  index.bytes + nameBytes * (doubtful.size + own.size)

/** What is in a folder besides what is known, and what is known and must be left out. */
const compared = (
  { index, doubtful }: Kept,
  names: readonly string[],
): { others: readonly string[]; lost: ReadonlySet<string> } => {
  const missing = doubtful.size > 0 ? undefined : index.missingOf(names)
  if (missing !== undefined) return { others: missing, lost: new Set() }
  const others = new Set(names)
  const lost = new Set(index.names().filter((id) => doubtful.has(id) || !others.delete(id)))
  return { others: [...others], lost }
}

const isSame = (one: FileStat, other: FileStat): boolean =>
  one.modifiedAt === other.modifiedAt &&
  one.changedAt === other.changedAt &&
  one.inode === other.inode
