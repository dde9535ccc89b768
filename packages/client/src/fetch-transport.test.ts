import { describe, expect, it } from 'vitest'
import { fetchTransport } from './fetch-transport.ts'

type Call = { url: string; init: RequestInit }

const withFetch = (answer: (init: RequestInit) => Promise<Response>, timeoutMs?: number) => {
  const calls: Call[] = []
  const transport = fetchTransport({
    origin: 'https://host',
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    fetch: (url, init = {}) => {
      calls.push({ url: url as string, init })
      return answer(init)
    },
  })
  return { transport, calls }
}
const request = {
  method: 'POST',
  url: '/api/x',
  headers: { accept: 'application/json' },
  body: Uint8Array.of(1),
}

describe('fetchTransport', () => {
  it('sends to its origin, follows nothing and keeps cookies at home', async () => {
    const { transport, calls } = withFetch(() =>
      Promise.resolve(new Response('hi', { headers: { 'X-Y': 'z' } })),
    )
    const response = await transport.request(request)
    expect(calls[0]).toMatchObject({
      url: 'https://host/api/x',
      init: { redirect: 'manual', credentials: 'same-origin', cache: 'no-store' },
    })
    expect(response.headers['x-y']).toBe('z')
    expect(new TextDecoder().decode(await response.bytes(2))).toBe('hi')
  })

  it('holds answers to their limit', async () => {
    const { transport } = withFetch(() => Promise.resolve(new Response('too long')))
    await expect((await transport.request(request)).bytes(3)).rejects.toMatchObject({
      kind: 'protocol',
    })
  })

  it('says nothing of the request when the way fails', async () => {
    const { transport } = withFetch(() => Promise.reject(new TypeError('fetch failed')))
    const error = await transport.request(request).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'NetworkError', kind: 'dropped', sent: true })
    expect((error as Error).message).not.toContain('/api')
  })

  it('tells a body that breaks off from its end', async () => {
    let pulls = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (pulls++ === 0) controller.enqueue(Uint8Array.of(1))
        else controller.error(new TypeError('network error'))
      },
    })
    const { transport } = withFetch(() => Promise.resolve(new Response(body)))
    await expect((await transport.request(request)).bytes(10)).rejects.toMatchObject({
      kind: 'dropped',
    })
  })

  it('gives up after too long a silence, before the head and within the body', async () => {
    const silent = withFetch(
      (init) =>
        new Promise((_, reject) =>
          init.signal?.addEventListener('abort', () => reject(new Error('aborted'))),
        ),
      20,
    )
    await expect(silent.transport.request(request)).rejects.toMatchObject({ kind: 'timeout' })
    const stuck = withFetch(() => Promise.resolve(new Response(new ReadableStream())), 20)
    await expect((await stuck.transport.request(request)).bytes(1)).rejects.toMatchObject({
      kind: 'timeout',
    })
  })

  it('throws the reason of an abort', async () => {
    const abort = new AbortController()
    abort.abort(new Error('enough'))
    const { transport } = withFetch(() => Promise.reject(new DOMException('aborted', 'AbortError')))
    await expect(transport.request({ ...request, signal: abort.signal })).rejects.toThrow('enough')
  })

  it('gives a blob to fetch as it is', async () => {
    const { transport, calls } = withFetch(() => Promise.resolve(new Response()))
    const body = new Blob([Uint8Array.of(1, 2)])
    await transport.request({ ...request, body, bodyLength: 2 })
    expect(calls[0]?.init.body).toBe(body)
  })

  it('refuses a streaming body instead of sending something else', async () => {
    const { transport, calls } = withFetch(() => Promise.resolve(new Response()))
    const body = (async function* () {
      yield Uint8Array.of(1)
    })()
    await expect(transport.request({ ...request, body, bodyLength: 1 })).rejects.toBeInstanceOf(
      TypeError,
    )
    expect(calls).toHaveLength(0)
  })
})
