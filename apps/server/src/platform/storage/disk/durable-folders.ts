import { dirname, join } from 'node:path'
import type { FileSystem } from '../../disk/file-system.ts'
import type { FolderSync } from '../../disk/folder-sync.ts'
import { tryEach } from '../../disk/try-each.ts'
import { isForbidden, isMissing } from './disk-errors.ts'

/** Remembered folders; a forgotten one costs one fsync more. */
const remembered = 50_000

/**
 * Sees to it that a folder is there and that a power cut cannot take it back: a name in a folder which is not itself on
 * the disk is worth nothing, and an earlier process may have made the folder and ended before its fsync.
 */
export class DurableFolders {
  readonly #fs: FileSystem
  readonly #folders: FolderSync
  readonly #root: string
  readonly #known = new Set<string>()
  readonly #making = new Map<string, Promise<void>>()

  /** @param root above it nothing is ours: what is there is taken as it is */
  constructor(fs: FileSystem, folders: FolderSync, root: string) {
    this.#fs = fs
    this.#root = root
    this.#folders = folders
  }

  /** Makes it, with its parents, where it is missing. @throws the disk's errors */
  async ensure(path: string): Promise<void> {
    while (!this.#known.has(path)) {
      const making = this.#making.get(path)
      if (making !== undefined) {
        await making
        continue
      }
      const made = this.#make(path).finally(() => this.#making.delete(path))
      this.#making.set(path, made)
      await made
    }
  }

  /** Many folders in the same one. */
  ensureAll(parent: string, paths: readonly string[]): Promise<void> {
    return this.within(parent, async () => {
      await this.#makeIn(
        parent,
        paths.filter((path) => !this.#fs.statSync(path)),
      )
      for (const path of paths) this.#remember(path)
    })
  }

  /** Does something in a folder, which is made where it is missing, also where it was there a moment ago. */
  async within<Answer>(path: string, work: () => Answer | Promise<Answer>): Promise<Answer> {
    if (!this.#known.has(path)) await this.ensure(path)
    try {
      return await work()
    } catch (error) {
      if (!isMissing(error) || this.#fs.statSync(path) !== undefined) throw error
    }
    this.#doubt(path)
    await this.ensure(path)
    return work()
  }

  /** Somebody took it away, or is about to. */
  forget(path: string): void {
    for (const known of this.#known)
      if (known === path || known.startsWith(`${path}/`)) this.#known.delete(known)
  }

  /** For a folder that turned out to be missing: it and all above it are looked at again. */
  #doubt(path: string): void {
    for (let at = path; at !== dirname(at); at = dirname(at)) this.#known.delete(at)
  }

  async #make(path: string): Promise<void> {
    const parent = dirname(path)
    const isThere = this.#fs.statSync(path) !== undefined
    const isOurs = path.startsWith(join(this.#root, '/'))
    if (isThere && !isOurs) {
      if (path === this.#root) await this.#syncAbove(parent)
      return this.#remember(path)
    }
    await this.ensure(parent)
    await this.#makeIn(parent, this.#fs.statSync(path) === undefined ? [path] : [])
    this.#remember(path)
  }

  /** The folder above all may be one that we may not read; then who made ours has seen to it. */
  async #syncAbove(parent: string): Promise<void> {
    try {
      await this.#folders.changing(parent)()
    } catch (error) {
      if (!isForbidden(error)) throw error
    }
  }

  async #makeIn(parent: string, paths: readonly string[]): Promise<void> {
    const synced = this.#folders.changing(parent)
    for (const path of paths) this.#fs.makeFolderSync(path)
    try {
      await synced()
    } catch (error) {
      // What a failed fsync has lost must not be seen: a later one would not bring it to the disk.
      tryEach(...paths.map((path) => () => this.#fs.removeFolderSync(path)))
      throw error
    }
  }

  #remember(path: string): void {
    this.#known.add(path)
    if (this.#known.size <= remembered) return
    for (const oldest of this.#known) {
      this.#known.delete(oldest)
      return
    }
  }
}
