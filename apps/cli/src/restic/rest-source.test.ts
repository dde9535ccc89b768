import { NetworkError, type TransportRequest, type TransportResponse } from '@hearthold/client'
import { ResticError } from '@hearthold/member'
import { describe, expect, it } from 'vitest'
import { CliError } from '../cli-error.ts'
import { parseResticAddress } from './restic-address.ts'
import { restSource } from './rest-source.ts'

type Answer = { status?: number; headers?: Record<string, string>; body?: string }

const address = parseResticAddress('rest:https://ada%40home:s%3Acret@host.example:8000/ada/laptop')
const id = 'ab'.repeat(32)

const sourceOf = (...answers: Answer[]) => {
  const asked: TransportRequest[] = []
  const request = async (given: TransportRequest): Promise<TransportResponse> => {
    asked.push(given)
    const { status = 200, headers = {}, body = '' } = answers.shift() ?? { status: 500 }
    const bytes = new TextEncoder().encode(body)
    return {
      status,
      headers: { 'content-length': String(bytes.length), ...headers },
      body: (async function* () {
        yield bytes
      })(),
      bytes: async () => bytes,
      discard: () => undefined,
    }
  }
  return { source: restSource({ streamsBodies: true, request }, address), asked }
}

const thrown = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing',
    (error: unknown) => {
      if (error instanceof ResticError) return error.code
      if (error instanceof NetworkError) return error.kind
      return error instanceof CliError ? `exit ${error.exitCode}` : String(error)
    },
  )

describe('addresses of restic', () => {
  it('are taken apart', () => {
    expect(address).toEqual({
      origin: 'https://host.example:8000',
      path: '/ada/laptop/',
      user: 'ada@home',
      secret: 's:cret',
    })
    expect(parseResticAddress(' rest:http://localhost:8000/\n').path).toBe('/')
  })

  it.each([
    'https://host/',
    'rest:',
    'rest:ftp://host/',
    'rest:/path',
    'rest:https://host/?x',
    'rest:https://u:%ff@host/',
    'rest:http://elsewhere.example/',
  ])('%s is refused, and not repeated', (text) => {
    let message = ''
    try {
      parseResticAddress(text)
    } catch (error) {
      message = error instanceof CliError ? `${error.message} ${error.advice}` : 'no CliError'
    }
    expect(message).not.toBe('no CliError')
    expect(message).not.toContain('elsewhere')
    expect(message.length).toBeGreaterThan(10)
  })
})

describe('a REST server', () => {
  it('is asked with the credential, for exactly the range', async () => {
    const headers = { 'content-range': 'bytes 5-8/100' }
    const { source, asked } = sourceOf({ status: 206, headers, body: 'four' })
    const bytes = await source.read('data', id, { offset: 5, length: 4 })
    expect(new TextDecoder().decode(bytes)).toBe('four')
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: `/ada/laptop/data/${id}`,
      headers: {
        authorization: `Basic ${Buffer.from('ada@home:s:cret').toString('base64')}`,
        range: 'bytes=5-8',
      },
    })
  })

  it('lists in both forms of the protocol; what is no object is left out', async () => {
    const { source, asked } = sourceOf(
      {
        body: JSON.stringify([
          { name: id, size: 7 },
          { name: '../x', size: 1 },
          { name: `${id}.tmp` },
        ]),
      },
      { body: JSON.stringify([id, 'x']) },
      { body: 'null' },
      { status: 404 },
    )
    expect(await source.list('keys')).toEqual([{ id, sizeBytes: 7 }])
    expect(asked[0]?.headers['accept']).toBe('application/vnd.x.restic.rest.v2')
    expect(await source.list('index')).toEqual([{ id, sizeBytes: 0 }])
    expect(await source.list('snapshots')).toEqual([])
    expect(await source.list('locks')).toEqual([])
  })

  it.each<[string, Answer[]]>([
    ['exit 3', [{ status: 401 }]],
    ['exit 3', [{ status: 403 }]],
    ['object_missing', [{ status: 404 }]],
    ['source', [{ status: 416 }]],
    ['redirect', [{ status: 302 }]],
    ['protocol', [{ status: 418 }]],
    ['protocol', [{ status: 200, body: 'all of it' }]],
    ['protocol', [{ status: 206, headers: { 'content-range': 'bytes 0-3/9' }, body: 'four' }]],
    ['refused', [{ status: 503 }, { status: 500 }, { status: 429 }, { status: 502 }]],
  ])('gives %s where it must', async (expected, answers) => {
    const { source } = sourceOf(...answers)
    expect(await thrown(source.read('data', id, { offset: 5, length: 4 }))).toBe(expected)
  })

  it('is asked again after what passes', async () => {
    const { source, asked } = sourceOf({ status: 503 }, { body: 'config' })
    expect((await source.read('config', '')).length).toBe(6)
    expect(asked.map(({ url }) => url)).toEqual(['/ada/laptop/config', '/ada/laptop/config'])
  })

  it('is not believed where a list is none', async () => {
    for (const body of ['{}', '"x"', '[', '7'])
      expect(await thrown(sourceOf({ body }).source.list('keys'))).toBe('protocol')
  })
})
