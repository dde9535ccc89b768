import { binFolder, listFile } from '../storage/disk/layout.ts'
import { type ObjectRef, type ObjectType, objectTypes } from '../storage/storage.ts'

/** What of a repository a request is about. */
export type ResticTarget =
  | { readonly kind: 'repository' }
  | { readonly kind: 'list'; readonly type: ObjectType }
  | { readonly kind: 'object'; readonly ref: ObjectRef }

/** What ends the folders of a path, being a part of a repository. */
const partNames: ReadonlySet<string> = new Set([...objectTypes, 'config'])

/** Names that file systems take. */
const longestName = 255

/**
 * Takes a request's path apart: `/[folder/[folder/]]rest`, as rest-server does, where the first part with a name of
 * restic's own ends the folders.
 * @param path without the query, as it was sent (`%20` and the like are decoded here)
 * @returns undefined for what is no address of the protocol: that is 404
 */
export const parseResticPath = (
  path: string,
  maxFolders: number,
): { readonly folder: readonly string[]; readonly rest: ResticTarget } | undefined => {
  if (!path.startsWith('/')) return undefined
  const parts = path.slice(1).split('/')
  const folder: string[] = []
  // What follows the last slash is never a folder.
  while (folder.length < Math.min(maxFolders, parts.length - 1)) {
    const name = parts[folder.length] ?? ''
    if (partNames.has(name)) break
    const decoded = folderName(name)
    if (decoded === undefined) return undefined
    folder.push(decoded)
  }
  const rest = parseResticRest(parts.slice(folder.length))
  return rest && { folder, rest }
}

/** The parts of a path after those of the repository's address: `['']`, `['config']`, `['keys', '']` ... */
export const parseResticRest = (parts: readonly string[]): ResticTarget | undefined => {
  const [first = '', second] = parts
  if (parts.length === 1) {
    if (first === '') return { kind: 'repository' }
    return first === 'config' ? { kind: 'object', ref: { type: 'config', id: '' } } : undefined
  }
  const type = objectTypes.find((name) => name === first)
  if (parts.length !== 2 || type === undefined || second === undefined) return undefined
  if (second === '') return { kind: 'list', type }
  return isObjectId(second) ? { kind: 'object', ref: { type, id: second } } : undefined
}

/** 64 lowercase hex digits. */
export const isObjectId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

const folderName = (encoded: string): string | undefined => {
  let name = encoded
  if (encoded.includes('%'))
    try {
      name = decodeURIComponent(encoded)
    } catch {
      return undefined
    }
  // `d%61ta` would be a repository among the objects of another.
  const isPart = partNames.has(name) || name === binFolder || name === listFile
  const isTrick = name === '' || name === '.' || name === '..' || isPart
  return isTrick || /[/\\\0]/.test(name) || Buffer.byteLength(name) > longestName ? undefined : name
}
