/** Trees on disk as sources and sinks, no more than these tests need: the command line has its own. */
import { createHash } from 'node:crypto'
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  lstatSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalItem, TreeSink } from '@hearthold/member'

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'hearthold-tree-'))

/** Everything below a folder, parents first. */
export async function* walkDisk(folder: string, below = ''): AsyncGenerator<LocalItem> {
  for (const name of readdirSync(join(folder, below))) {
    const path = below === '' ? name : `${below}/${name}`
    const full = join(folder, path)
    const stat = lstatSync(full)
    const modifiedAt = Math.round(stat.mtimeMs)
    if (stat.isSymbolicLink()) yield { kind: 'link', path, target: readlinkSync(full), modifiedAt }
    else if (stat.isDirectory()) {
      yield { kind: 'folder', path, modifiedAt, mode: stat.mode & 0o777 }
      yield* walkDisk(folder, path)
    } else {
      const source = (offset: number) =>
        createReadStream(full, { start: offset, highWaterMark: 1024 * 1024 })
      yield {
        kind: 'file',
        path,
        size: stat.size,
        modifiedAt,
        mode: stat.mode & 0o777,
        open: source,
      }
    }
  }
}

/** Path to SHA-256, link target or "folder" for all below a folder. */
export const digestOf = (folder: string): Map<string, string> => {
  const found = new Map<string, string>()
  const walk = (below: string): void => {
    for (const name of readdirSync(join(folder, below))) {
      const path = below === '' ? name : `${below}/${name}`
      const full = join(folder, path)
      const stat = lstatSync(full)
      if (stat.isSymbolicLink()) found.set(path.normalize('NFC'), `link ${readlinkSync(full)}`)
      else if (stat.isDirectory()) {
        found.set(path.normalize('NFC'), 'folder')
        walk(path)
      } else
        found.set(
          path.normalize('NFC'),
          createHash('sha256').update(readFileSync(full)).digest('hex'),
        )
    }
  }
  walk('')
  return found
}

/** Writes below a folder; a file appears under its name only when it is whole. */
export const diskSink = (folder: string): TreeSink => ({
  folder: (path) => Promise.resolve(void mkdirSync(join(folder, path), { recursive: true })),
  link: (path, target) => Promise.resolve(symlinkSync(target, join(folder, path))),
  file: async (path) => {
    const file = await open(join(folder, path), 'wx')
    return {
      write: async (bytes) => void (await file.write(bytes)),
      close: () => file.close(),
      abort: () => file.close(),
    }
  },
})

export const sizeOf = (path: string): number => statSync(path).size
