import { createClient, NetworkError, type TransportResponse } from '@hearthold/client'
import { describe, expect, it } from 'vitest'
import { serverResticSource } from './server-source.ts'
import { codeOf } from './test-repository.oracle.ts'

type Answer = { status?: number; headers?: Record<string, string>; body?: Uint8Array[] }

const answer = ({ status = 200, headers = {}, body = [] }: Answer): TransportResponse => ({
  status,
  headers,
  body: (async function* () {
    yield* body
  })(),
  bytes: async () => {
    const [first = new Uint8Array(0)] = body
    return first
  },
  discard: () => undefined,
})

const sourceOf = (...answers: (Answer | Error)[]) => {
  const asked: { url: string; range: string | undefined }[] = []
  const client = createClient({
    transport: {
      streamsBodies: true,
      request: async ({ url, headers }) => {
        asked.push({ url, range: headers['range'] })
        const next = answers.shift() ?? new Error('nothing more was expected')
        if (next instanceof Error) throw next
        return answer(next)
      },
    },
    token: () => 'token',
    waiting: { sleep: () => Promise.resolve(), random: () => 0 },
  })
  return { source: serverResticSource(client, '12'.repeat(16)), asked }
}

const id = 'ab'.repeat(32)
const bytes = (count: number) => new Uint8Array(count).fill(1)
const problem = (status: number, code: string): Answer => {
  const body = [
    new TextEncoder().encode(JSON.stringify({ type: `urn:${code}`, code, status, title: code })),
  ]
  return { status, headers: { 'content-type': 'application/problem+json' }, body }
}
const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing was thrown',
    (error) => (error instanceof NetworkError ? error.kind : String(error)),
  )

describe('the source over the API', () => {
  it('asks for exactly the range, and gives it in one piece', async () => {
    const headers = { 'content-length': '5', 'content-range': 'bytes 10-14/100' }
    const { source, asked } = sourceOf({ status: 206, headers, body: [bytes(2), bytes(3)] })
    expect(await source.read('data', id, { offset: 10, length: 5 })).toEqual(bytes(5))
    expect(asked).toEqual([
      { url: `/api/repositories/${'12'.repeat(16)}/objects/data/${id}`, range: 'bytes=10-14' },
    ])
  })

  it('reads the config under its id of zeros', async () => {
    const { source, asked } = sourceOf({ headers: { 'content-length': '3' }, body: [bytes(3)] })
    expect(await source.read('config', '')).toEqual(bytes(3))
    expect(asked[0]?.url.endsWith(`/objects/config/${'0'.repeat(64)}`)).toBe(true)
    expect(asked[0]?.range).toBeUndefined()
  })

  it.each<[string, Answer]>([
    ['no length', { status: 206, headers: { 'content-range': 'bytes 10-14/100' } }],
    ['all of it', { status: 200, headers: { 'content-length': '5' }, body: [bytes(5)] }],
    [
      'another place',
      { status: 206, headers: { 'content-length': '5', 'content-range': 'bytes 11-15/100' } },
    ],
    [
      'another length',
      { status: 206, headers: { 'content-length': '4', 'content-range': 'bytes 10-13/100' } },
    ],
    [
      'more than it said',
      {
        status: 206,
        headers: { 'content-length': '5', 'content-range': 'bytes 10-14/100' },
        body: [bytes(6)],
      },
    ],
  ])('refuses an answer with %s', async (_, given) => {
    const { source } = sourceOf(given)
    expect(await kindOf(source.read('data', id, { offset: 10, length: 5 }))).toBe('protocol')
  })

  it('asks again where the line broke, and gives up in the end', async () => {
    const headers = { 'content-length': '3' }
    const short = { headers, body: [bytes(2)] }
    const { source } = sourceOf(short, problem(503, 'unavailable'), { headers, body: [bytes(3)] })
    expect(await source.read('index', id)).toEqual(bytes(3))
    const broken = sourceOf(short, short, short, short, short)
    expect(await kindOf(broken.source.read('index', id))).toBe('dropped')
    expect(broken.asked.length).toBe(4)
  })

  it('names what is not there', async () => {
    const { source } = sourceOf(problem(404, 'not_found'), problem(416, 'range_not_satisfiable'))
    expect(await codeOf(source.read('data', id))).toBe('object_missing')
    expect(await codeOf(source.read('data', id, { offset: 9, length: 1 }))).toBe('source')
  })

  it('lists names and sizes, checked', async () => {
    const list = { objects: [{ id, sizeBytes: 5 }] }
    const listed = (value: unknown) => ({
      headers: { 'content-type': 'application/json' },
      body: [new TextEncoder().encode(JSON.stringify(value))],
    })
    const { source } = sourceOf(listed(list), listed({ objects: [{ id: '../x', sizeBytes: 5 }] }))
    expect(await source.list('keys')).toEqual(list.objects)
    expect(await kindOf(source.list('keys'))).toBe('protocol')
  })
})
