/** Bytes in and out of the server in memory. */
import type { TransportRequest, TransportResponse } from '@hearthold/client'
import { concat } from '@hearthold/crypto'

/** Turns answers into what a transport gives; bytes stay bytes. */
export const respond = (
  status: number,
  answer: unknown,
  headers: Record<string, string> = {},
): TransportResponse => {
  const bytes =
    answer instanceof Uint8Array ? answer : new TextEncoder().encode(JSON.stringify(answer ?? {}))
  const type = status >= 400 ? 'application/problem+json' : 'application/json'
  return {
    status,
    headers: {
      'content-type': answer instanceof Uint8Array ? 'application/octet-stream' : type,
      'content-length': String(bytes.length),
      ...headers,
    },
    body: (async function* () {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
    })(),
    bytes: () => Promise.resolve(bytes),
    discard: () => undefined,
  }
}

/** All of a request's body. */
export const collect = async (body: TransportRequest['body']): Promise<Uint8Array> => {
  if (body === undefined || body instanceof Uint8Array) return body?.slice() ?? new Uint8Array(0)
  if (body instanceof Blob) return new Uint8Array(await body.arrayBuffer())
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part.slice())
  return concat(...parts)
}
