import {
  readBlobs,
  ResticError,
  type ResticNode,
  type ResticPlace,
  type ResticRepository,
  walkSnapshot,
  type WalkedFolder,
  type WantedBlob,
} from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { diskReason, errorCode } from '../disk/disk-reasons.ts'
import type { ItemReason } from '../output/transfer-report.ts'
import { RestoredFile } from './disk-file.ts'
import {
  dressFolder,
  makeFolder,
  openDestination,
  placeHardLink,
  placeIn,
  placeLink,
  type DiskFolder,
  type Placing,
} from './disk-place.ts'

/** What a restore has done. */
export type Restored = {
  files: number
  folders: number
  links: number
  bytes: number
  /** Files with extended attributes, which are not restored. */
  withAttributes: number
  readonly failed: ItemReason[]
}

export type RestoreOptions = {
  readonly overwrite: boolean
  readonly signal: AbortSignal
  readonly onProgress?: (doneBytes: number, files: number) => void
}

/** One file under way; its pieces come one after the other. */
type Target = {
  readonly path: string
  readonly folder: DiskFolder | undefined
  readonly node: ResticNode
  /** Pieces that are still to come. */
  left: number
  file: RestoredFile | undefined
  failed: boolean
}

/** Another name of a file that is restored under its first one. */
type Name = Pick<Target, 'path' | 'folder' | 'node'> & { readonly first: Target }

/** Failures after which nothing else can succeed either. */
const fatalCodes: readonly string[] = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']

const notRestored = 'Devices, pipes, sockets and the like are not restored.'
/** The code of a failure that is none of the repository or the disk. */
export const specialCode = 'special_file'

const joined = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)

/** Writes a tree of a snapshot into a folder; see `restoreTree`. */
class Restore {
  readonly done: Restored = {
    ...{ files: 0, folders: 0, links: 0, bytes: 0 },
    withAttributes: 0,
    failed: [],
  }
  readonly #repository: ResticRepository
  readonly #destination: DiskFolder
  readonly #options: RestoreOptions
  readonly #placing: Placing
  readonly #folders = new Map<ResticPlace | undefined, DiskFolder>()
  readonly #made: { readonly folder: DiskFolder; readonly place: ResticPlace }[] = []
  readonly #firsts = new Map<string, Target>()
  readonly #names: Name[] = []
  #current: Target | undefined

  constructor(repository: ResticRepository, destination: string, options: RestoreOptions) {
    this.#repository = repository
    this.#options = options
    this.#placing = { overwrite: options.overwrite, made: new Set() }
    this.#destination = openDestination(destination)
  }

  async tree(tree: string): Promise<void> {
    await this.#write(this.#plan(walkSnapshot(this.#repository, tree, this.#walking())))
  }

  async node(node: ResticNode): Promise<void> {
    const place = { path: '', depth: 0, parent: undefined, node: undefined, tree: '' }
    const folders = (async function* (): AsyncGenerator<WalkedFolder> {
      yield { place, nodes: [node] }
    })()
    await this.#write(this.#plan(folders))
  }

  #walking() {
    return {
      signal: this.#options.signal,
      onProblem: ({ object, code, message }: { object: string; code: string; message: string }) =>
        void this.done.failed.push({ path: object || '/', reason: message, code }),
    }
  }

  /** Runs `work`; what fails is noted, and the rest goes on. True where it succeeded. */
  #noted(path: string, work: () => void): boolean {
    try {
      work()
      return true
    } catch (error) {
      this.#fail(path, error)
      return false
    }
  }

  #fail(path: string, error: unknown): void {
    const reason = error instanceof ResticError ? error.message : diskReason(error)
    if (fatalCodes.includes(errorCode(error) ?? '')) {
      const advice = 'What is whole was kept; make room and run the command again.'
      throw new CliError('failure', `${reason} Not everything was restored.`, advice, {
        cause: error,
      })
    }
    const code = error instanceof ResticError ? error.code : undefined
    this.done.failed.push({ path, reason, code })
  }

  /** Makes folders and links as the walk comes by, and gives the pieces of files to read. */
  async *#plan(folders: AsyncIterable<WalkedFolder>): AsyncGenerator<WantedBlob<Target>> {
    for await (const { place, nodes } of folders) {
      const folder = this.#folderOf(place)
      for (const node of nodes) {
        const path = joined(place.path, node.name)
        if (node.extendedAttributes) this.done.withAttributes++
        const target = this.#begin(path, folder, node)
        if (!target) continue
        for (const id of node.content ?? []) yield { item: target, id }
      }
    }
  }

  #folderOf(place: ResticPlace): DiskFolder | undefined {
    const { parent, node } = place
    if (!node) {
      this.#folders.set(place, this.#destination)
      return this.#destination
    }
    this.#noted(place.path, () => {
      const folder = makeFolder(placeIn(this.#folders.get(parent), node))
      this.#folders.set(place, folder)
      this.#made.push({ folder, place })
      this.done.folders++
    })
    return this.#folders.get(place)
  }

  /** Makes what has no content at once; for a file whose content is wanted its target. */
  #begin(path: string, folder: DiskFolder | undefined, node: ResticNode): Target | undefined {
    let target: Target | undefined
    this.#noted(path, () => {
      if (node.kind === 'folder') return
      if (node.kind === 'link') {
        placeLink(placeIn(folder, node), node, this.#placing)
        this.done.links++
      } else if (node.kind === 'file') target = this.#beginFile(path, folder, node)
      else this.done.failed.push({ path, reason: notRestored, code: specialCode })
    })
    return target
  }

  #beginFile(path: string, folder: DiskFolder | undefined, node: ResticNode): Target | undefined {
    const left = node.content?.length ?? 0
    const target: Target = { path, folder, node, left, file: undefined, failed: false }
    if (node.links > 1 && node.inode !== undefined) {
      const key = `${node.deviceId ?? ''}:${node.inode}`
      const first = this.#firsts.get(key)
      if (first) {
        this.#names.push({ path, folder, node, first })
        return undefined
      }
      this.#firsts.set(key, target)
    }
    if (left > 0) return target
    try {
      this.#open(target)
      this.#finish(target)
    } catch (error) {
      target.failed = true
      throw error
    }
    return undefined
  }

  /** The folder is looked at again: it was some time ago that the walk came by. */
  #open(target: Target): RestoredFile {
    const { folder, node } = target
    const isOurs = folder?.isNew === true
    target.file ??= new RestoredFile(placeIn(folder, node), node, this.#placing, isOurs)
    return target.file
  }

  async #write(plan: AsyncIterable<WantedBlob<Target>>): Promise<void> {
    const { signal, onProgress } = this.#options
    try {
      for await (const { item, bytes, error } of readBlobs(this.#repository, plan, { signal })) {
        this.#current = item
        item.left--
        if (!item.failed) await this.#take(item, bytes, error)
        const { bytes: done, files } = this.done
        onProgress?.(done + (item.file?.sizeBytes ?? 0), files)
      }
    } finally {
      this.#current?.file?.abort()
    }
    for (const name of this.#names) this.#noted(name.path, () => this.#nameAgain(name))
    for (const { folder, place } of this.#made.toReversed()) {
      const { node } = place
      if (node && folder.isNew) this.#noted(place.path, () => dressFolder(folder, node))
    }
  }

  async #take(
    target: Target,
    bytes: Uint8Array | undefined,
    error: ResticError | undefined,
  ): Promise<void> {
    try {
      if (error) throw error
      const file = this.#open(target)
      if (bytes) await file.write(bytes)
      if (target.left === 0) this.#finish(target)
    } catch (thrown) {
      target.failed = true
      target.file?.abort()
      this.#fail(target.path, thrown)
    }
  }

  #finish(target: Target): void {
    const { file, node } = target
    if (!file) return
    if (file.sizeBytes !== node.sizeBytes) {
      file.abort()
      throw new ResticError('damaged', 'Its content is not as long as the snapshot says.')
    }
    file.close()
    target.file = undefined
    this.done.files++
    this.done.bytes += file.sizeBytes
  }

  #nameAgain({ folder, node, first }: Name): void {
    if (first.failed) throw new Error(`It is one file with ${first.path}, which was not restored.`)
    const of = placeIn(first.folder, first.node)
    placeHardLink(placeIn(folder, node), of, this.#placing)
    this.done.files++
  }
}

/**
 * Restores what a node of a snapshot is into a folder of the disk: a folder's contents, or anything else by its name.
 * What cannot be read or written is listed, and the rest is restored. Nothing is ever written outside the folder or
 * through a link in it, whoever made that. Throws `CliError` where the disk itself fails, and what the source throws.
 */
export const restoreTree = async (
  repository: ResticRepository,
  node: ResticNode,
  destination: string,
  options: RestoreOptions,
): Promise<Restored> => {
  const restore = new Restore(repository, destination, options)
  if (node.subtree === undefined) await restore.node(node)
  else await restore.tree(node.subtree)
  return restore.done
}
