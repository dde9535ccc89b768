/** Uploads where bodies cannot stream (browsers over HTTP/1.1): in pieces, the next one made while one travels. */

/** Stored bytes of one full segment of a sealed object: 256 KiB, nonce and tag (docs/formats/sealed-object.md). */
export const storedSegmentBytes = 256 * 1024 + 28

/** From about 1 to 32 MiB; at most two pieces exist at a time. */
const leastSegments = 4
const mostSegments = 128
const firstSegments = 32
/** A piece that took less is too short to be worth the server's making it durable, one that took more shows no progress. */
const shortMs = 1_000
const longMs = 4_000
/**
 * What is gathered before it is given to the browser, whose main process keeps blobs: it is not the worker's memory. With
 * 4 MiB the browser has a tenth more to do for each byte.
 */
const gatheredBytes = 16 * 1024 * 1024
/** Not worth a call below. */
const releasedBytes = 16 * 1024

/** How long pieces are on this line: `next` in stored bytes, changed by how long the ones sent took. */
export type PieceLength = {
  readonly next: number
  /** @param ms from the first byte to the server's answer */
  took(bytes: number, ms: number): void
}

export const pieceLength = (): PieceLength => {
  let segments = firstSegments
  return {
    get next() {
      return segments * storedSegmentBytes
    },
    took: (bytes, ms) => {
      const sent = Math.ceil(bytes / storedSegmentBytes)
      // One made before the length was changed says nothing about the new one.
      if (ms < shortMs && sent >= segments) segments = Math.min(mostSegments, segments * 2)
      if (ms > longMs && sent <= segments) segments = Math.max(leastSegments, segments >> 1)
    },
  }
}

/**
 * Gives memory back at once whose bytes were copied, instead of leaving it to the garbage collector: what is used again
 * soon costs the system a fraction of what new memory does. Views on a part of their memory are left alone.
 */
export const releaseMemory = ({ buffer, byteLength }: Uint8Array): void => {
  const isWorthIt = byteLength >= releasedBytes && byteLength === buffer.byteLength
  if (isWorthIt && buffer instanceof ArrayBuffer) buffer.transfer?.(0)
}

/** Bytes on their way into a blob. */
const createGatherer = () => {
  const blobs: Blob[] = []
  let parts: Uint8Array<ArrayBuffer>[] = []
  let partsBytes = 0
  const give = (): void => {
    if (parts.length > 0) blobs.push(new Blob(parts))
    for (const part of parts) releaseMemory(part)
    parts = []
    partsBytes = 0
  }
  return {
    add: (part: Uint8Array): void => {
      parts.push(part as Uint8Array<ArrayBuffer>)
      partsBytes += part.length
      if (partsBytes >= gatheredBytes) give()
    },
    end: (): Blob => {
      give()
      return blobs.length === 1 ? blobs[0]! : new Blob(blobs)
    },
  }
}

/** Cuts a stream into blobs, each as long as `length` said when it was begun, but for the last. */
export async function* cutPieces(
  source: AsyncIterable<Uint8Array>,
  length: PieceLength,
): AsyncGenerator<Blob> {
  let gatherer = createGatherer()
  let filled = 0
  let wanted = length.next
  for await (const chunk of source) {
    // Its memory is gone once it was added.
    const { length: end } = chunk
    for (let from = 0; from < end;) {
      const part = chunk.subarray(from, from + wanted - filled)
      filled += part.length
      from += part.length
      gatherer.add(part)
      if (filled < wanted) continue
      yield gatherer.end()
      gatherer = createGatherer()
      filled = 0
      wanted = length.next
    }
  }
  if (filled > 0) yield gatherer.end()
}

/** Makes the next item while the last one is used. */
export async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next()
  next.catch(() => undefined)
  try {
    for (;;) {
      const { done, value } = await next
      if (done === true) return
      next = source.next()
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await source.return(undefined)
  }
}
