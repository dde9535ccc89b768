import {
  appendLogs,
  finishSecondFactor,
  getInstance,
  getLogHead,
  getObject,
  getSetUp,
  listLogs,
  ProblemError,
  putRegister,
  readLog,
  renewSession,
} from '@hearthold/contract'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createClient, isRepeatable, urlOf, type CallInput, type ClientOptions } from './client.ts'
import { NetworkError } from './network-error.ts'
import { UnknownProblemError } from './problem-answer.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'

const id = '0123456789abcdef0123456789abcdef'
const token = 'T'.repeat(43)

type Reply =
  | { status?: number; headers?: Record<string, string>; json?: unknown; bytes?: Uint8Array }
  | Error

const respond = (reply: Exclude<Reply, Error>): TransportResponse => {
  const bytes =
    reply.bytes ??
    new TextEncoder().encode(reply.json === undefined ? '' : JSON.stringify(reply.json))
  return {
    status: reply.status ?? 200,
    headers: { 'content-type': 'application/json', ...reply.headers },
    body: (async function* () {
      yield bytes
    })(),
    bytes: () => Promise.resolve(bytes),
    discard: () => undefined,
  }
}

/** A client over a script of replies; the last one is repeated. Records requests and waits instead of waiting. */
const scripted = (replies: Reply[], options: Partial<ClientOptions> = {}) => {
  const requests: TransportRequest[] = []
  const waits: number[] = []
  const client = createClient({
    transport: {
      streamsBodies: true,
      request: (request) => {
        const reply = replies[Math.min(requests.length, replies.length - 1)]
        requests.push(request)
        if (!reply || reply instanceof Error) return Promise.reject(reply ?? new Error('no reply'))
        return Promise.resolve(respond(reply))
      },
    },
    waiting: {
      sleep: (ms) => {
        waits.push(ms)
        return Promise.resolve()
      },
      random: () => 0.999_999,
    },
    ...options,
  })
  return { client, requests, waits }
}

const problem = (
  status: number,
  code: string,
  more: object = {},
  headers: Record<string, string> = {},
): Reply => ({
  status,
  headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headers },
  json: { type: 'about:blank', title: 'x', status, code, ...more },
})
const setUp = { json: { needed: false, version: '0.1.0', passkeys: true } }
const dropped = new NetworkError('dropped', 'The connection to the server ended early.')
const refused = new NetworkError('refused', 'No connection.', { sent: false })

describe('urlOf', () => {
  it('fills in parameters, encoded, and leaves undefined query members out', () => {
    expect(urlOf(readLog, { log: 'a/b?c' }, { after: 0, limit: undefined })).toBe(
      '/api/logs/a%2Fb%3Fc/entries?after=0',
    )
    expect(urlOf(listLogs)).toBe('/api/logs')
    expect(() => urlOf(readLog, {}, {})).toThrow(TypeError)
  })
})

describe('types of a call', () => {
  it('asks for what the endpoint declares and nothing else', () => {
    expectTypeOf<CallInput<typeof getLogHead>['params']>().toEqualTypeOf<{ log: string }>()
    expectTypeOf<CallInput<typeof appendLogs>['body']>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<CallInput<typeof listLogs>['body']>().toEqualTypeOf<undefined>()
    const { client } = scripted([setUp])
    expectTypeOf(client.call(getSetUp)).resolves.toEqualTypeOf<{
      needed: boolean
      version: string
      passkeys: boolean
    }>()
    expect(isRepeatable(appendLogs)).toBe(true)
    expect(isRepeatable(finishSecondFactor)).toBe(false)
  })
})

describe('call', () => {
  it('sends JSON and reads the checked answer', async () => {
    const { client, requests } = scripted([{ json: { version: 2 } }], {
      token: () => token,
      baseUrl: '/hearth',
    })
    const body = {
      name: 'read/marks',
      version: 2,
      device: id,
      sealedValue: 'AA',
      signature: 'a'.repeat(128),
    }
    expect(await client.call(putRegister, { body })).toEqual({ version: 2 })
    expect(requests[0]).toMatchObject({ method: 'PUT', url: '/hearth/api/registers' })
    expect(requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
    })
    expect(JSON.parse(new TextDecoder().decode(requests[0]?.body as Uint8Array))).toEqual(body)
  })

  it('sends and answers bytes as they are', async () => {
    const answer = Uint8Array.of(9, 8)
    const { client, requests } = scripted([{ bytes: answer }])
    expect(await client.call(appendLogs, { body: Uint8Array.of(1, 2, 3) })).toBe(answer)
    expect(requests[0]?.headers['content-type']).toBe('application/octet-stream')
    expect(requests[0]?.body).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('shows the token only where a member is asked for', async () => {
    const { client, requests } = scripted([setUp], { token: () => token })
    await client.call(getSetUp)
    expect(requests[0]?.headers).not.toHaveProperty('authorization')
  })

  it('throws problems with their code, detail, extra and request id', async () => {
    const { client } = scripted([
      problem(409, 'head_moved', { detail: 'Moved.', extra: { seq: 7 }, requestId: 'r-1' }),
    ])
    const error = await client.call(listLogs).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ProblemError)
    expect(error).toMatchObject({
      code: 'head_moved',
      status: 409,
      detail: 'Moved.',
      extra: { seq: 7, requestId: 'r-1' },
    })
  })

  it.each([
    ['an unknown code', problem(418, 'teapot'), 418],
    [
      'a page of a proxy',
      { status: 413, headers: { 'content-type': 'text/html' }, bytes: new Uint8Array(3) },
      413,
    ],
    ['broken JSON', { status: 400, bytes: Uint8Array.of(0x7b) }, 400],
    ['a code that is no text', problem(400, 'x', { code: { a: 1 } }), 400],
  ] as [string, Reply, number][])(
    'makes %s internal and keeps the status',
    async (_, reply, status) => {
      const error = await scripted([reply])
        .client.call(listLogs)
        .catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(UnknownProblemError)
      expect(error).toMatchObject({ code: 'internal', status })
    },
  )

  it('refuses answers of another form without repeating anything of them', async () => {
    const { client, requests } = scripted([{ json: { name: 'x', secret: token } }])
    const error = await client.call(getInstance).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ kind: 'protocol' })
    expect(String(error) + JSON.stringify(error)).not.toContain(token)
    expect(requests).toHaveLength(1)
    await expect(
      scripted([{ bytes: Uint8Array.of(0xff) }]).client.call(getInstance),
    ).rejects.toMatchObject({ kind: 'protocol' })
  })

  it.each([301, 302, 307, 308, 0])('refuses a redirect (%i)', async (status) => {
    const { client, requests } = scripted(
      [{ status, headers: { location: 'https://elsewhere.example/' } }],
      { token: () => token },
    )
    await expect(client.call(listLogs)).rejects.toMatchObject({ kind: 'redirect' })
    expect(requests).toHaveLength(1)
  })
})

describe('repeating', () => {
  it('repeats what is harmless to repeat, waiting longer each time, up to its limit', async () => {
    const { client, requests, waits } = scripted([dropped])
    await expect(client.call(getSetUp)).rejects.toBe(dropped)
    expect(requests).toHaveLength(4)
    expect(waits).toEqual([200, 400, 800])
  })

  it('succeeds when a later attempt does', async () => {
    const { client, waits } = scripted([dropped, refused, setUp])
    expect(await client.call(getSetUp)).toEqual(setUp.json)
    expect(waits).toHaveLength(2)
  })

  it('repeats a POST only if no byte was sent, or the server recognises it', async () => {
    const body = { pending: id, code: '123456', transport: 'bearer' as const }
    const once = scripted([dropped])
    await expect(once.client.call(finishSecondFactor, { body })).rejects.toBe(dropped)
    expect(once.requests).toHaveLength(1)
    const never = scripted([refused])
    await expect(never.client.call(finishSecondFactor, { body })).rejects.toBe(refused)
    expect(never.requests).toHaveLength(4)
    const append = scripted([dropped, { bytes: Uint8Array.of(1) }])
    expect(await append.client.call(appendLogs, { body: Uint8Array.of(1) })).toEqual(
      Uint8Array.of(1),
    )
  })

  it.each(['certificate', 'pin', 'tls', 'redirect', 'protocol'] as const)(
    'never repeats after %s',
    async (kind) => {
      const { client, requests } = scripted([new NetworkError(kind, 'x', { sent: false })])
      await expect(client.call(getSetUp)).rejects.toMatchObject({ kind })
      expect(requests).toHaveLength(1)
    },
  )

  it('waits as long as it is told to, and not when that is too long', async () => {
    const short = scripted([problem(429, 'rate_limited', {}, { 'retry-after': '7' }), setUp])
    expect(await short.client.call(getSetUp)).toEqual(setUp.json)
    expect(short.waits).toEqual([7000])
    const long = scripted([problem(503, 'unavailable', {}, { 'retry-after': '3600' })])
    await expect(long.client.call(getSetUp)).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterSeconds: 3600,
    })
    expect(long.requests).toHaveLength(1)
    const date = scripted([
      problem(503, 'unavailable', {}, { 'retry-after': new Date(Date.now() + 5000).toUTCString() }),
      setUp,
    ])
    await date.client.call(getSetUp)
    expect(date.waits[0]).toBeGreaterThan(3000)
    expect(date.waits[0]).toBeLessThanOrEqual(5000)
  })

  it('leaves a lock-out and other refusals to the person', async () => {
    for (const reply of [
      problem(429, 'locked_out', {}, { 'retry-after': '1' }),
      problem(503, 'not_set_up'),
      problem(500, 'internal'),
    ]) {
      const { client, requests } = scripted([reply])
      await expect(client.call(getSetUp)).rejects.toBeInstanceOf(ProblemError)
      expect(requests).toHaveLength(1)
    }
  })

  it('stops when aborted', async () => {
    const abort = new AbortController()
    const { client, requests } = scripted([dropped], {
      waiting: {
        random: () => 0,
        sleep: (_, signal) => {
          abort.abort(new Error('enough'))
          return Promise.reject(signal?.reason)
        },
      },
    })
    await expect(client.call(getSetUp, { signal: abort.signal })).rejects.toThrow('enough')
    expect(requests).toHaveLength(1)
  })
})

describe('renewal', () => {
  it('signs in once for all calls that wait for it, and repeats them', async () => {
    let current = 'old'
    let renewals = 0
    const seen: string[] = []
    const { client } = ((): { client: ReturnType<typeof createClient> } => ({
      client: createClient({
        token: () => current,
        onUnauthenticated: async () => {
          renewals++
          await Promise.resolve()
          current = 'new'
          return true
        },
        transport: {
          streamsBodies: true,
          request: async ({ headers }) => {
            seen.push(headers['authorization'] ?? '')
            if (headers['authorization'] === 'Bearer new') return respond({ json: { logs: [] } })
            return respond(problem(401, 'unauthenticated') as Exclude<Reply, Error>)
          },
        },
      }),
    }))()
    const answers = await Promise.all([
      client.call(listLogs),
      client.call(listLogs),
      client.call(listLogs),
    ])
    expect(answers).toEqual([{ logs: [] }, { logs: [] }, { logs: [] }])
    expect(renewals).toBe(1)
    expect(seen).toHaveLength(6)
  })

  it('gives the renewal a client that does not wait for itself', async () => {
    const { client, requests } = scripted([problem(401, 'unauthenticated')], {
      token: () => token,
      onUnauthenticated: async (bare) => {
        await expect(bare.call(renewSession)).rejects.toMatchObject({ code: 'unauthenticated' })
        return false
      },
    })
    await expect(client.call(listLogs)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(requests.map(({ url }) => url)).toEqual(['/api/logs', '/api/session/renew'])
  })

  it('does not take a wrong password for an ended session', async () => {
    let renewals = 0
    const { client } = scripted([problem(401, 'second_factor_wrong')], {
      onUnauthenticated: () => Promise.resolve(renewals++ > 0),
    })
    const body = { pending: id, code: '123456', transport: 'bearer' as const }
    await expect(client.call(finishSecondFactor, { body })).rejects.toMatchObject({
      code: 'second_factor_wrong',
    })
    expect(renewals).toBe(0)
  })
})

describe('open', () => {
  it('throws problems and passes headers on', async () => {
    const { client, requests } = scripted([problem(404, 'not_found')])
    const opening = client.open(getObject, {
      params: { object: id },
      headers: { range: 'bytes=5-' },
    })
    await expect(opening).rejects.toMatchObject({ code: 'not_found' })
    expect(requests[0]?.headers['range']).toBe('bytes=5-')
  })
})
