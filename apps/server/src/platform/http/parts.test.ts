import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { addressKey, peerReader } from './client-address.ts'
import { bodyTimeMs, coerceTexts, readBody } from './body.ts'
import { memoryRateLimiter } from './rate-limiter.ts'
import { pathIndex } from './routes.ts'
import {
  clearedCookie,
  cookieRules,
  sessionCookie,
  tokenFromAuthorization,
  tokenFromCookie,
} from './session-cookie.ts'
import { dropUnread } from './unread-body.ts'

const token = 'Az_-'.repeat(10) + 'Az_'

describe("the caller's address", () => {
  const peerOf = (
    proxies: string[],
    remoteAddress: string | undefined,
    headers: Record<string, string> = {},
  ) => peerReader(proxies)({ socket: { remoteAddress }, headers } as unknown as IncomingMessage)
  const forwarded = (list: string) => ({ 'x-forwarded-for': list, 'x-forwarded-proto': 'https' })
  test.each([
    [[], '203.0.113.9', {}, '203.0.113.9'],
    [[], '::ffff:203.0.113.9', {}, '203.0.113.9'],
    [[], '203.0.113.9', forwarded('1.2.3.4'), '203.0.113.9'],
    [['10.0.0.0/8'], '10.1.2.3', forwarded('1.2.3.4'), '1.2.3.4'],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', forwarded('1.2.3.4:5678'), '1.2.3.4'],
    [['10.0.0.0/8'], '10.1.2.3', forwarded('6.6.6.6, 1.2.3.4, 10.9.9.9'), '1.2.3.4'],
    [['10.0.0.0/8'], '10.1.2.3', forwarded('6.6.6.6, nonsense, 10.9.9.9'), '10.9.9.9'],
    [['10.0.0.0/8'], '10.1.2.3', {}, '10.1.2.3'],
    [['10.0.0.0/8'], '11.1.2.3', forwarded('1.2.3.4'), '11.1.2.3'],
    [['2001:db8::/32'], '2001:db8::1', forwarded('[2001:dead::2]:80'), '2001:dead::2'],
    [[], undefined, forwarded('1.2.3.4'), 'unix'],
    [['unix'], undefined, forwarded('1.2.3.4'), '1.2.3.4'],
  ])('with proxies %j: %s %j is %s', (proxies, remote, headers, address) =>
    expect(peerOf(proxies, remote, headers).address).toBe(address),
  )
  test('the protocol counts only from a proxy', () => {
    expect(peerOf(['10.0.0.1'], '10.0.0.1', forwarded('1.2.3.4'))).toMatchObject({
      secure: true,
      viaProxy: true,
      local: false,
    })
    expect(peerOf([], '127.0.0.1', forwarded('1.2.3.4'))).toMatchObject({
      secure: false,
      viaProxy: false,
      local: true,
    })
    expect(peerOf(['10.0.0.1'], '10.0.0.1', { 'x-forwarded-proto': 'https, http' })).toMatchObject({
      secure: false,
    })
  })
  test('limits count one household of version 6 as one', () => {
    expect(addressKey('1.2.3.4')).toBe('1.2.3.4')
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:0db8:0001:2::9'))
    expect(addressKey('2001:db8:1:2::')).not.toBe(addressKey('2001:db8:1:3::'))
    expect(addressKey('unix')).toBe('unix')
  })
})

describe('the session cookie', () => {
  const secure = cookieRules('https://home.example')
  test('is __Host- and Secure over HTTPS, and neither on plain loopback', () => {
    expect(sessionCookie(secure, token, 7200)).toBe(
      `__Host-hearthold=${token}; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=7200`,
    )
    expect(sessionCookie(cookieRules('http://localhost:8765'), token)).toBe(
      `hearthold=${token}; Path=/; HttpOnly; SameSite=Strict`,
    )
    expect(clearedCookie(secure)).toBe(
      '__Host-hearthold=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0',
    )
    expect(() => sessionCookie(secure, 'x; Domain=evil')).toThrow(TypeError)
  })
  test('is found among others, only by its whole name and in its form', () => {
    expect(tokenFromCookie(secure, `a=b; __Host-hearthold=${token};c`)).toBe(token)
    for (const wrong of [
      undefined,
      '',
      `hearthold=${token}`,
      `x__Host-hearthold=${token}`,
      '__Host-hearthold=short',
      `__Host-hearthold="${token}"`,
    ]) {
      expect(tokenFromCookie(secure, wrong)).toBeUndefined()
    }
  })
  test('gives way to the Authorization header', () => {
    expect(tokenFromAuthorization(`bearer ${token}`)).toBe(token)
    expect(tokenFromAuthorization(undefined)).toBeUndefined()
    for (const wrong of ['', 'Bearer', `Basic ${token}`, `Bearer ${token} x`, 'Bearer short'])
      expect(tokenFromAuthorization(wrong)).toBe('')
  })
})

test('texts become integers and booleans only in their plain form', () => {
  const schema = {
    properties: { n: { type: 'integer' }, b: { type: 'boolean' }, s: { type: 'string' } },
  }
  expect(coerceTexts(schema, { n: '12', b: 'false', s: '12', other: '1' })).toEqual({
    n: 12,
    b: false,
    s: '12',
    other: '1',
  })
  for (const n of ['', ' 1', '1.0', '1e3', '0x1', '01', '+1', '99999999999999999999'])
    expect(coerceTexts(schema, { n })).toEqual({ n })
})

describe('a buffered body', () => {
  const read = (stream: PassThrough, limitBytes: number, withinMs?: number) =>
    readBody(
      Object.assign(stream, { headers: {} }) as unknown as IncomingMessage,
      limitBytes,
      withinMs,
    )
  test('is whole, or refused at the limit, when it ends early, and when it takes too long', async () => {
    const whole = new PassThrough()
    const reading = read(whole, 4)
    whole.write('ab')
    whole.end('cd')
    expect((await reading).toString()).toBe('abcd')
    const large = new PassThrough()
    const refused = read(large, 4)
    large.write('abcde')
    await expect(refused).rejects.toMatchObject({ code: 'too_large' })
    const broken = new PassThrough()
    const early = read(broken, 4)
    broken.destroy()
    await expect(early).rejects.toMatchObject({ code: 'bad_request' })
    await expect(read(new PassThrough(), 4, 10)).rejects.toMatchObject({ code: 'bad_request' })
  })
  test('has the time that a poor line needs', () => {
    expect([bodyTimeMs(0), bodyTimeMs(16 * 2 ** 20)]).toEqual([30_000, 555_000])
  })
})

test('paths tell their methods', () => {
  const paths = pathIndex()
  paths.add('GET', '/a/:id')
  paths.add('PUT', '/a/:id')
  paths.add('POST', '/a/b')
  expect([paths.methodsOf('/a/b'), paths.methodsOf('/a/'), paths.methodsOf('/a/b/c')]).toEqual([
    ['GET', 'HEAD', 'POST', 'PUT'],
    [],
    [],
  ])
})

describe('the rate limiter in memory', () => {
  test('counts kinds apart, refills evenly, and bears a clock that is set back', async () => {
    let now = 1_000_000
    const limiter = memoryRateLimiter({ now: () => now }, 2)
    const take = (kind = 'k') =>
      limiter.take('me', kind).then(
        () => 'ok',
        (error: Error & { retryAfterSeconds?: number }) => error.retryAfterSeconds,
      )
    expect([await take(), await take(), await take(), await take('other')]).toEqual([
      'ok',
      'ok',
      30,
      'ok',
    ])
    now -= 500_000
    expect(await take()).toBe(30)
    now += 30_000
    expect([await take(), await take()]).toEqual(['ok', 30])
  })
  test('forgets callers when there are too many', async () => {
    const limiter = memoryRateLimiter({ now: () => 0 }, 1)
    await limiter.take('first', 'k')
    for (let at = 0; at < 20_001; at++) await limiter.take(String(at), 'k')
    await expect(limiter.take('first', 'k')).resolves.toBeUndefined()
  })
})

test('a request whose body was not read is cut after a moment, one read to its end is left alone', async () => {
  const request = (): PassThrough =>
    Object.assign(new PassThrough({ autoDestroy: false }), { complete: false })
  const drop = (stream: PassThrough) => dropUnread(stream as unknown as IncomingMessage, 1)
  const [read, unread] = [request(), request()]
  read.end('all of it')
  await once(read.resume(), 'end')
  unread.write('some of it')
  drop(read)
  drop(unread)
  await sleep(20)
  expect([read.destroyed, unread.destroyed]).toEqual([false, true])
})
