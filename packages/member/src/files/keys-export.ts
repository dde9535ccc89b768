/** Keys of a share's files for opening stored objects without a server, and that opening. */
import {
  createObjectOpener,
  fromHex,
  IntegrityError,
  objectCommitment,
  openStream,
  plainSize,
  toHex,
} from '@hearthold/crypto'
import type { Chunks } from './flow.ts'
import type { Share } from './share.ts'
import { rootPlace, walk } from './tree.ts'

/** One version of one file. Ids, key and commitment in hex. Whoever has this reads that version. */
export type ExportedKey = {
  readonly object: string
  readonly path: string
  /** 1 is the oldest. */
  readonly version: number
  readonly newest: boolean
  readonly key: string
  readonly commitment: string
  readonly sizeBytes: number
}

/** The keys of all versions of all live files, by path. Secret: keep it like a recovery key. */
export const exportShareKeys = (share: Share): ExportedKey[] =>
  [...walk(share.view, rootPlace(share.view))].flatMap(({ path, node }) =>
    (node?.versions ?? []).flatMap(({ object, content }, i, versions) =>
      content
        ? [
            {
              object,
              path,
              version: i + 1,
              newest: i === versions.length - 1,
              key: toHex(content.key),
              commitment: toHex(content.commitment),
              sizeBytes: content.sizeBytes,
            },
          ]
        : [],
    ),
  )

/**
 * Opens a stored object (`<id>.enc`) by its key: yields verified plaintext, segment by segment. `storedBytes` is the
 * length of the whole. `commitment` and `sizeBytes`, where known from an export, are held against it. Throws
 * IntegrityError 'object_commitment' or 'object_segment'; what came before an error is unfinished.
 */
export const decryptObject = (
  object: {
    object: string
    key: string
    commitment?: string
    sizeBytes?: number
    storedBytes: number
  },
  chunks: Chunks,
): AsyncGenerator<Uint8Array> => {
  const id = fromHex(object.object)
  const key = fromHex(object.key)
  const size = plainSize(object.storedBytes)
  if (size === undefined || (object.sizeBytes !== undefined && object.sizeBytes !== size)) {
    throw new IntegrityError('object_segment', 'The object is longer or shorter than it should be.')
  }
  const commitment =
    object.commitment === undefined ? objectCommitment(key, id) : fromHex(object.commitment)
  return openStream(createObjectOpener(key, id, commitment), chunks, size)
}
