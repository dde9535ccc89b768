import { type ObjectRef, type ObjectType, objectTypes } from '../storage.ts'

/**
 * rest-server's layout: `data/ab/<id>`, the other types flat, `config` beside them. Ours alone is `.bin`: `<type>/` in it
 * holds `<id>.<deletedAt>.<keptUntil>`, and itself `config.<deletedAt>.<keptUntil>`, so that the names hold all there is to
 * know. Objects on their way have rest-server's names for them, in the folder where they will be.
 */
export const binFolder = '.bin'

/**
 * Of ours, too: what is in `data`, so that a list need not look at every file. Nothing depends on it, and rest-server does
 * not look at it.
 */
export const listFile = '.hearthold-list'

/** `00` to `ff`. */
export const shardNames: readonly string[] = Array.from({ length: 256 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
)

/** `data/00` to `data/ff`: one copy of each text, however many repositories remember them. */
export const shardFolders: readonly string[] = shardNames.map((name) => `data/${name}`)

/** The folder of an object within its repository; empty for the repository's own. */
export const folderOf = (ref: ObjectRef): string => {
  if (ref.type === 'config') return ''
  if (ref.type !== 'data') return ref.type
  return shardFolders[Number.parseInt(ref.id.slice(0, 2), 16)] ?? ''
}

/** The file's name within that folder. */
export const nameOf = (ref: ObjectRef): string => (ref.type === 'config' ? 'config' : ref.id)

/** The folders whose files are the objects of a type, within the repository. */
export const foldersOfType = (type: ObjectType): readonly string[] =>
  type === 'data' ? shardFolders : [type]

/** All folders of a new repository, parents first. */
export const repositoryFolders: readonly string[] = [...objectTypes, ...shardFolders]

const temporaryMark = '.rest-server-temp'

/** A name for an object on its way: 16 hex digits of chance. */
export const temporaryName = (name: string, chance: string): string =>
  `${name}${temporaryMark}${chance}`

/** True also for what rest-server left. */
export const isTemporary = (name: string): boolean =>
  /^(?:[0-9a-f]{64}|config)\.rest-server-temp[0-9a-z]*$/.test(name)

/** True for what the protocol can name in a folder: anything else is never shown. */
export const isObjectName = (folder: string, name: string): boolean =>
  /^[0-9a-f]{64}$/.test(name) && (!folder.startsWith('data/') || name.startsWith(folder.slice(5)))

/** The folder of the bin for objects like this, within the repository. */
export const binFolderOf = (ref: ObjectRef): string =>
  ref.type === 'config' ? binFolder : `${binFolder}/${ref.type}`

export const binNameOf = (ref: ObjectRef, deletedAt: number, keptUntil: number): string =>
  `${nameOf(ref)}.${deletedAt}.${keptUntil}`

/** What the name of a file in the bin says; undefined for any other file. */
export const parseBinName = (
  type: ObjectType | 'config',
  name: string,
): { ref: ObjectRef; deletedAt: number; keptUntil: number } | undefined => {
  const [, id = '', deleted, kept] =
    /^([0-9a-f]{64}|config)\.(\d{1,15})\.(\d{1,15})$/.exec(name) ?? []
  if (id === '' || (id === 'config') !== (type === 'config')) return undefined
  const ref: ObjectRef = type === 'config' ? { type, id: '' } : { type, id }
  return { ref, deletedAt: Number(deleted), keptUntil: Number(kept) }
}

/** Both are tidy paths, so that `join`, which looks at each letter, is not needed. */
export const joined = (repository: string, folder: string): string =>
  folder === '' ? repository : `${repository}/${folder}`
