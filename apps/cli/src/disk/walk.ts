import {
  lstatSync,
  opendirSync,
  readlinkSync,
  statSync,
  type Dir,
  type Dirent,
  type Stats,
} from 'node:fs'
import { basename, join, resolve, sep } from 'node:path'
import type { LocalItem, Skipped } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import { printable } from '../output/text.ts'
import { diskReason, errorCode } from './disk-reasons.ts'
import { readLocalFile } from './read-file.ts'

/** Something named on the command line: where it is, and the name that it gets. */
export type Root = { readonly path: string; readonly name: string; readonly follow: boolean }

export type WalkOptions = {
  /** Store what links lead to, instead of the links. */
  readonly dereference: boolean
  /** Told of sockets, pipes and devices, which have no contents to keep. */
  readonly notKept: (item: Skipped) => void
}

type Frame = {
  readonly path: string
  readonly relative: string
  readonly folder: Dir
  readonly stats: Stats
  /** Composed spellings of names that were met in another one. */
  readonly composed: Set<string>
}

type Place = { readonly path: string; readonly relative: string }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a name; undefined where it is not UTF-8. */
const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** A name that is no text, for people: what is no UTF-8 as `\xff`. */
const escaped = (bytes: Uint8Array): string =>
  [...bytes]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('')

const specialKind = (stats: Stats): string => {
  if (stats.isSocket()) return 'a socket'
  if (stats.isFIFO()) return 'a named pipe'
  if (stats.isBlockDevice() || stats.isCharacterDevice()) return 'a device'
  return 'of an unknown kind'
}

/** Type says nothing of the encoding `buffer`, in which names come as they are on the disk. */
const openFolder = (path: string): Dir =>
  opendirSync(path, { encoding: 'buffer' as BufferEncoding, bufferSize: 512 })
const nameBytes = (entry: Dirent): Uint8Array => entry.name as unknown as Uint8Array

const unreadable = (relative: string, reason: string): LocalItem => ({
  kind: 'unreadable',
  path: relative,
  reason,
})

class Walk {
  readonly #options: WalkOptions
  readonly #frames: Frame[] = []

  constructor(options: WalkOptions) {
    this.#options = options
  }

  async *items(root: Root): AsyncGenerator<LocalItem> {
    try {
      yield* this.#visit({ path: root.path, relative: root.name }, root.follow)
      for (;;) {
        const frame = this.#frames.at(-1)
        if (!frame) return
        const next = this.#next(frame)
        if (!next) this.#frames.pop()?.folder.closeSync()
        else if ('kind' in next) yield next
        else yield* this.#visit(next, this.#options.dereference)
      }
    } finally {
      for (const { folder } of this.#frames.splice(0)) folder.closeSync()
    }
  }

  /** The next entry of a folder: a place to look at, or an item where its name rules it out. */
  #next(frame: Frame): Place | LocalItem | undefined {
    let entry: Dirent | null
    try {
      entry = frame.folder.readSync()
    } catch (error) {
      this.#frames.pop()?.folder.closeSync()
      return unreadable(frame.relative, diskReason(error))
    }
    if (!entry) return undefined
    const bytes = nameBytes(entry)
    const name = textOf(bytes)
    if (name === undefined) {
      return unreadable(`${frame.relative}/${escaped(bytes)}`, 'Its name is not valid UTF-8.')
    }
    const relative = `${frame.relative}/${name}`
    const path = frame.path + sep + name
    if (this.#collides(frame, name, path))
      return unreadable(relative, 'Another item has the same name in another spelling of Unicode.')
    return { path, relative }
  }

  /** Names are kept in NFC. Only names in another form can collide: with the composed one, or with each other. */
  #collides(frame: Frame, name: string, path: string): boolean {
    const composed = name.normalize('NFC')
    if (composed === name) return false
    if (frame.composed.has(composed)) return true
    frame.composed.add(composed)
    const other = lstatSync(join(frame.path, composed), { throwIfNoEntry: false })
    const own = lstatSync(path, { throwIfNoEntry: false })
    // Disks that compose by themselves find the same item under both names.
    return other !== undefined && (other.ino !== own?.ino || other.dev !== own.dev)
  }

  *#visit(place: Place, follow: boolean): Generator<LocalItem> {
    const { path, relative } = place
    let stats: Stats
    try {
      stats = follow ? statSync(path) : lstatSync(path)
    } catch (error) {
      const dangling = follow && errorCode(error) === 'ENOENT'
      yield unreadable(relative, dangling ? 'It is a link to nothing.' : diskReason(error))
      return
    }
    if (stats.isFile()) yield this.#file(place, stats, follow)
    else if (stats.isSymbolicLink()) yield this.#link(place, stats)
    else if (stats.isDirectory()) yield* this.#folder(place, stats)
    else
      this.#options.notKept({
        path: relative,
        reason: `It is ${specialKind(stats)}, which has nothing to keep.`,
      })
  }

  #file({ path, relative }: Place, stats: Stats, follow: boolean): LocalItem {
    return {
      kind: 'file',
      path: relative,
      size: stats.size,
      modifiedAt: Math.round(stats.mtimeMs),
      mode: stats.mode & 0o777,
      open: (offset) => readLocalFile(path, stats, follow, offset),
    }
  }

  #link({ path, relative }: Place, stats: Stats): LocalItem {
    try {
      const target = textOf(readlinkSync(path, { encoding: 'buffer' }))
      if (target === undefined) return unreadable(relative, 'Its target is not valid UTF-8.')
      return { kind: 'link', path: relative, target, modifiedAt: Math.round(stats.mtimeMs) }
    } catch (error) {
      return unreadable(relative, diskReason(error))
    }
  }

  *#folder({ path, relative }: Place, stats: Stats): Generator<LocalItem> {
    const above = this.#frames.some(
      (frame) => frame.stats.ino === stats.ino && frame.stats.dev === stats.dev,
    )
    if (above) {
      yield unreadable(relative, 'It leads back to a folder above it.')
      return
    }
    yield {
      kind: 'folder',
      path: relative,
      modifiedAt: Math.round(stats.mtimeMs),
      mode: stats.mode & 0o777,
    }
    try {
      const folder = openFolder(path)
      this.#frames.push({ path, relative, folder, stats, composed: new Set() })
    } catch (error) {
      yield unreadable(relative, diskReason(error))
    }
  }
}

/**
 * What lies at the roots, folders before what they hold, read from the disk as it is asked for. Items that cannot be
 * read come as `unreadable`, each with the reason; links come as links.
 */
export async function* walkDisk(
  roots: readonly Root[],
  options: WalkOptions,
): AsyncGenerator<LocalItem> {
  for (const root of roots) yield* new Walk(options).items(root)
}

const rootOf = (given: string): Root => {
  const path = resolve(given)
  const name = basename(path)
  if (name === '') {
    throw new CliError('usage', 'The root of the disk has no name.', 'Name folders in it instead.')
  }
  // `link/` means what it leads to, as for cp.
  return { path, name, follow: /[/\\]\.?$|^\.{1,2}$/.test(given) }
}

/**
 * The roots of a command line. Throws `CliError` where one is not there, or where two would get the same name; nothing
 * has been stored then.
 */
export const rootsOf = (paths: readonly string[]): Root[] => {
  const names = new Set<string>()
  return paths.map((given) => {
    const root = rootOf(given)
    const found = lstatSync(root.path, { throwIfNoEntry: false })
    if (!found)
      throw new CliError('notFound', `There is no ${printable(given)}.`, 'Check the path.')
    const name = root.name.normalize('NFC')
    if (names.has(name)) {
      throw new CliError(
        'usage',
        `Two of the paths end in ${printable(name)}.`,
        'Put them one after the other, into different folders.',
      )
    }
    names.add(name)
    return root
  })
}
