import { problemStatus, type ProblemCode } from '@hearthold/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClient } from './client.ts'
import { downloadObject } from './download.ts'
import { NetworkError } from './network-error.ts'
import type { TransportResponse } from './transport.ts'

const object = '00112233445566778899aabbccddeeff'
const dropped = () => new NetworkError('dropped', 'The connection to the server ended early.')

const respond = (
  status: number,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): TransportResponse => ({
  status,
  headers,
  body: (async function* () {
    yield bytes
  })(),
  bytes: () => Promise.resolve(bytes),
  discard: () => undefined,
})
const json = (status: number, value: unknown, type = 'application/json') =>
  respond(status, new TextEncoder().encode(JSON.stringify(value)), { 'content-type': type })
const problem = (code: ProblemCode) =>
  json(
    problemStatus[code],
    { type: 'about:blank', title: code, status: problemStatus[code], code },
    'application/problem+json',
  )

const pattern = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 11)) & 255)
/** A server of one object that drops each connection after the next number of bytes in `drops`. */
const objectServer = (
  bytes: Uint8Array,
  drops: number[],
  alter: (response: TransportResponse) => TransportResponse = (same) => same,
) => {
  const ranges: string[] = []
  const client = createClient({
    waiting: { sleep: () => Promise.resolve(), random: () => 0 },
    transport: {
      streamsBodies: true,
      request: ({ headers }) => {
        const range = headers['range']
        ranges.push(range ?? '')
        const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? 'bytes=0-') ?? []
        const from = Number(first)
        const to = last ? Math.min(Number(last) + 1, bytes.length) : bytes.length
        if (range !== undefined && from >= bytes.length)
          return Promise.resolve(problem('range_not_satisfiable'))
        const part = bytes.subarray(from, to)
        const drop = drops.shift()
        const body = (async function* () {
          const end = drop ?? part.length
          for (let at = 0; at < Math.min(end, part.length); at += 1000)
            yield part.subarray(at, Math.min(at + 1000, end))
          if (end < part.length) throw dropped()
        })()
        const length = { 'content-length': String(part.length) }
        const response = {
          status: range === undefined ? 200 : 206,
          headers:
            range === undefined
              ? length
              : { ...length, 'content-range': `bytes ${from}-${to - 1}/${bytes.length}` },
          body,
          bytes: () => Promise.reject(new Error('not here')),
          discard: () => undefined,
        }
        return Promise.resolve(alter(response))
      },
    },
  })
  return { client, ranges }
}

const collect = async (chunks: AsyncIterable<Uint8Array>) => {
  const all: number[] = []
  for await (const chunk of chunks) all.push(...chunk)
  return Uint8Array.from(all)
}

describe('downloadObject', () => {
  const bytes = pattern(20_000)

  it('yields exactly the bytes asked for, wherever the connection drops', async () => {
    expect.hasAssertions()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 19_999 }),
        fc.option(fc.integer({ min: 0, max: 25_000 }), { nil: undefined }),
        fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 5 }),
        async (start, end, drops) => {
          const { client } = objectServer(bytes, [...drops])
          const options = end === undefined ? { start } : { start, end }
          expect(await collect(downloadObject(client, object, options))).toEqual(
            bytes.slice(start, Math.max(start, end ?? bytes.length)),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  it('asks only for what is missing', async () => {
    const { client, ranges } = objectServer(bytes, [5500, 0, 3])
    const progress: number[][] = []
    await collect(
      downloadObject(client, object, { onProgress: (...state) => progress.push(state) }),
    )
    expect(ranges).toEqual(['', 'bytes=5500-19999', 'bytes=5500-19999', 'bytes=5503-19999'])
    expect(progress.at(-1)).toEqual([20_000, 20_000])
  })

  it('gives up when no byte comes any more', async () => {
    const { client, ranges } = objectServer(bytes, [100, 0, 0, 0, 0, 0])
    await expect(collect(downloadObject(client, object))).rejects.toMatchObject({ kind: 'dropped' })
    expect(ranges).toHaveLength(4)
  })

  it.each([
    ['no length', (response: TransportResponse) => ({ ...response, headers: {} })],
    [
      'the whole object for a part',
      (response: TransportResponse) => ({ ...response, status: 200 }),
    ],
    [
      'another part',
      (response: TransportResponse) => ({
        ...response,
        headers: { ...response.headers, 'content-range': 'bytes 11-19999/20000' },
      }),
    ],
    [
      'a shorter part',
      (response: TransportResponse) => ({
        ...response,
        headers: { 'content-length': '10', 'content-range': 'bytes 10-19/20000' },
      }),
    ],
    [
      'a nonsense range',
      (response: TransportResponse) => ({
        ...response,
        headers: { ...response.headers, 'content-range': 'bytes */x' },
      }),
    ],
  ])('refuses %s', async (_, alter) => {
    const { client, ranges } = objectServer(bytes, [], alter)
    await expect(collect(downloadObject(client, object, { start: 10 }))).rejects.toMatchObject({
      kind: 'protocol',
    })
    expect(ranges).toHaveLength(1)
  })

  it('refuses an object that changes its size between two attempts', async () => {
    let answers = 0
    const alter = (response: TransportResponse) =>
      answers++ === 0
        ? response
        : { ...response, headers: { ...response.headers, 'content-range': 'bytes 7-19999/20001' } }
    const { client } = objectServer(bytes, [7], alter)
    await expect(collect(downloadObject(client, object))).rejects.toMatchObject({
      kind: 'protocol',
    })
  })

  it('passes problems on', async () => {
    const { client } = objectServer(bytes, [])
    await expect(collect(downloadObject(client, object, { start: 20_000 }))).rejects.toMatchObject({
      code: 'range_not_satisfiable',
    })
  })
})
