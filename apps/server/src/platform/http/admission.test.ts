import { type Access, endpoint, getSetUp, getUsage } from '@hearthold/contract'
import { afterEach, describe, expect, test } from 'vitest'
import type { SessionContext } from '../access/session.ts'
import { bind } from './bind.ts'
import { addFirstPage } from './first-page.ts'
import { addHealthRoutes } from './health.ts'
import type { HttpDeps } from './http.ts'
import { contentSecurityPolicy } from './security-headers.ts'
import { createTestHttp, type TestHttp, testSession, testToken } from './test-http.ts'

const route = (access: Access, method: 'GET' | 'POST' = 'POST') =>
  endpoint({
    name: `${method} ${access}`,
    method,
    path: `/api/try/${access}`,
    access,
    summary: '',
    problems: ['set_up_done'],
  })
const member = testToken('m')
const host = testToken('h')
const cookie = testToken('c')
const sessions: Record<string, SessionContext> = {
  [member]: testSession(),
  [host]: testSession({ role: 'host', sessionId: '09'.repeat(16) }),
  [cookie]: testSession({ kind: 'cookie' }),
}

let open: TestHttp | undefined
const make = (overrides: Partial<HttpDeps> = {}): TestHttp => {
  const made = createTestHttp(sessions, overrides)
  for (const access of ['public', 'set-up', 'member', 'host'] as const) {
    for (const method of ['GET', 'POST'] as const)
      bind(made.http, route(access, method), () => undefined)
  }
  bind(made.http, getSetUp, () => ({ needed: true, version: '1', passkeys: true }))
  addHealthRoutes(made.http, [])
  addFirstPage(made.http)
  open = made
  return made
}
afterEach(async () => {
  await open?.close()
  open = undefined
})
type Answer = Awaited<ReturnType<TestHttp['send']>>
const codeOf = (answer: Answer): string =>
  answer.statusCode < 300 ? 'ok' : answer.json<{ code: string }>().code
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const asCookie = (token: string) => ({ cookie: `other=1; hearthold=${token}` })

describe('rights', () => {
  test.each([
    ['public', {}, 'ok'],
    ['member', {}, 'unauthenticated'],
    ['member', bearer(testToken('x')), 'unauthenticated'],
    ['member', { authorization: 'Basic bWU6bWU=' }, 'unauthenticated'],
    ['member', { ...bearer('short'), ...asCookie(cookie) }, 'unauthenticated'],
    ['member', bearer(cookie), 'unauthenticated'],
    ['member', asCookie(member), 'unauthenticated'],
    ['member', bearer(member), 'ok'],
    ['member', bearer(host), 'ok'],
    ['host', {}, 'unauthenticated'],
    ['host', bearer(member), 'forbidden'],
    ['host', bearer(host), 'ok'],
    ['set-up', {}, 'set_up_done'],
  ])('%s with %j: %s', async (access, headers, code) => {
    const { send } = make()
    const answer = await send({ method: 'GET', url: `/api/try/${access}`, headers })
    expect(codeOf(answer)).toBe(code)
    expect(answer.headers['www-authenticate']).toBe(
      code === 'unauthenticated' ? 'Bearer' : undefined,
    )
  })
  test('before set-up only health, pages, getSetUp and set-up itself are answered', async () => {
    const { send } = make({ setUp: { needed: () => true } })
    const answered = async (url: string, headers = {}) =>
      codeOf(await send({ method: 'GET', url, headers }))
    for (const url of [
      '/healthz',
      '/readyz',
      '/',
      '/set-up',
      '/first-page.css',
      '/icon.svg',
      '/api/set-up',
      '/api/try/set-up',
    ]) {
      expect([url, await answered(url)]).toEqual([url, 'ok'])
    }
    for (const url of [
      '/api/try/public',
      '/api/try/member',
      '/api/try/host',
      '/api/nothing',
      '/elsewhere',
    ]) {
      expect([url, await answered(url, bearer(host))]).toEqual([url, 'not_set_up'])
    }
  })
})

describe('the host', () => {
  const withHost = async (hostHeader: string, publicUrl: string, url = '/api/try/public') => {
    const { send } = make({ publicUrl })
    const code = codeOf(await send({ method: 'GET', url, headers: { host: hostHeader } }))
    await open?.close()
    return code
  }
  test.each([
    ['home.example', 'https://home.example', 'ok'],
    ['HOME.example:443', 'https://home.example', 'ok'],
    ['home.example:8765', 'https://home.example', 'wrong_host'],
    ['evil.example', 'https://home.example', 'wrong_host'],
    ['localhost:8765', 'https://home.example', 'wrong_host'],
    ['127.0.0.1', 'https://home.example', 'wrong_host'],
    ['', 'https://home.example', 'wrong_host'],
    ['localhost:8765', 'http://localhost:8765', 'ok'],
    ['127.0.0.1:8765', 'http://localhost:8765', 'ok'],
    ['[::1]:8765', 'http://localhost:8765', 'ok'],
    ['localhost:1', 'http://localhost:8765', 'wrong_host'],
    ['localhost.evil.example:8765', 'http://localhost:8765', 'wrong_host'],
  ])('%j at %s: %s', async (given, publicUrl, code) =>
    expect(await withHost(given, publicUrl)).toBe(code),
  )
  test('does not matter to probes, and a refusal says the remedy without the name that was asked for', async () => {
    expect(await withHost('10.0.0.7', 'https://home.example', '/healthz')).toBe('ok')
    const { send } = make()
    const answer = await send({ method: 'GET', url: '/', headers: { host: 'evil.example' } })
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([
      421,
      expect.stringContaining('HEARTHOLD_PUBLIC_URL'),
    ])
    expect(answer.body).not.toContain('evil')
  })
  test('may be localhost under the port that is really listened on', async () => {
    const { http, send } = make()
    await http.listen()
    expect(
      codeOf(
        await send({
          method: 'GET',
          url: '/api/try/public',
          headers: { host: `localhost:${http.port()}` },
        }),
      ),
    ).toBe('ok')
  })
})

test('plain HTTP beyond this machine is for the listed proxies only', async () => {
  const { send } = make({ onlyFromProxies: true, trustedProxies: ['10.0.0.0/8'] })
  const from = async (remoteAddress: string, url = '/api/try/public') =>
    codeOf(await send({ method: 'GET', url, remoteAddress }))
  expect(await from('10.0.0.9')).toBe('ok')
  expect(await from('127.0.0.1')).toBe('ok')
  expect(await from('192.168.1.9')).toBe('wrong_host')
  expect(await from('192.168.1.9', '/healthz')).toBe('ok')
})

describe('forgery', () => {
  const own = { origin: 'http://localhost:8765' }
  const foreign = { origin: 'https://evil.example' }
  test.each([
    ['a cookie alone', 'member', asCookie(cookie), 'csrf'],
    ['a cookie with a foreign origin', 'member', { ...asCookie(cookie), ...foreign }, 'csrf'],
    ['a cookie with the origin null', 'member', { ...asCookie(cookie), origin: 'null' }, 'csrf'],
    [
      'a cookie from the same site only',
      'member',
      { ...asCookie(cookie), 'sec-fetch-site': 'same-site' },
      'csrf',
    ],
    [
      'a cookie from another scheme',
      'member',
      { ...asCookie(cookie), origin: 'https://localhost:8765' },
      'csrf',
    ],
    ['a cookie from our page', 'member', { ...asCookie(cookie), ...own }, 'ok'],
    [
      'a cookie from our page by fetch metadata',
      'member',
      { ...asCookie(cookie), 'sec-fetch-site': 'same-origin' },
      'ok',
    ],
    [
      'a cookie from a listed page, which has bearer tokens only',
      'member',
      { ...asCookie(cookie), origin: 'https://app.example' },
      'csrf',
    ],
    ['nobody, from a listed page', 'public', { origin: 'https://app.example' }, 'ok'],
    ['a bearer token from anywhere', 'member', { ...bearer(member), ...foreign }, 'ok'],
    ['nobody, from no browser', 'public', {}, 'ok'],
    ['nobody, from our page', 'public', own, 'ok'],
    ['nobody, from a foreign page', 'public', foreign, 'csrf'],
    ['nobody, cross-site without an origin', 'public', { 'sec-fetch-site': 'cross-site' }, 'csrf'],
    ['nobody, from a neighbour of the site', 'public', { 'sec-fetch-site': 'same-site' }, 'csrf'],
  ])('%s on a %s endpoint', async (_name, access, headers, code) => {
    const { send } = make({ corsOrigins: ['https://app.example'] })
    expect(codeOf(await send({ method: 'POST', url: `/api/try/${access}`, headers }))).toBe(code)
  })
  test('is no matter for reading', async () => {
    const { send } = make()
    expect(
      codeOf(
        await send({
          method: 'GET',
          url: '/api/try/member',
          headers: { ...asCookie(cookie), ...foreign },
        }),
      ),
    ).toBe('ok')
  })
})

describe('other origins', () => {
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  }
  test('are allowed only if listed, never with credentials', async () => {
    const { send } = make({ corsOrigins: ['https://app.example'] })
    const listed = await send({
      method: 'OPTIONS',
      url: '/api/try/member',
      headers: { origin: 'https://app.example', ...preflight },
    })
    expect([
      listed.statusCode,
      listed.headers['access-control-allow-origin'],
      listed.headers['vary'],
    ]).toEqual([204, 'https://app.example', 'Origin'])
    expect(listed.headers['access-control-allow-credentials']).toBeUndefined()
    const answer = await send({
      method: 'POST',
      url: '/api/try/member',
      headers: { origin: 'https://app.example', ...bearer(member) },
    })
    expect([codeOf(answer), answer.headers['access-control-allow-origin']]).toEqual([
      'ok',
      'https://app.example',
    ])
    const other = await send({
      method: 'OPTIONS',
      url: '/api/try/member',
      headers: { origin: 'https://evil.example', ...preflight },
    })
    expect([codeOf(other), other.headers['access-control-allow-origin']]).toEqual([
      'method_not_allowed',
      undefined,
    ])
  })
  test('get nothing where none is listed', async () => {
    const { send } = make()
    const answer = await send({
      method: 'GET',
      url: '/api/try/public',
      headers: { origin: 'https://app.example' },
    })
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('headers', () => {
  test('are on every answer, refusals and pages too', async () => {
    const { send } = make()
    for (const [url, headers] of [
      ['/', {}],
      ['/api/try/member', {}],
      ['/none', {}],
      ['/%zz', {}],
      ['/', { host: 'evil.example' }],
    ] as const) {
      const answer = await send({ method: 'GET', url, headers })
      expect([url, answer.headers]).toEqual([
        url,
        expect.objectContaining({
          'content-security-policy': contentSecurityPolicy,
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'referrer-policy': 'no-referrer',
          'permissions-policy': expect.stringContaining('camera=()'),
          'x-request-id': expect.stringMatching(/^[0-9a-f]{16}$/),
        }),
      ])
      expect(answer.headers['strict-transport-security']).toBeUndefined()
      expect(answer.headers['server']).toBeUndefined()
    }
  })
  test('hold exactly the policy of the design', () => {
    expect(contentSecurityPolicy).toBe(
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
  })
  test("pin the browser to HTTPS only behind an HTTPS proxy or with the host's certificate", async () => {
    const https = { 'x-forwarded-proto': 'https' }
    const hsts = async (overrides: Partial<HttpDeps>, headers = {}) => {
      const answer = await make(overrides).send({ method: 'GET', url: '/', headers })
      await open?.close()
      return answer.headers['strict-transport-security']
    }
    expect(await hsts({ trustedProxies: ['127.0.0.1'] }, https)).toBe('max-age=31536000')
    expect(await hsts({ trustedProxies: ['127.0.0.1'] })).toBeUndefined()
    expect(await hsts({}, https)).toBeUndefined()
  })
  test('the page has nothing inline, and names itself the same under each link', async () => {
    const { send } = make()
    const page = (await send({ method: 'GET', url: '/set-up' })).body
    expect(page).toBe((await send({ method: 'GET', url: '/' })).body)
    expect(page).not.toMatch(/<script|<style| style=| on[a-z]+=/)
    expect(page).toContain('npx hearthold set-up')
  })
})

describe('limits', () => {
  test('600 a minute for each token, and apart for each address', async () => {
    let now = 0
    const { send } = make({ clock: { now: () => now } })
    const get = (headers: Record<string, string>) =>
      send({ method: 'GET', url: '/api/try/public', headers })
    const asMember = () => send({ method: 'GET', url: '/api/try/member', headers: bearer(member) })
    for (let count = 0; count < 600; count++) expect((await get({})).statusCode).toBe(204)
    const refused = await get({})
    expect([codeOf(refused), refused.headers['retry-after']]).toEqual(['rate_limited', '1'])
    expect(codeOf(await asMember())).toBe('ok')
    expect(codeOf(await send({ method: 'GET', url: '/healthz' }))).toBe('ok')
    now += 1000
    expect(codeOf(await get({}))).toBe('ok')
  })
  test('count what is not there, and a wrong token, by address', async () => {
    const taken: string[] = []
    const { send } = make({
      limiter: { take: async (key, kind) => void taken.push(`${kind} ${key}`) },
    })
    await send({ method: 'GET', url: '/none' })
    await send({ method: 'GET', url: '/api/try/member', headers: bearer(testToken('x')) })
    await send({ method: 'GET', url: '/api/try/member', headers: bearer(member) })
    expect(taken).toEqual([
      'ordinary address:127.0.0.1',
      'ordinary address:127.0.0.1',
      `ordinary session:${'01'.repeat(16)}`,
    ])
  })
  test('16 object requests of one session at a time instead', async () => {
    const made = make({
      limiter: {
        take: async () => {
          throw new Error('not for these')
        },
      },
    })
    const waiting: (() => void)[] = []
    bind(
      made.http,
      getUsage,
      () =>
        new Promise((resolve) => {
          waiting.push(() => resolve({ usedBytes: 1, quotaBytes: null, band: 0 }))
        }),
    )
    const get = (token: string) =>
      made.send({ method: 'GET', url: '/api/usage', headers: bearer(token) })
    const first = Array.from({ length: 16 }, () => get(member))
    while (waiting.length < 16) await new Promise((resolve) => setTimeout(resolve, 1))
    const refused = await get(member)
    expect([codeOf(refused), refused.headers['retry-after']]).toEqual(['rate_limited', '1'])
    const other = get(host)
    while (waiting.length < 17) await new Promise((resolve) => setTimeout(resolve, 1))
    for (const answer of waiting) answer()
    expect((await Promise.all([...first, other])).map(codeOf)).toEqual(
      Array.from({ length: 17 }, () => 'ok'),
    )
    const again = get(member)
    while (waiting.length < 18) await new Promise((resolve) => setTimeout(resolve, 1))
    waiting.at(-1)?.()
    expect(codeOf(await again)).toBe('ok')
  })
})
