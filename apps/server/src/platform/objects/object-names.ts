import { join } from 'node:path'

/** Where things lie in the objects folder: `ab/<id>.enc`, and beside it what is not an object yet. */
export type ObjectNames = {
  readonly root: string
  folder(object: string): string
  object(object: string): string
  /** The bytes of an upload so far. */
  part(object: string, upload: string): string
  /** What they hashed to at some offsets (upload-marks.ts). */
  marks(object: string, upload: string): string
}

export const objectNames = (root: string): ObjectNames => {
  const folder = (object: string): string => join(root, object.slice(0, 2))
  return {
    root,
    folder,
    object: (object) => join(folder(object), `${object}.enc`),
    part: (object, upload) => join(folder(object), `${object}.${upload}.part`),
    marks: (object, upload) => join(folder(object), `${object}.${upload}.marks`),
  }
}

/** `00` to `ff`. */
export const folderNames: readonly string[] = Array.from({ length: 256 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
)

/** The object id of a file name, undefined for what is not a stored object. */
export const objectOfName = (name: string): string | undefined =>
  /^([0-9a-f]{32})\.enc$/.exec(name)?.[1]

/** The upload a temporary file belongs to, undefined for any other file. */
export const uploadOfName = (name: string): { object: string; upload: string } | undefined => {
  const [, object, upload] = /^([0-9a-f]{32})\.([0-9a-f]{32})\.(?:part|marks)$/.exec(name) ?? []
  return object !== undefined && upload !== undefined ? { object, upload } : undefined
}
