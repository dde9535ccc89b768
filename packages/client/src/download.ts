import { getObject, ProblemError } from '@hearthold/contract'
import type { Client } from './client.ts'
import { NetworkError } from './network-error.ts'
import { createPatience } from './patience.ts'
import type { TransportResponse } from './transport.ts'

export type DownloadOptions = {
  /** First stored byte wanted; 0 if absent. */
  readonly start?: number
  /** The byte after the last one wanted; the object's end if absent. */
  readonly end?: number
  /** Stored bytes received, and how many there will be. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
  /** A wish for the size of the chunks, see `TransportRequest`: for downloads of many of them. */
  readonly blockBytes?: number
  readonly signal?: AbortSignal
}

type Span = {
  /** Position of the first byte of this answer, and of the byte after its last. */
  readonly from: number
  readonly to: number
  /** Stored bytes of the whole object. */
  readonly objectBytes: number
}

const unexpected = () =>
  new NetworkError(
    'protocol',
    'The server answered with another part of the object than was asked for.',
  )

/** What an answer claims to contain. Throws `NetworkError` where it says nothing clear: without a length a cut-off could not be told from the end. */
const spanOf = (response: TransportResponse, from: number, ranged: boolean): Span => {
  const length = Number(response.headers['content-length'] ?? Number.NaN)
  if (!Number.isSafeInteger(length)) throw unexpected()
  if (!ranged) {
    if (response.status !== 200) throw unexpected()
    return { from: 0, to: length, objectBytes: length }
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers['content-range'] ?? '')
  const [first, last, objectBytes] = [Number(range?.[1]), Number(range?.[2]), Number(range?.[3])]
  if (
    response.status !== 206 ||
    !range ||
    first !== from ||
    last - first + 1 !== length ||
    last >= objectBytes
  )
    throw unexpected()
  return { from, to: last + 1, objectBytes }
}

const canGoOn = (error: unknown): boolean => {
  if (error instanceof NetworkError) return error.passing
  return (
    error instanceof ProblemError &&
    ['unavailable', 'rate_limited', 'internal'].includes(error.code)
  )
}

/**
 * The stored bytes of an object from `start` to `end`, in chunks of any size. A dropped connection is taken up again by a Range from the last byte received;
 * after `client.retry.attempts` failures without a new byte the last error is thrown. Never yields a byte twice, and ends only when all have come.
 * Throws `ProblemError` (`not_found`, `range_not_satisfiable`), `NetworkError`, or the reason of `signal`.
 */
export async function* downloadObject(
  client: Client,
  object: string,
  options: DownloadOptions = {},
): AsyncGenerator<Uint8Array> {
  const start = options.start ?? 0
  let position = start
  let end = options.end
  let objectBytes: number | undefined
  const patience = createPatience(client, position)
  while (end === undefined || position < end) {
    const ranged = position > 0 || end !== undefined
    let response: TransportResponse | undefined
    try {
      const headers: Record<string, string> = ranged
        ? { range: `bytes=${position}-${end === undefined ? '' : end - 1}` }
        : {}
      response = await client.open(getObject, {
        params: { object },
        headers,
        blockBytes: options.blockBytes,
        signal: options.signal,
      })
      const span = spanOf(response, position, ranged)
      // An object never changes: another size than before, or a shorter part than asked for, is no object of ours.
      if (objectBytes !== undefined && span.objectBytes !== objectBytes) throw unexpected()
      objectBytes = span.objectBytes
      end = Math.min(end ?? objectBytes, objectBytes)
      if (span.to !== end) throw unexpected()
      for await (const chunk of response.body) {
        position += chunk.length
        if (position > end) throw unexpected()
        patience.reached(position)
        options.onProgress?.(position - start, end - start)
        yield chunk
      }
      if (position < end)
        throw new NetworkError('dropped', 'The connection to the server ended early.')
    } catch (error) {
      if (options.signal?.aborted || !canGoOn(error)) throw error
      await patience.wait(error, position, options.signal)
    } finally {
      // Also when the reader stops early.
      response?.discard()
    }
  }
}
