import { endpoint, Exact, Size } from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bind, bindStream } from './bind.ts'
import {
  createTestHttp,
  recordingLog,
  type RecordingLog,
  type TestHttp,
  testToken,
} from './test-http.ts'

const plain = endpoint({
  name: 'plain',
  method: 'GET',
  path: '/api/plain',
  access: 'public',
  summary: '',
  problems: ['over_quota'],
})
const act = endpoint({
  name: 'act',
  method: 'POST',
  path: '/api/act',
  access: 'public',
  summary: '',
})
const bytes = endpoint({
  name: 'bytes',
  method: 'POST',
  path: '/api/bytes',
  access: 'public',
  summary: '',
  body: 'bytes',
  answer: 'bytes',
  bodyLimitBytes: 10,
})
const pieces = endpoint({
  name: 'pieces',
  method: 'GET',
  path: '/api/pieces',
  access: 'public',
  summary: '',
  answer: 'bytes',
})
const sized = endpoint({
  name: 'sized',
  method: 'GET',
  path: '/api/sized',
  access: 'public',
  summary: '',
  answer: Exact({ sizeBytes: Size }),
})
const stream = endpoint({
  name: 'stream',
  method: 'PATCH',
  path: '/api/stream',
  access: 'public',
  summary: '',
  body: 'bytes',
  bodyStream: true,
  bodyLimitBytes: 50,
  answer: Exact({ sizeBytes: Size }),
  problems: ['length_required'],
})

let log: RecordingLog
let made: TestHttp
beforeEach(() => {
  log = recordingLog()
  made = createTestHttp({}, { log })
})
afterEach(() => made.close())

const bindPieces = (close: () => void) =>
  bind(made.http, pieces, () => ({
    status: 206,
    headers: { 'content-range': 'bytes 0-5/9' },
    sizeBytes: 6,
    close,
    pieces: (async function* () {
      const buffers = [Buffer.alloc(2), Buffer.alloc(2)] as const
      for (let at = 0; at < 3; at++) yield (buffers[at % 2] ?? buffers[0]).fill(at)
    })(),
  }))

describe('answers', () => {
  test('HEAD works where GET does', async () => {
    bind(made.http, plain, () => undefined)
    expect((await made.send({ method: 'HEAD', url: '/api/plain' })).statusCode).toBe(204)
  })
  test('set and clear the session cookie', async () => {
    bind(made.http, act, ({ response }) => {
      response.setSessionCookie(testToken('t'), 60.9)
      response.clearSessionCookie()
      return undefined
    })
    const answer = await made.send({ method: 'POST', url: '/api/act' })
    expect(answer.headers['set-cookie']).toEqual([
      `hearthold=${testToken('t')}; Path=/; HttpOnly; SameSite=Strict; Max-Age=60`,
      'hearthold=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
    ])
  })
  test('that lack a field of their contract become an internal problem', async () => {
    bind(made.http, sized, () => ({}) as never)
    expect((await made.send({ method: 'GET', url: '/api/sized' })).json()).toMatchObject({
      code: 'internal',
    })
    expect(log.lines.map(({ level }) => level)).toContain('error')
  })
  test('of bytes: at once, with headers, or in pieces; buffers may be used in turn', async () => {
    bind(made.http, bytes, ({ body }) => body.toReversed())
    let closed = 0
    bindPieces(() => void closed++)
    const octets = { 'content-type': 'application/octet-stream' }
    const answer = await made.send({
      method: 'POST',
      url: '/api/bytes',
      headers: octets,
      payload: Buffer.from([1, 2, 3]),
    })
    expect([[...answer.rawPayload], answer.headers['content-type']]).toEqual([
      [3, 2, 1],
      'application/octet-stream',
    ])
    expect((await made.send({ method: 'POST', url: '/api/bytes' })).json()).toMatchObject({
      code: 'unsupported_media_type',
    })
    expect(
      (
        await made.send({
          method: 'POST',
          url: '/api/bytes',
          headers: octets,
          payload: Buffer.alloc(11),
        })
      ).json(),
    ).toMatchObject({ code: 'too_large' })
    const whole = await made.send({ method: 'GET', url: '/api/pieces' })
    expect([
      whole.statusCode,
      [...whole.rawPayload],
      whole.headers['content-length'],
      whole.headers['content-range'],
      closed,
    ]).toEqual([206, [0, 0, 1, 1, 2, 2], '6', 'bytes 0-5/9', 1])
    expect(whole.headers['x-content-type-options']).toBe('nosniff')
    const head = await made.send({ method: 'HEAD', url: '/api/pieces' })
    expect([head.rawPayload.length, head.headers['content-length'], closed]).toEqual([0, '6', 2])
  })
  test('to a streamed body come after the handler has read it', async () => {
    bindStream(made.http, stream, async ({ body }) => {
      let sizeBytes = 0
      for await (const chunk of body) sizeBytes += (chunk as Buffer).length
      return { sizeBytes }
    })
    const octets = { 'content-type': 'application/octet-stream' }
    const send = (headers: Record<string, string>, payload: Buffer) =>
      made.send({ method: 'PATCH', url: '/api/stream', headers, payload })
    expect((await send(octets, Buffer.alloc(50))).json()).toEqual({ sizeBytes: 50 })
    expect((await send(octets, Buffer.alloc(51))).json()).toMatchObject({ code: 'too_large' })
    expect((await send({ 'content-type': 'text/plain' }, Buffer.alloc(1))).json()).toMatchObject({
      code: 'unsupported_media_type',
    })
    expect(() => bind(made.http, stream, () => ({ sizeBytes: 0 }))).toThrow('bindStream')
    expect(() => bindStream(made.http, plain, () => undefined)).toThrow('use bind')
  })
})
