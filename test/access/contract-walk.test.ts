/**
 * What every endpoint must do, asked of every endpoint that the contract has: a new one is walked without a line
 * here. What cannot be derived, whose ids a request may carry, is in foreign-ids.ts.
 */
import { allEndpoints, type Endpoint, type ProblemBody, socketPath } from '@hearthold/contract'
import { toB64 } from '@hearthold/crypto'
import type { LightMyRequestResponse } from 'fastify'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleOf } from '../fuzz/arbitrary-of.ts'
import {
  addMember,
  codeOf,
  type Input,
  Instance,
  metricsPath,
  pathOf,
  type Person,
  plainPaths,
} from './instance.ts'

const endpoints: readonly Endpoint[] = allEndpoints
const named = (list: readonly Endpoint[]) =>
  list.map((endpoint) => [endpoint.name, endpoint] as const)
const tokenless = ({ access }: Endpoint): boolean => access === 'public' || access === 'set-up'
const isUnsafe = ({ method }: Endpoint): boolean => method !== 'GET' && method !== 'HEAD'
const signedIn = endpoints.filter(({ access }) => access === 'member' || access === 'host')
const withBody = endpoints.filter(({ body }) => body !== undefined)

let instance: Instance
/** One that waits for its set-up. */
let fresh: Instance
let host: Person
let member: Person
let cookie: string
let hostCookie: string

const tokenFor = ({ access }: Endpoint): string | undefined =>
  access === 'host' ? host.token : access === 'member' ? member.token : undefined

/** A request that fits the endpoint's schemas, by somebody who may make it. */
const ask = (endpoint: Endpoint, input: Input = {}): Promise<LightMyRequestResponse> =>
  at(endpoint).ask(endpoint, { ...sampleOf(endpoint), token: tokenFor(endpoint), ...input })

/** Where an endpoint can be reached. */
const at = ({ access }: Endpoint): Instance => (access === 'set-up' ? fresh : instance)

const takeCookies = async (): Promise<void> => {
  const of = async (person: Person): Promise<string> =>
    (await person.signIn({ transport: 'cookie' })).cookie!.split(';', 1)[0]!
  cookie = await of(member)
  hostCookie = await of(host)
}

beforeAll(async () => {
  fresh = await Instance.open()
  instance = await Instance.open()
  host = await instance.host()
  member = await addMember(host, 'Bob')
  instance.nextStep()
  await takeCookies()
})
afterAll(async () => {
  await instance.close()
  await fresh.close()
})

describe('before set-up', () => {
  it.each(named(endpoints))('%s', async (name, endpoint) => {
    const answer = await fresh.ask(endpoint, {
      ...sampleOf(endpoint),
      token: toB64(randomBytes(32)),
    })
    const wanted =
      name === 'getSetUp'
        ? [200, '']
        : endpoint.access === 'set-up'
          ? [403, 'set_up_token_wrong']
          : [503, 'not_set_up']
    expect([answer.statusCode, codeOf(answer)]).toEqual(wanted)
  })

  it('probes and pages answer, the socket does not', async () => {
    for (const url of plainPaths) {
      const { statusCode } = await fresh.send({ method: 'GET', url })
      const waits = url === socketPath || url === metricsPath
      expect([url, statusCode]).toEqual([url, waits ? 503 : 200])
    }
  })
})

describe('after set-up', () => {
  it.each(named(endpoints.filter(({ access }) => access === 'set-up')))(
    '%s is over',
    async (_name, endpoint) => {
      const answer = await instance.ask(endpoint, sampleOf(endpoint))
      expect([answer.statusCode, codeOf(answer)]).toEqual([409, 'set_up_done'])
    },
  )
})

describe('without a session', () => {
  it.each(named(signedIn))('%s answers 401', async (_name, endpoint) => {
    const answer = await ask(endpoint, { token: undefined })
    expect([answer.statusCode, codeOf(answer)]).toEqual([401, 'unauthenticated'])
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    if (endpoint.method !== 'GET') return
    const head = await instance.send({
      method: 'HEAD',
      url: pathOf(endpoint, sampleOf(endpoint).params),
    })
    expect([head.statusCode, head.payload]).toEqual([401, ''])
  })
})

describe('with a token that is none', () => {
  const tokens: Record<string, string> = {
    forged: toB64(randomBytes(32)),
    short: toB64(randomBytes(16)),
    long: 'x'.repeat(4000),
  }
  beforeAll(async () => {
    const expired = await member.newSession()
    // Bearer tokens live for 24 h from their last use.
    instance.now += 24 * 3600_000 + 1
    tokens['expired'] = expired.token
    for (const person of [host, member]) Object.assign(person, await person.newSession())
    instance.nextStep()
    await takeCookies()
    const ended = await member.newSession()
    await ask(
      endpoints.find(({ name }) => name === 'endSession')!,
      { token: ended.token },
    )
    tokens['ended'] = ended.token
    tokens['of a cookie'] = cookie.split('=')[1]!
    // A valid cookie beside it makes a wrong bearer token no better, and the session's id is no token.
    tokens["session's id"] = member.session
  })

  it.each(named(signedIn))('%s answers 401', async (_name, endpoint) => {
    for (const [kind, token] of Object.entries(tokens)) {
      const answer = await ask(endpoint, { token, cookie })
      expect([kind, answer.statusCode, codeOf(answer)]).toEqual([kind, 401, 'unauthenticated'])
    }
    const answer = await ask(endpoint, { token: undefined, cookie: `hearthold=${member.token}` })
    expect(['bearer as cookie', codeOf(answer)]).toEqual(['bearer as cookie', 'unauthenticated'])
    const basic = await ask(endpoint, {
      token: undefined,
      headers: { authorization: `Basic ${member.token}` },
    })
    expect(['basic', codeOf(basic)]).toEqual(['basic', 'unauthenticated'])
    const inQuery = await ask(endpoint, {
      token: undefined,
      query: { token: member.token, access_token: member.token },
    })
    expect(['in the query', codeOf(inQuery)]).toEqual(['in the query', 'unauthenticated'])
  })
})

describe('a member on a route of hosts', () => {
  it.each(named(endpoints.filter(({ access }) => access === 'host')))(
    '%s answers 403',
    async (_name, endpoint) => {
      const answer = await ask(endpoint, { token: member.token })
      expect([answer.statusCode, codeOf(answer)]).toEqual([403, 'forbidden'])
    },
  )
})

/** Validation comes after who and may, so an answer of it shows that both were passed. */
const detailOf = (answer: LightMyRequestResponse): string | undefined =>
  (answer.json() as ProblemBody).detail

describe('what a request may carry', () => {
  it.each(named(endpoints))('%s: no unknown query field', async (_name, endpoint) => {
    const answer = await ask(endpoint, { query: { ...sampleOf(endpoint).query, surprise: 1 } })
    expect([answer.statusCode, codeOf(answer)]).toEqual([400, 'bad_request'])
    expect(detailOf(answer)).toBe('There is an unknown field in the query.')
  })

  it.each(named(withBody.filter(({ body }) => body !== 'bytes')))(
    '%s: no unknown body field, no other JSON, no text that is none',
    async (_name, endpoint) => {
      const sample = sampleOf(endpoint).body as object
      const extra = await ask(endpoint, { body: { ...sample, surprise: 1 } })
      expect([extra.statusCode, detailOf(extra)]).toEqual([
        400,
        'There is an unknown field in the body.',
      ])
      for (const body of [null, [], [sample], 'text', 7, true]) {
        const answer = await ask(endpoint, { body })
        expect([body, answer.statusCode, codeOf(answer)]).toEqual([body, 400, 'bad_request'])
      }
      for (const payload of ['', '{', '{"a":1}}', '\uFEFF{}', Buffer.from([0x7b, 0xff, 0x7d])]) {
        const answer = await at(endpoint).send({
          method: endpoint.method,
          url: pathOf(endpoint, sampleOf(endpoint).params),
          headers: {
            authorization: `Bearer ${tokenFor(endpoint)}`,
            'content-type': 'application/json',
          },
          payload,
        })
        expect([payload, answer.statusCode, codeOf(answer)]).toEqual([payload, 400, 'bad_request'])
      }
    },
  )

  it.each(named(endpoints.filter((endpoint) => endpoint.body === undefined && isUnsafe(endpoint))))(
    '%s: no body',
    async (_name, endpoint) => {
      const answer = await ask(endpoint, { body: {} })
      expect([answer.statusCode, codeOf(answer)]).toEqual([400, 'bad_request'])
    },
  )

  it.each(named(withBody))('%s: no body of another type', async (_name, endpoint) => {
    const other = endpoint.body === 'bytes' ? 'application/json' : 'application/octet-stream'
    for (const type of [
      other,
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      '',
    ]) {
      const answer = await ask(endpoint, {
        body: new Uint8Array(40),
        headers: { 'content-type': type },
      })
      expect([type, answer.statusCode, codeOf(answer)]).toEqual([
        type,
        415,
        'unsupported_media_type',
      ])
    }
  })

  it.each(named(withBody))('%s: no more than its limit', async (_name, endpoint) => {
    const type = endpoint.body === 'bytes' ? 'application/octet-stream' : 'application/json'
    const declared = await ask(endpoint, {
      body: new Uint8Array(10),
      headers: { 'content-type': type, 'content-length': String(endpoint.bodyLimitBytes + 1) },
    })
    expect([declared.statusCode, codeOf(declared)]).toEqual([413, 'too_large'])
    if (endpoint.bodyStream || endpoint.bodyLimitBytes > 4 * 1024 * 1024) return
    const chunk = Buffer.alloc(64 * 1024, 0x20)
    const chunks = Array.from(
      { length: Math.ceil(endpoint.bodyLimitBytes / chunk.length) + 1 },
      () => chunk,
    )
    const undeclared = await at(endpoint).send({
      method: endpoint.method,
      url: pathOf(endpoint, sampleOf(endpoint).params),
      headers: {
        authorization: `Bearer ${tokenFor(endpoint)}`,
        'content-type': type,
        'transfer-encoding': 'chunked',
      },
      payload: Readable.from(chunks),
    })
    expect([undeclared.statusCode, codeOf(undeclared)]).toEqual([413, 'too_large'])
  })
})

describe('how a request must come', () => {
  it('by the methods that its path takes, else 405 with Allow', async () => {
    const patterns = endpoints.map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`),
    }))
    for (const path of new Set(endpoints.map((endpoint) => endpoint.path))) {
      // A fixed path such as /api/objects/bundle is also one of /api/objects/:object.
      const taken: string[] = patterns
        .filter(({ pattern }) => pattern.test(path))
        .map(({ method }) => method)
      if (taken.includes('GET')) taken.push('HEAD')
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
        if (taken.includes(method)) continue
        const url = pathOf(
          { path },
          {
            session: 'x',
            invitation: 'x',
            account: 'x',
            log: 'x',
            upload: 'x',
            object: 'x',
            passkey: 'x',
            repository: 'x',
            credential: 'x',
            storage: 'x',
            type: 'x',
            id: 'x',
          },
        )
        const answer = await instance.send({
          method,
          url,
          headers: { authorization: `Bearer ${host.token}` },
        })
        expect([method, path, answer.statusCode, codeOf(answer)]).toEqual([
          method,
          path,
          405,
          'method_not_allowed',
        ])
        expect([method, path, answer.headers['allow']]).toEqual([
          method,
          path,
          [...new Set(taken)].toSorted().join(', '),
        ])
      }
    }
  })

  it.each(named(endpoints))('%s: for a host that is ours', async (_name, endpoint) => {
    for (const foreign of [
      'evil.example',
      'evil.example:8765',
      'localhost:8766',
      'localhost',
      '',
    ]) {
      const answer = await ask(endpoint, { headers: { host: foreign } })
      expect([foreign, answer.statusCode, codeOf(answer)]).toEqual([foreign, 421, 'wrong_host'])
    }
  })

  const foreignPages: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:8766' },
    { origin: 'https://localhost:8765' },
    { 'sec-fetch-site': 'cross-site' },
  ]
  it.each(named(endpoints.filter((endpoint) => isUnsafe(endpoint) && !tokenless(endpoint))))(
    '%s: with a cookie only from our own page',
    async (_name, endpoint) => {
      const signedInBy = {
        token: undefined,
        cookie: endpoint.access === 'host' ? hostCookie : cookie,
      }
      const query = { ...sampleOf(endpoint).query, surprise: 1 }
      for (const headers of [
        ...foreignPages,
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'none' },
        { 'sec-fetch-site': '' },
      ]) {
        const merged = { 'sec-fetch-site': '', ...headers }
        const answer = await ask(endpoint, { ...signedInBy, query, headers: merged })
        expect([headers, answer.statusCode, codeOf(answer)]).toEqual([headers, 403, 'csrf'])
      }
      for (const headers of [
        { origin: 'http://localhost:8765', 'sec-fetch-site': '' },
        { 'sec-fetch-site': 'same-origin' },
      ]) {
        const answer = await ask(endpoint, { ...signedInBy, query, headers })
        expect([headers, codeOf(answer)]).toEqual([headers, 'bad_request'])
      }
    },
  )

  it.each(named(endpoints.filter((endpoint) => isUnsafe(endpoint) && tokenless(endpoint))))(
    '%s: not by another page, though nobody is signed in yet',
    async (_name, endpoint) => {
      for (const headers of foreignPages) {
        const answer = await ask(endpoint, { headers })
        expect([headers, answer.statusCode, codeOf(answer)]).toEqual([headers, 403, 'csrf'])
      }
    },
  )
})
