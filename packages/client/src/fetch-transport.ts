import { NetworkError } from './network-error.ts'
import type {
  Headers as HeaderRecord,
  Transport,
  TransportRequest,
  TransportResponse,
} from './transport.ts'

export type FetchTransportOptions = {
  /** Scheme, host and port; absent in a page of the server itself. */
  readonly origin?: string
  readonly fetch?: typeof fetch
  /** The longest silence, in milliseconds: before the head of an answer (a body to send adds to it), and between two chunks. */
  readonly timeoutMs?: number
}

/** The slowest line that an upload is given time for: 16 bytes a millisecond, 128 kbit/s. */
export const slowestBytesPerMs = 16
const late = () => new NetworkError('timeout', 'The server did not answer in time.')

const dropped = (cause: unknown) =>
  new NetworkError('dropped', 'The connection to the server ended early.', { cause })

type Reading = {
  readonly response: Response
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
}

async function* chunksOf({ response, signal, timeoutMs }: Reading): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (!reader) return
  const read = async () => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const silence = new Promise<never>(
      (_, reject) => (timer = setTimeout(() => reject(late()), timeoutMs)),
    )
    try {
      return await Promise.race([reader.read(), silence])
    } catch (error) {
      if (error instanceof NetworkError) throw error
      throw signal?.aborted ? signal.reason : dropped(error)
    } finally {
      clearTimeout(timer)
    }
  }
  try {
    for (;;) {
      const { done, value } = await read()
      if (done) return
      yield value
    }
  } finally {
    // After the end this does nothing; before it, it gives the connection up.
    void reader.cancel().catch(() => undefined)
  }
}

const collect = async (
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of chunks) {
    sizeBytes += chunk.length
    if (sizeBytes > limitBytes)
      throw new NetworkError('protocol', "The server's answer is larger than it may be.")
    parts.push(chunk)
  }
  if (parts.length === 1 && parts[0]) return parts[0]
  const all = new Uint8Array(sizeBytes)
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

const toResponse = (reading: Reading): TransportResponse => {
  const { response } = reading
  const headers: HeaderRecord = Object.fromEntries(response.headers)
  return {
    // A redirect comes as an opaque answer with status 0.
    status: response.status,
    headers,
    body: { [Symbol.asyncIterator]: () => chunksOf(reading) },
    bytes: (limitBytes) => collect(chunksOf(reading), limitBytes),
    discard: () => {
      if (!response.bodyUsed) void response.body?.cancel().catch(() => undefined)
    },
  }
}

const checkBody = (body: TransportRequest['body']): Uint8Array<ArrayBuffer> | Blob | undefined => {
  if (body !== undefined && !(body instanceof Uint8Array) && !(body instanceof Blob))
    throw new TypeError('fetch cannot send a streaming body over HTTP/1.1')
  return body as Uint8Array<ArrayBuffer> | Blob | undefined
}

const sizeOf = (body: Uint8Array | Blob | undefined): number =>
  body instanceof Blob ? body.size : (body?.length ?? 0)

/** A transport over `fetch`, for browsers (and for tests). Cookies go only to the page's own origin; redirects are not followed. */
export const fetchTransport = (options: FetchTransportOptions = {}): Transport => {
  const run = options.fetch ?? fetch.bind(globalThis)
  const timeoutMs = options.timeoutMs ?? 60_000
  return {
    streamsBodies: false,
    request: async ({ method, url, headers, body, signal }) => {
      const bytes = checkBody(body)
      // The timer ends with the head of the answer: a long download must not be cut off by it.
      const silence = new AbortController()
      const timer = setTimeout(() => silence.abort(), timeoutMs + sizeOf(bytes) / slowestBytesPerMs)
      try {
        const response = await run((options.origin ?? '') + url, {
          method,
          headers,
          redirect: 'manual',
          credentials: 'same-origin',
          cache: 'no-store',
          signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
          ...(bytes === undefined ? {} : { body: bytes }),
        })
        return toResponse({ response, signal, timeoutMs })
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        if (silence.signal.aborted) throw late()
        // fetch does not say whether anything was sent.
        throw new NetworkError(
          'dropped',
          'The server could not be reached, or the connection ended early.',
          { cause: error },
        )
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
