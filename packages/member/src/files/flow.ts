/** Keeping several things under way at once, and no more: reading, sealing and sending overlap, memory stays bounded. */

export type Chunks = AsyncIterable<Uint8Array>

/**
 * Work started and not waited for, at most `limit` pieces: `add` resolves once there is room for the next. The first
 * failure is thrown by the next `add` and by `end`.
 */
export const createCrew = (limit: number) => {
  const running = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  const check = (): void => {
    if (failure) throw failure.error
  }
  return {
    async add(work: () => Promise<void>): Promise<void> {
      check()
      while (running.size >= limit) {
        await Promise.race(running)
        check()
      }
      const mine: Promise<void> = work().then(
        () => void running.delete(mine),
        (error: unknown) => {
          running.delete(mine)
          failure ??= { error }
        },
      )
      running.add(mine)
    },
    /** Resolves when all is done; throws the first failure. */
    async end(): Promise<void> {
      while (running.size > 0) await Promise.all(running)
      check()
    },
  }
}

/** Asks for the next item while the last one is being used. */
export async function* readAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  let next = iterator.next()
  // Somebody may stop listening before a failure is reached; it must not count as unhandled then.
  next.catch(() => undefined)
  try {
    for (;;) {
      const { done, value } = await next
      if (done) return
      next = iterator.next()
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await iterator.return?.()
  }
}

/** Maps items in order with up to `depth` mappings begun ahead of the one being used. */
export async function* mapAhead<In, Out>(
  source: AsyncIterable<In>,
  depth: number,
  map: (item: In, index: number) => Promise<Out>,
): AsyncGenerator<Out> {
  const begun: Promise<Out>[] = []
  let index = 0
  for await (const item of source) {
    const mapped = map(item, index++)
    mapped.catch(() => undefined)
    begun.push(mapped)
    if (begun.length >= depth) yield await begun.shift()!
  }
  for (const mapped of begun) yield await mapped
}

/** The source ended before, or went on after, the length that it had when it was listed. */
export class SourceChangedError extends Error {
  constructor() {
    super('It changed while it was being read.')
    this.name = 'SourceChangedError'
  }
}

/**
 * Cuts chunks of any lengths into blocks of exactly `size`, the last one shorter, `total` bytes in all; what the
 * source has beyond is left out, less is SourceChangedError. A block may be a view on a chunk, and is gone when
 * the next chunk is asked for.
 */
export async function* blocksOf(
  chunks: Chunks,
  size: number,
  total: number,
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array | undefined
  let filled = 0
  let left = total
  if (left === 0) return
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.length && left > 0) {
      const wanted = Math.min(size, left + filled) - filled
      if (filled === 0 && chunk.length - at >= wanted) {
        yield chunk.subarray(at, at + wanted)
        at += wanted
        left -= wanted
        continue
      }
      pending ??= new Uint8Array(size)
      const part = chunk.subarray(at, at + wanted)
      pending.set(part, filled)
      filled += part.length
      at += part.length
      left -= part.length
      if (filled === size || left === 0) {
        yield pending.subarray(0, filled)
        pending = undefined
        filled = 0
      }
    }
    if (left === 0) return
  }
  throw new SourceChangedError()
}
