import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readlink, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** What a tree is, for comparison: per path its kind and, for files, size and SHA-256. */
export type TreeDigest = ReadonlyMap<string, string>

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

export const digestTree = async (
  folder: string,
): Promise<{ tree: TreeDigest; files: number; bytes: number }> => {
  const tree = new Map<string, string>()
  let files = 0
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    // Names travel in NFC; what a disk holds otherwise must come back as the same name.
    const name = relative(folder, path).split(sep).join('/').normalize('NFC')
    if (entry.isSymbolicLink()) tree.set(name, `link to ${await readlink(path)}`)
    else if (entry.isDirectory()) tree.set(name, 'folder')
    else {
      const { size } = await stat(path)
      tree.set(name, `file of ${size} bytes, ${await sha256Of(path)}`)
      files++
      bytes += size
    }
  }
  return { tree, files, bytes }
}

/** Paths that differ, each with what stands on either side. */
export const differences = (before: TreeDigest, after: TreeDigest): string[] => {
  const paths = new Set([...before.keys(), ...after.keys()])
  return [...paths]
    .filter((path) => before.get(path) !== after.get(path))
    .map(
      (path) => `${path}: ${before.get(path) ?? 'nothing'} became ${after.get(path) ?? 'nothing'}`,
    )
}

/** A tree as a browser can take it: links, and what is only reached by them, are left out; the links are listed apart. */
export const withoutLinks = (tree: TreeDigest): { tree: TreeDigest; links: readonly string[] } => {
  const links = [...tree].filter(([, kind]) => kind.startsWith('link to ')).map(([path]) => path)
  const viaLink = (path: string): boolean =>
    links.some((link) => path === link || path.startsWith(`${link}/`))
  return { tree: new Map([...tree].filter(([path]) => !viaLink(path))), links }
}
