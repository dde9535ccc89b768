/** Local items and a sink in memory, for tests of putting and getting. */
import { sha256, toHex } from '@hearthold/crypto'
import type { TreeSink } from './get-tree.ts'
import type { LocalFile, LocalItem } from './local-item.ts'
import type { ResumeStore } from './resume.ts'
import type { Share } from './share.ts'
import { findPath, listFolder } from './tree.ts'

export const file = (
  path: string,
  bytes: Uint8Array,
  modifiedAt = 1_700_000_000_123,
): LocalFile => ({
  kind: 'file',
  path,
  size: bytes.length,
  modifiedAt,
  mode: 0o644,
  open: async function* (offset) {
    for (let at = offset; at < bytes.length; at += 1_000_000)
      yield bytes.subarray(at, Math.min(at + 1_000_000, bytes.length))
  },
})

export async function* items(...list: readonly LocalItem[]) {
  yield* list
}

export const memorySink = () => {
  const files = new Map<string, string>()
  const sizes = new Map<string, number>()
  const folders: string[] = []
  const links = new Map<string, string>()
  const aborted: string[] = []
  const sink: TreeSink = {
    folder: (path) => Promise.resolve(void folders.push(path)),
    link: (path, target) => Promise.resolve(void links.set(path, target)),
    file: (path) => {
      const parts: Uint8Array[] = []
      return Promise.resolve({
        write: (bytes) => Promise.resolve(void parts.push(bytes.slice())),
        close: () => {
          files.set(path, toHex(sha256(...parts)))
          sizes.set(
            path,
            parts.reduce((sum, part) => sum + part.length, 0),
          )
          return Promise.resolve()
        },
        abort: () => Promise.resolve(void aborted.push(path)),
      })
    },
  }
  return { sink, files, sizes, folders, links, aborted }
}

export const hash = (bytes: Uint8Array): string => toHex(sha256(bytes))
export const names = (share: Share, path: string): string[] =>
  listFolder(share.view, findPath(share.view, path)!.id).map(({ name }) => name)

export const memoryResumes = (): ResumeStore & { readonly records: Map<string, Uint8Array> } => {
  const records = new Map<string, Uint8Array>()
  return {
    records,
    find: (key) => Promise.resolve(records.get(key)),
    put: (key, bytes) => Promise.resolve(void records.set(key, bytes)),
    remove: (key) => Promise.resolve(void records.delete(key)),
  }
}
