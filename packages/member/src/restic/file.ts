import { readBlobs } from './blob-stream.ts'
import { indexOf, missingBlob } from './index-files.ts'
import type { ResticNode } from './node.ts'
import type { ResticRepository } from './repository.ts'
import { ResticError } from './restic-error.ts'

export type ReadFileOptions = {
  readonly signal?: AbortSignal | undefined
  /** First byte wanted; 0 if absent. */
  readonly offset?: number
  /** Bytes wanted; to the end if absent. Beyond the end there are none. */
  readonly length?: number
}

type Piece = { readonly id: string; readonly from: number; readonly to: number }

/** The pieces that a range touches, and of each which bytes. Sizes come from the index: nothing before it is fetched. */
const piecesOf = async (
  repository: ResticRepository,
  content: readonly string[],
  { offset = 0, length = Number.POSITIVE_INFINITY, signal }: ReadFileOptions,
): Promise<Piece[]> => {
  const index = await indexOf(repository, signal)
  const pieces: Piece[] = []
  const end = offset + length
  let at = 0
  for (const id of content) {
    if (at >= end) break
    const [place] = index.placesOf(id)
    if (!place) throw await missingBlob(repository, id)
    const { sizeBytes } = place
    const [from, to] = [Math.max(0, offset - at), Math.min(sizeBytes, end - at)]
    if (from < to) pieces.push({ id, from, to })
    at += sizeBytes
  }
  return pieces
}

/**
 * The content of a file in verified chunks, in order; each belongs to whoever takes it. Memory is bounded whatever the
 * file's size. Throws `not_a_file`, `blob_missing`, `damaged` and what the source throws.
 */
export async function* readFile(
  repository: ResticRepository,
  node: ResticNode,
  options: ReadFileOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (node.kind !== 'file') throw new ResticError('not_a_file', 'This is no file.')
  const pieces = await piecesOf(repository, node.content ?? [], options)
  const wanted = pieces.map((piece) => ({ item: piece, id: piece.id }))
  const { signal } = options
  for await (const { item, bytes, error } of readBlobs(repository, wanted, { signal })) {
    if (error) throw error
    const whole = item.from === 0 && item.to === bytes.length
    yield whole ? bytes : bytes.slice(item.from, item.to)
  }
}

/** Bytes of each piece of a file, in order. Throws `blob_missing` where no index names one. */
export const pieceSizes = async (
  repository: ResticRepository,
  { content = [] }: ResticNode,
  signal?: AbortSignal,
): Promise<readonly number[]> => {
  const index = await indexOf(repository, signal)
  const sizes: number[] = []
  for (const id of content) {
    const [place] = index.placesOf(id)
    if (!place) throw await missingBlob(repository, id)
    sizes.push(place.sizeBytes)
  }
  return sizes
}
