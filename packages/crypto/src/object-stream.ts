/** Sealed objects as streams: memory stays at a few segments whatever the object's size. */
import type { Bytes } from './bytes.ts'
import { IntegrityError } from './integrity-error.ts'
import {
  type ObjectOpener,
  type ObjectSealer,
  segmentBytes,
  segmentCount,
  segmentRange,
  sealedSegmentBytes,
} from './sealed-object.ts'

export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * Cuts chunks of any lengths into blocks of exactly `size`, the last one shorter or empty. A block may be a
 * view on a chunk: it is used up before the next chunk is asked for, so sources may reuse two buffers.
 */
async function* cutBlocks(chunks: Chunks, size: number): AsyncGenerator<Uint8Array> {
  const pending = new Uint8Array(size)
  let filled = 0
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.length) {
      if (filled === 0 && chunk.length - at >= size) {
        yield chunk.subarray(at, at + size)
        at += size
        continue
      }
      const take = Math.min(size - filled, chunk.length - at)
      pending.set(chunk.subarray(at, at + take), filled)
      filled += take
      at += take
      if (filled === size) {
        yield pending
        filled = 0
      }
    }
  }
  if (filled > 0) yield pending.subarray(0, filled)
}

/**
 * Seals chunks of any lengths; yields stored segments in order, the last marked as the last. Which segment is
 * the last shows only when the source ends, so each is held until the next begins: give `plainBytes` where it
 * is known and nothing is copied; a source of another length then throws RangeError.
 */
export async function* sealStream(
  sealer: ObjectSealer,
  chunks: Chunks,
  plainBytes?: number,
): AsyncGenerator<Bytes> {
  if (plainBytes !== undefined) {
    yield* sealKnown(sealer, chunks, plainBytes)
    return
  }
  const held = new Uint8Array(segmentBytes)
  let heldBytes = 0
  let index = 0
  for await (const block of cutBlocks(chunks, segmentBytes)) {
    if (heldBytes > 0) yield await sealer.sealSegment(index++, false, held)
    held.set(block)
    heldBytes = block.length
  }
  yield await sealer.sealSegment(index, true, held.subarray(0, heldBytes))
}

async function* sealKnown(
  sealer: ObjectSealer,
  chunks: Chunks,
  plainBytes: number,
): AsyncGenerator<Bytes> {
  const count = segmentCount(plainBytes)
  let index = 0
  let total = 0
  for await (const block of cutBlocks(chunks, segmentBytes)) {
    total += block.length
    const last = index === count - 1
    if (total > plainBytes || (last && total !== plainBytes)) break
    yield await sealer.sealSegment(index++, last, block)
  }
  if (plainBytes === 0 && total === 0) yield await sealer.sealSegment(0, true, new Uint8Array(0))
  else if (total !== plainBytes)
    throw new RangeError('the source has another length than announced')
}

/** Segments opened ahead of the one being used: browsers work on several at once. */
const openAhead = 6

/** Maps blocks in order, with several mappings under way. Of a failure nobody hears before it is its turn. */
async function* mapAhead<Out>(
  blocks: AsyncIterable<Uint8Array>,
  map: (block: Uint8Array) => Promise<Out>,
): AsyncGenerator<Out> {
  const begun: Promise<Out>[] = []
  for await (const block of blocks) {
    const mapped = map(block)
    mapped.catch(() => undefined)
    begun.push(mapped)
    if (begun.length >= openAhead) yield await begun.shift()!
  }
  for (const mapped of begun) yield await mapped
}

const refuse = (message: string): never => {
  throw new IntegrityError('object_segment', message)
}

/** Bytes [start, end) of the plaintext. */
export type PlainRange = { readonly start: number; readonly end: number }

/**
 * Opens stored bytes of an object whose plaintext has `plainBytes` (from its sealed entry, never from the
 * server). With `range`, `chunks` are the stored bytes from `sealedStart` to `sealedEnd` of `segmentRange`.
 * Yields each segment's plaintext only after its tag verified; IntegrityError('object_segment') if anything
 * is changed, missing, moved or added: exactly one last segment, at the expected place. A caller must treat
 * what it got before an error as unfinished.
 */
export async function* openStream(
  opener: ObjectOpener,
  chunks: Chunks,
  plainBytes: number,
  range: PlainRange = { start: 0, end: plainBytes },
): AsyncGenerator<Bytes> {
  const span = segmentRange(range.start, range.end, plainBytes)
  const lastIndex = segmentCount(plainBytes) - 1
  let index = span.first
  let next = span.first
  let left = range.end - range.start
  const segments = mapAhead(cutBlocks(chunks, sealedSegmentBytes), async (block) => {
    const at = next++
    if (at >= span.end) refuse('There are more stored bytes than the object has.')
    return opener.openSegment(at, at === lastIndex, block)
  })
  for await (const opened of segments) {
    const expected = index === lastIndex ? plainBytes - index * segmentBytes : segmentBytes
    if (opened.length !== expected) refuse('The object is longer or shorter than its entry says.')
    const from = index === span.first ? span.skip : 0
    const part = opened.subarray(from, Math.min(opened.length, from + left))
    left -= part.length
    index++
    if (part.length > 0) yield part
  }
  if (index !== span.end || left !== 0) refuse('The stored bytes end too early.')
}
