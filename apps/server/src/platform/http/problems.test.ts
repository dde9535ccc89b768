import {
  type Endpoint,
  endpoint,
  getRegister,
  type ProblemCode,
  ProblemError,
} from '@hearthold/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bind } from './bind.ts'
import { addHealthRoutes, type ReadyCheck } from './health.ts'
import { createTestHttp, recordingLog, type RecordingLog, type TestHttp } from './test-http.ts'

const plain = endpoint({
  name: 'plain',
  method: 'GET',
  path: '/api/plain',
  access: 'public',
  summary: '',
  problems: ['over_quota'],
})
const questioned = endpoint({ ...plain, query: getRegister.query! })

let log: RecordingLog
let unlisted: string[]
let made: TestHttp
beforeEach(() => {
  log = recordingLog()
  unlisted = []
  made = createTestHttp(
    {},
    {
      log,
      accessLog: log,
      onUnlistedProblem: ({ name }: Endpoint, code: ProblemCode) =>
        void unlisted.push(`${name}: ${code}`),
    },
  )
})
afterEach(() => made.close())

describe('problems', () => {
  test('pass with their fields, and Retry-After', async () => {
    bind(made.http, plain, () => {
      throw new ProblemError('over_quota', 'There is no room.', {
        extra: { neededBytes: 5 },
        retryAfterSeconds: 1.2,
      })
    })
    const answer = await made.send({ method: 'GET', url: '/api/plain' })
    expect([answer.statusCode, answer.headers['retry-after'], answer.json()]).toEqual([
      507,
      '2',
      expect.objectContaining({ code: 'over_quota', extra: { neededBytes: 5 } }),
    ])
    expect(unlisted).toEqual([])
  })
  test('that an endpoint does not list are told of', async () => {
    bind(made.http, plain, () => {
      throw new ProblemError('name_taken')
    })
    expect((await made.send({ method: 'GET', url: '/api/plain' })).json()).toMatchObject({
      code: 'name_taken',
    })
    expect(unlisted).toEqual(['plain: name_taken'])
  })
  test('nobody foresaw are 500 without a word of them, and logged once with their cause', async () => {
    bind(made.http, questioned, () => {
      throw new Error('the hush in the database', { cause: new Error('why') })
    })
    const answer = await made.send({ method: 'GET', url: '/api/plain?name=zzhush' })
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([500, 'internal'])
    expect(answer.body).not.toContain('hush')
    const errors = log.lines.filter(({ level }) => level === 'error')
    expect(errors).toHaveLength(1)
    expect(errors[0]?.fields).toMatchObject({
      requestId: answer.headers['x-request-id'],
      err: { message: 'the hush in the database' },
    })
  })
  test('and requests are logged by path alone', async () => {
    bind(made.http, questioned, () => undefined)
    await made.send({
      method: 'GET',
      url: '/api/plain?name=zzhush',
      headers: { authorization: 'Bearer zzhush', cookie: 'a=zzhush' },
    })
    const line = log.lines.find(({ message }) => message === 'request')
    expect(line?.fields).toMatchObject({
      method: 'GET',
      path: '/api/plain',
      status: 204,
      address: '127.0.0.1',
    })
    expect(JSON.stringify(log.lines)).not.toContain('zzhush')
  })
})

test('readiness names what fails, without its reason, and remembers briefly', async () => {
  let asked = 0
  const checks: ReadyCheck[] = [
    { name: 'database', check: () => void asked++ },
    {
      name: 'disk',
      check: () => {
        throw new Error('zzhush')
      },
    },
  ]
  addHealthRoutes(made.http, checks)
  expect((await made.send({ method: 'GET', url: '/healthz' })).json()).toEqual({ live: true })
  const answer = await made.send({ method: 'GET', url: '/readyz' })
  expect([answer.statusCode, answer.json()]).toEqual([
    503,
    { ready: false, checks: { database: 'ok', disk: 'failed' } },
  ])
  await made.send({ method: 'GET', url: '/readyz' })
  expect(asked).toBe(1)
})
