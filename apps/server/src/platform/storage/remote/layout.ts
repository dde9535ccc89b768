import type { ObjectRef, ObjectType } from '../storage.ts'

/** rest-server's layout, which is also that of restic's own S3 back end: a repository can be left again. */
export const pathOf = (ref: ObjectRef): string => {
  if (ref.type === 'config') return 'config'
  return ref.type === 'data' ? `data/${ref.id.slice(0, 2)}/${ref.id}` : `${ref.type}/${ref.id}`
}

export const binFolder = '.bin'

/** Where a deleted object waits; its name holds all there is to know of it. Times in ms since 1970. */
export const binPathOf = (ref: ObjectRef, deletedAt: number, keptUntil: number): string => {
  const times = `${deletedAt}.${keptUntil}`
  return ref.type === 'config'
    ? `${binFolder}/config.${times}`
    : `${binFolder}/${ref.type}/${ref.id}.${times}`
}

export const isObjectId = (name: string): boolean => /^[0-9a-f]{64}$/.test(name)

/** What a name in the bin says; `type` is undefined for the bin's own folder. Undefined for a name of others. */
export const parseBinName = (
  type: ObjectType | undefined,
  name: string,
): { ref: ObjectRef; deletedAt: number; keptUntil: number } | undefined => {
  const [, object = '', deletedAt, keptUntil] =
    /^([0-9a-f]{64}|config)\.(\d{1,15})\.(\d{1,15})$/.exec(name) ?? []
  if ((type === undefined) !== (object === 'config')) return undefined
  const ref: ObjectRef = type === undefined ? { type: 'config', id: '' } : { type, id: object }
  return { ref, deletedAt: Number(deletedAt), keptUntil: Number(keptUntil) }
}

/** `<id>.rest-server-temp<random>`, as rest-server names what is not whole yet. */
export const temporaryMark = '.rest-server-temp'
