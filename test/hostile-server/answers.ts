/** Changing what a real server answers, between its network and its client. */
import type { Transport, TransportRequest, TransportResponse } from '@hearthold/client'
import type { Endpoint } from '@hearthold/contract'

/** Stands between a device and the server; `next` asks the honest server. */
export type Lie = (next: Transport['request']) => Transport['request']

/** No lie: what an honest server answers. */
export const truth: Lie = (next) => next

const answerLimitBytes = 64 * 1024 * 1024

/** True for requests of this endpoint. */
export const isCallOf = (endpoint: Endpoint, request: TransportRequest): boolean => {
  const path = new RegExp(`^${endpoint.path.replaceAll(/:\w+/g, '[0-9a-f]+')}$`)
  return request.method === endpoint.method && path.test(request.url.split('?')[0]!)
}

/** The same answer with other bytes; its length is told as it is, as a server in control of its wire would. */
export const withBytes = (response: TransportResponse, bytes: Uint8Array): TransportResponse => ({
  status: response.status,
  headers: { ...response.headers, 'content-length': String(bytes.length) },
  body: (async function* () {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.slice(at, at + 100_000)
  })(),
  bytes: () => Promise.resolve(bytes),
  discard: () => undefined,
})

export const readBytes = (response: TransportResponse): Promise<Uint8Array> =>
  response.bytes(answerLimitBytes)

/** Rewrites the bytes of every successful answer of one endpoint. */
export const rewriteBytes =
  (
    endpoint: Endpoint,
    change: (bytes: Uint8Array, request: TransportRequest) => Promise<Uint8Array> | Uint8Array,
  ): Lie =>
  (next) =>
  async (request) => {
    const response = await next(request)
    if (!isCallOf(endpoint, request) || response.status >= 300) return response
    return withBytes(response, await change(await readBytes(response), request))
  }

/** Rewrites the JSON of every successful answer of one endpoint. */
export const rewriteJson = (
  endpoint: Endpoint,
  change: (answer: Record<string, unknown>) => unknown,
): Lie =>
  rewriteBytes(endpoint, async (bytes) => {
    const answer = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    return new TextEncoder().encode(JSON.stringify(await change(answer)))
  })

/** Several lies at once. */
export const all =
  (...lies: readonly Lie[]): Lie =>
  (next) =>
    lies.reduce((inner, lie) => lie(inner), next)

/** Answers an endpoint without asking the honest server for its bytes. */
export const answerInstead =
  (
    endpoint: Endpoint,
    answer: (request: TransportRequest) => Promise<Uint8Array> | Uint8Array,
  ): Lie =>
  (next) =>
  async (request) => {
    if (!isCallOf(endpoint, request)) return next(request)
    const bytes = await answer(request)
    const headers = { 'content-type': 'application/octet-stream' }
    return withBytes(
      {
        status: 200,
        headers,
        body: (async function* () {})(),
        bytes: async () => bytes,
        discard() {},
      },
      bytes,
    )
  }

/** Answers an endpoint as if what it is asked for had never been there. */
export const withhold =
  (endpoint: Endpoint): Lie =>
  (next) =>
  async (request) => {
    if (!isCallOf(endpoint, request)) return next(request)
    const problem = { type: 'about:blank', title: 'Not found', status: 404, code: 'not_found' }
    const bytes = new TextEncoder().encode(JSON.stringify(problem))
    return withBytes(
      {
        status: 404,
        headers: { 'content-type': 'application/problem+json' },
        body: (async function* () {})(),
        bytes: async () => bytes,
        discard() {},
      },
      bytes,
    )
  }
