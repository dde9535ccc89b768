import { backoffMs, NetworkError, type Client, type TransportResponse } from '@hearthold/client'
import { listRepositoryObjects, ProblemError, readRepositoryObject } from '@hearthold/contract'
import { resticLimits } from './limits.ts'
import { ResticError, shortId } from './restic-error.ts'
import type { ResticSource, ResticType } from './source.ts'

type Range = { readonly offset: number; readonly length: number }

const configId = '0'.repeat(64)

const largeBytes = 2 * 1024 * 1024

/** The wish for large pieces of a large answer, for a transport that has a cheaper way to read them. */
export const resticBlocks = (range: Range | undefined): { readonly blockBytes?: number } =>
  range && range.length >= largeBytes ? { blockBytes: largeBytes / 2 } : {}

const unexpected = () =>
  new NetworkError('protocol', 'The server answered with other bytes than were asked for.')

/** How many bytes an answer must have. Throws `NetworkError` for one that is not exactly what was asked for. */
const lengthOf = ({ status, headers }: TransportResponse, range: Range | undefined): number => {
  const length = Number(headers['content-length'] ?? Number.NaN)
  if (!Number.isSafeInteger(length) || length < 0) throw unexpected()
  if (!range) {
    if (status !== 200 || length > resticLimits.indexBytes) throw unexpected()
    return length
  }
  const last = range.offset + range.length - 1
  const said = headers['content-range'] ?? ''
  const fits = said.startsWith(`bytes ${range.offset}-${last}/`)
  if (status !== 206 || !fits || length !== range.length) throw unexpected()
  return length
}

/**
 * The bytes of a successful answer, which must be exactly those of the range, or with none all of an object. Throws
 * `NetworkError` for anything else.
 */
export const readResticAnswer = async (
  response: TransportResponse,
  range: Range | undefined,
): Promise<Uint8Array<ArrayBuffer>> => {
  try {
    const bytes = new Uint8Array(lengthOf(response, range))
    let at = 0
    for await (const chunk of response.body) {
      if (at + chunk.length > bytes.length) throw unexpected()
      bytes.set(chunk, at)
      at += chunk.length
    }
    if (at === bytes.length) return bytes
    throw new NetworkError('dropped', 'The connection to the server ended early.')
  } finally {
    response.discard()
  }
}

const canRetry = (error: unknown): boolean =>
  error instanceof NetworkError
    ? error.passing
    : error instanceof ProblemError &&
      ['unavailable', 'rate_limited', 'internal'].includes(error.code)

/** Runs a read again after failures that pass, with the client's own patience. */
const patiently = async <T>(
  { retry, waiting }: Client,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (signal?.aborted || attempt >= retry.attempts || !canRetry(error)) throw error
      const asked = error instanceof ProblemError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
      if (asked > retry.retryAfterLimitMs) throw error
      await waiting.sleep(Math.max(asked, backoffMs(retry, attempt, waiting.random)), signal)
    }
  }
}

const missing = (type: ResticType, id: string, cause: unknown) =>
  new ResticError(
    'object_missing',
    type === 'config' ? 'There is no config.' : `The object ${type}/${shortId(id)} is not there.`,
    { cause },
  )

/**
 * A repository of this server, by its id and over a client that is signed in. Throws `object_missing` for an object
 * that is not there, `NetworkError` for an answer that is not exactly what was asked for, and `ProblemError`.
 */
export const serverResticSource = (client: Client, repository: string): ResticSource => {
  const readOnce = async (
    type: ResticType,
    id: string,
    range: Range | undefined,
    signal: AbortSignal | undefined,
  ) => {
    const response = await client.open(readRepositoryObject, {
      params: { repository, type, id: type === 'config' ? configId : id },
      ...(range
        ? { headers: { range: `bytes=${range.offset}-${range.offset + range.length - 1}` } }
        : {}),
      ...resticBlocks(range),
      signal,
    })
    return readResticAnswer(response, range)
  }
  return {
    list: async (type, signal) => {
      const params = { repository, type }
      return (await client.call(listRepositoryObjects, { params, signal })).objects
    },
    read: async (type, id, range, signal) => {
      try {
        return await patiently(client, signal, () => readOnce(type, id, range, signal))
      } catch (error) {
        if (error instanceof ProblemError && error.code === 'not_found')
          throw missing(type, id, error)
        if (error instanceof ProblemError && error.code === 'range_not_satisfiable')
          throw new ResticError(
            'source',
            `The object ${type}/${shortId(id)} is shorter than it should be.`,
          )
        throw error
      }
    },
  }
}
