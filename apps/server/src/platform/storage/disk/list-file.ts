import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type FileStat, type FileSystem, writeFully } from '../../disk/file-system.ts'
import { tryEach } from '../../disk/try-each.ts'
import { FolderIndex } from './folder-index.ts'
import { listFile, shardFolders } from './layout.ts'

/** What is known of a folder, and how it was then. */
export type KnownFolder = {
  readonly relative: string
  readonly index: FolderIndex
  readonly stamp: FileStat
  /** False where names must be compared once more. */
  readonly isCurrent: boolean
  /** Names whose sizes must be asked again. */
  readonly doubtful: readonly string[]
  /** When its sizes were looked at, all of them. */
  readonly lookedAt: number
}

type Line = readonly [
  relative: string,
  stamp: readonly [modifiedAt: number, changedAt: number, inode: number],
  isCurrent: boolean,
  doubtful: readonly string[],
  lookedAt: number,
  count: number,
  textBytes: number,
]
type Meta = { readonly boot: string; readonly folders: readonly Line[] }

/** Then come a CRC-32 of all that follows, and the length of the JSON that comes first. */
const magic = Buffer.from('Hearthold list 1\n')
const headBytes = magic.length + 8
/** Listing fewer costs less than a file. */
const leastObjects = 1_000

export type ListFileOptions = {
  readonly fs: FileSystem
  /** Of this start of the machine: after another, damage is likely, and all is looked at again. */
  readonly boot: string
  /** Larger ones would not be kept anyway. */
  readonly limitBytes: number
  /** Throws where the disk has no room for so many bytes. */
  readonly checkRoom: (sizeBytes: number) => void
}

/** The start of this machine, by the kernel's word; undefined where it has none. */
export const bootOfMachine = (): string | undefined => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim() || undefined
  } catch {
    return undefined
  }
}

/** The file in parts, to be written one after the other. */
const encoded = (boot: string, folders: readonly KnownFolder[]): Uint8Array[] => {
  const lines = folders.map(({ relative, index, stamp, isCurrent, doubtful, lookedAt }): Line => [
    ...([relative, [stamp.modifiedAt, stamp.changedAt, stamp.inode], isCurrent] as const),
    ...([doubtful, lookedAt, index.count, index.text.length] as const),
  ])
  const meta = Buffer.from(JSON.stringify({ boot, folders: lines } satisfies Meta))
  const rest = [
    meta,
    ...folders.flatMap(({ index: { times, text } }) => [new Uint8Array(times.buffer), text]),
  ]
  const head = Buffer.alloc(headBytes)
  magic.copy(head)
  head.writeUInt32LE(
    rest.reduce((crc, part) => crc32(part, crc), 0),
    magic.length,
  )
  head.writeUInt32LE(meta.length, magic.length + 4)
  return [head, ...rest]
}

/** @throws Error for what is none of ours, or of another start of the machine */
const decoded = (bytes: Buffer, boot: string): KnownFolder[] => {
  const rest = bytes.subarray(headBytes)
  if (!bytes.subarray(0, magic.length).equals(magic)) throw new Error('no list')
  if (bytes.readUInt32LE(magic.length) !== crc32(rest)) throw new Error('a broken list')
  let at = bytes.readUInt32LE(magic.length + 4)
  const meta = JSON.parse(rest.toString('utf8', 0, at)) as Meta
  if (meta.boot !== boot) throw new Error('a list of another start')
  return meta.folders.map(
    ([relative, [modifiedAt, changedAt, inode], isCurrent, doubtful, lookedAt, count, length]) => {
      // Copies, so that a folder can be forgotten alone.
      const times = new Float64Array(new Uint8Array(rest.subarray(at, at + 8 * count)).buffer)
      const text = Buffer.from(rest.subarray(at + 8 * count, at + 8 * count + length))
      at += 8 * count + length
      const stamp = { sizeBytes: 0, modifiedAt, changedAt, inode }
      const index = new FolderIndex(text, times)
      return { relative, index, stamp, isCurrent, doubtful, lookedAt }
    },
  )
}

/**
 * What a repository's `data` holds, for the next process: `.hearthold-list` beside it. Nothing depends on it. It is not
 * synced, as nobody believes it once the machine was started again.
 */
export class ListFiles {
  readonly #options: ListFileOptions

  constructor(options: ListFileOptions) {
    this.#options = options
  }

  /** Nothing where the file is missing, broken or foreign. Its folders may have changed since. */
  async read(repository: string): Promise<readonly KnownFolder[]> {
    const { fs, boot, limitBytes } = this.#options
    try {
      const file = fs.openSync(join(repository, listFile), 'r')
      try {
        const { sizeBytes } = fs.fstatSync(file)
        if (sizeBytes < headBytes || sizeBytes > limitBytes * 1.1) return []
        const bytes = Buffer.allocUnsafeSlow(sizeBytes)
        for (let at = 0; at < sizeBytes;) {
          const count = await fs.read(file, bytes.subarray(at), at)
          if (count === 0) return []
          at += count
        }
        const folders = decoded(bytes, boot)
        return folders.filter(({ relative }) => shardFolders.includes(relative))
      } finally {
        fs.closeSync(file)
      }
    } catch {
      return []
    }
  }

  /** Where it cannot be written there is none. */
  async write(repository: string, folders: readonly KnownFolder[]): Promise<void> {
    const { fs, boot, checkRoom } = this.#options
    if (folders.reduce((count, { index }) => count + index.count, 0) < leastObjects) return
    const path = join(repository, listFile)
    const fresh = `${path}.new`
    try {
      const parts = encoded(boot, folders)
      checkRoom(parts.reduce((bytes, { length }) => bytes + length, 0))
      fs.removeSync(fresh)
      const file = fs.openSync(fresh, 'wx')
      try {
        await writeFully(fs, file, parts, 0)
      } finally {
        fs.closeSync(file)
      }
      fs.renameSync(fresh, path)
    } catch {
      tryEach(() => fs.removeSync(fresh))
    }
  }

  remove(repository: string): void {
    const { fs } = this.#options
    for (const name of [listFile, `${listFile}.new`]) fs.removeSync(join(repository, name))
  }
}
