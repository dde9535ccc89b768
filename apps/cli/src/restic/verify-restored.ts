import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { findNode, ResticError, type ResticNode, type ResticRepository } from '@hearthold/member'
import { diskReason } from '../disk/disk-reasons.ts'
import type { ItemReason } from '../output/transfer-report.ts'

/** Reads exactly so many bytes; false where the file is shorter. */
const fill = (file: number, buffer: Buffer): boolean => {
  for (let at = 0; at < buffer.length;) {
    const count = readSync(file, buffer, at, buffer.length - at, null)
    if (count === 0) return false
    at += count
  }
  return true
}

/** Holds the file's bytes on the disk against the hashes that are the names of its pieces. */
const checkContent = (path: string, node: ResticNode, sizes: readonly number[]): void => {
  const file = openSync(path, 'r')
  try {
    for (const [index, id] of (node.content ?? []).entries()) {
      const bytes = Buffer.allocUnsafe(sizes[index] ?? 0)
      if (!fill(file, bytes)) throw new Error('It is shorter than in the snapshot.')
      if (createHash('sha256').update(bytes).digest('hex') !== id)
        throw new Error('Its content is not that of the snapshot.')
    }
    if (readSync(file, Buffer.alloc(1), 0, 1, null) !== 0)
      throw new Error('It is longer than in the snapshot.')
  } finally {
    closeSync(file)
  }
}

/**
 * Whether what stands at `path` of a snapshot was restored below `folder`: a file by the hashes of its content, a link by
 * where it leads, a folder by being one. Undefined where it was, else why not.
 */
export const whyNotRestored = async (
  repository: ResticRepository,
  tree: string,
  folder: string,
  path: string,
  sizesOf: (node: ResticNode) => Promise<readonly number[]>,
  signal: AbortSignal,
): Promise<ItemReason | undefined> => {
  try {
    const node = await findNode(repository, tree, path, { signal })
    const place = join(folder, ...path.split('/').filter((name) => name !== ''))
    const there = lstatSync(place)
    if (node.kind === 'folder' && !there.isDirectory()) throw new Error('It is no folder.')
    if (node.kind === 'link' && readlinkSync(place) !== node.target)
      throw new Error('It leads elsewhere.')
    if (node.kind === 'file') {
      if (!there.isFile()) throw new Error('It is no file.')
      checkContent(place, node, await sizesOf(node))
    }
    return undefined
  } catch (error) {
    if (error instanceof ResticError) return { path, reason: error.message, code: error.code }
    if (!(error instanceof Error) || error.name === 'AbortError') throw error
    return { path, reason: diskReason(error) }
  }
}
