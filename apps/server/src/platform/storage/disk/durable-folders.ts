import { dirname } from 'node:path'
import type { FileSystem } from '../../disk/file-system.ts'
import type { FolderSync } from '../../disk/folder-sync.ts'
import { isMissing } from './disk-errors.ts'

/** Remembered folders; a forgotten one costs one fsync more. */
const remembered = 50_000

/**
 * Sees to it that a folder is there and that a power cut cannot take it back: a name in a folder which is not itself on
 * the disk is worth nothing, and an earlier process may have made the folder and ended before its fsync.
 */
export class DurableFolders {
  readonly #fs: FileSystem
  readonly #folders: FolderSync
  readonly #known = new Set<string>()
  readonly #making = new Map<string, Promise<void>>()

  constructor(fs: FileSystem, folders: FolderSync) {
    this.#fs = fs
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
      const synced = this.#folders.changing(parent)
      for (const path of paths) if (!this.#fs.statSync(path)) this.#fs.makeFolderSync(path)
      await synced()
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
    if (parent === path) return this.#remember(path)
    if (this.#fs.statSync(path) === undefined) {
      await this.ensure(parent)
      if (this.#fs.statSync(path) === undefined) this.#fs.makeFolderSync(path)
    }
    await this.#folders.changing(parent)()
    this.#remember(path)
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
