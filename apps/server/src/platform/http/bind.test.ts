import { endpoint, Exact, getUsage, Id, readLog, SignInName, Size } from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bind, type HandlerInput } from './bind.ts'
import { createTestHttp, recordingLog, type RecordingLog, type TestHttp } from './test-http.ts'

/** Schemas of the contract itself, to build an endpoint with every part. */
const queryOfReadLog = readLog.query?.properties
const usage = getUsage.answer?.properties
if (queryOfReadLog === undefined || usage === undefined)
  throw new Error('the contract changed its shape')

const echo = endpoint({
  name: 'echo',
  method: 'PUT',
  path: '/api/echo/:id',
  access: 'public',
  summary: '',
  params: Exact({ id: Id }),
  query: Exact({ limit: queryOfReadLog.limit }),
  body: Exact({ name: SignInName, size: Size, inner: Exact({ n: Size }) }),
  answer: Exact({ id: Id, name: SignInName, limit: usage.quotaBytes }),
  bodyLimitBytes: 150,
})
const act = endpoint({
  name: 'act',
  method: 'POST',
  path: '/api/act',
  access: 'public',
  summary: '',
})

let log: RecordingLog
let made: TestHttp
beforeEach(() => {
  log = recordingLog()
  made = createTestHttp({}, { log, accessLog: log })
})
afterEach(() => made.close())

const whole = { name: 'Ann', size: 1, inner: { n: 1 } }

const id = 'ab'.repeat(16)
const put = (
  body: unknown,
  url = `/api/echo/${id}`,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) =>
  made.send({
    method: 'PUT',
    url,
    headers,
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })
const bindEcho = () => {
  const inputs: HandlerInput<typeof echo>[] = []
  bind(made.http, echo, (input) => {
    inputs.push(input)
    // A stray field stands for a row with more in it than the answer may show.
    return {
      id: input.params.id,
      name: input.body.name,
      limit: input.query.limit ?? null,
      secret: 'never',
    } as never
  })
  return inputs
}

describe('input', () => {
  test("arrives typed, and only the answer's own fields leave", async () => {
    const inputs = bindEcho()
    const answer = await put(whole, `/api/echo/${id}?limit=7`)
    expect([answer.statusCode, answer.json(), answer.headers['content-type']]).toEqual([
      200,
      { id, name: 'Ann', limit: 7 },
      'application/json; charset=utf-8',
    ])
    expect([inputs[0]?.query, inputs[0]?.request.address]).toEqual([{ limit: 7 }, '127.0.0.1'])
    expect(() => inputs[0]?.session).toThrow('no session')
  })
  test.each([
    ['an unknown field', { ...whole, zzhush: 1 }, '', 'There is an unknown field in the body.'],
    [
      'an unknown inner field',
      { ...whole, inner: { n: 1, zzhush: 1 } },
      '',
      'There is an unknown field in inner in the body.',
    ],
    [
      'a prototype',
      '{"name":"a","size":1,"inner":{"n":1},"__proto__":{"zzhush":1}}',
      '',
      'There is an unknown field in the body.',
    ],
    ['a missing field', {}, '', 'The field name is missing in the body.'],
    [
      'a long value',
      { ...whole, name: 'zzhush'.repeat(11) },
      '',
      'The value of name in the body is not as this endpoint expects (maxLength).',
    ],
    [
      'a number as text',
      { ...whole, inner: { n: '1' } },
      '',
      'The value of inner.n in the body is not as this endpoint expects (type).',
    ],
    ['an array', [], '', 'The value of the body is not as this endpoint expects (type).'],
    ['no JSON', '{zzhush', '', 'The body is not JSON.'],
    ['an unknown query', whole, '?zzhush=1', 'There is an unknown field in the query.'],
    [
      'a query out of range',
      whole,
      '?limit=501',
      'The value of limit in the query is not as this endpoint expects (maximum).',
    ],
    [
      'an empty number',
      whole,
      '?limit=',
      'The value of limit in the query is not as this endpoint expects (type).',
    ],
    [
      'a number in another form',
      whole,
      '?limit=1e0',
      'The value of limit in the query is not as this endpoint expects (type).',
    ],
    [
      'a number twice',
      whole,
      '?limit=1&limit=2',
      'The value of limit in the query is not as this endpoint expects (type).',
    ],
  ])('%s is refused and not repeated', async (_name, body, query, detail) => {
    bindEcho()
    const answer = await put(body, `/api/echo/${id}${query}`)
    expect(answer.json()).toEqual({
      type: 'urn:hearthold:problem:bad_request',
      title: 'Bad request',
      status: 400,
      code: 'bad_request',
      detail,
      requestId: answer.headers['x-request-id'],
    })
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([
      400,
      'application/problem+json',
    ])
    expect(answer.body + JSON.stringify(log.lines)).not.toContain('zzhush')
  })
  test('of bytes that are no UTF-8 is refused', async () => {
    bindEcho()
    const answer = await made.send({
      method: 'PUT',
      url: `/api/echo/${id}`,
      headers: { 'content-type': 'application/json' },
      payload: Buffer.from([0x22, 0xff, 0x22]),
    })
    expect(answer.json()).toMatchObject({ code: 'bad_request', detail: 'The body is not JSON.' })
  })
  test.each([
    [
      'too large',
      JSON.stringify({ name: 'a'.repeat(200) }),
      { 'content-type': 'application/json' },
      'too_large',
    ],
    [
      'of another kind',
      'name=a',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'unsupported_media_type',
    ],
    ['of no kind', '{"name":"a"}', { 'content-type': '' }, 'unsupported_media_type'],
    ['of a broken kind', '{"name":"a"}', { 'content-type': 'json' }, 'unsupported_media_type'],
    ['empty', '', { 'content-type': 'application/json' }, 'bad_request'],
  ])('a body %s is refused', async (_name, payload, headers, code) => {
    bindEcho()
    expect((await put(payload, undefined, headers as Record<string, string>)).json()).toMatchObject(
      { code },
    )
  })
  test('a malformed path parameter, an unknown path and a wrong method each have their code', async () => {
    bindEcho()
    expect((await put(whole, '/api/echo/short')).json()).toMatchObject({
      code: 'bad_request',
    })
    expect((await put(whole, `/api/echo/${'a'.repeat(500)}`)).json()).toMatchObject({
      code: 'not_found',
    })
    expect((await made.send({ method: 'GET', url: '/api/none' })).json()).toMatchObject({
      code: 'not_found',
    })
    expect((await made.send({ method: 'GET', url: '/%zz' })).json()).toMatchObject({
      code: 'bad_request',
    })
    const wrong = await made.send({ method: 'DELETE', url: `/api/echo/${id}` })
    expect([wrong.statusCode, wrong.json<{ code: string }>().code, wrong.headers['allow']]).toEqual(
      [405, 'method_not_allowed', 'PUT'],
    )
  })
  test('an endpoint without a body takes none', async () => {
    bind(made.http, act, () => undefined)
    expect((await made.send({ method: 'POST', url: '/api/act' })).statusCode).toBe(204)
    expect(
      (
        await made.send({
          method: 'POST',
          url: '/api/act',
          headers: { 'content-type': 'application/json', 'content-length': '0' },
        })
      ).statusCode,
    ).toBe(204)
    expect(
      (await made.send({ method: 'POST', url: '/api/act', payload: { a: 1 } })).json(),
    ).toMatchObject({ code: 'bad_request' })
  })
})
