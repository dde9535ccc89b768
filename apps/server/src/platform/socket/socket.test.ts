import { LogVerifier, randomBytes, toHex } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSessionEvents } from '../access/session-events.ts'
import type { SessionContext } from '../access/session.ts'
import { createTestHttp, type TestHttp, testSession, testToken } from '../http/test-http.ts'
import { TestLogService } from '../logs/test-log-service.ts'
import { TestMember, type TestShare } from '../logs/test-logs.ts'
import { addSocket, type SocketLimits, type SocketServer } from './index.ts'
import { TestSocket } from './test-socket.ts'

const memberToken = testToken('m')
const cookieToken = testToken('c')
const strangerToken = testToken('s')
const sessionId = 'ab'.repeat(16)

let service: TestLogService
let member: TestMember
let share: TestShare
let http: TestHttp
let server: SocketServer
let events: ReturnType<typeof createSessionEvents>
let port: number
const expired = new Set<string>()
const sessions: Record<string, SessionContext> = {}

const start = async (limits: Partial<SocketLimits> = {}): Promise<void> => {
  events = createSessionEvents()
  http = createTestHttp(sessions)
  server = addSocket({
    http: http.http,
    logs: service.logs,
    sessions: {
      find: async ({ kind, tokenB64 }) =>
        sessions[tokenB64]?.kind === kind ? sessions[tokenB64] : undefined,
    },
    sessionLives: async (id) => !expired.has(id),
    events,
    limits,
  })
  await http.http.listen()
  port = http.http.port()!
}

beforeEach(async () => {
  service = await TestLogService.open()
  member = new TestMember()
  await service.found(member)
  share = await service.share(member)
  const { account, log } = member.actor
  sessions[memberToken] = testSession({ sessionId, account, log })
  sessions[cookieToken] = testSession({ sessionId, account, log, kind: 'cookie' })
  sessions[strangerToken] = testSession({ sessionId: 'cd'.repeat(16), log: 'ee'.repeat(16) })
  expired.clear()
})
afterEach(async () => {
  server.stop()
  await http.close()
  await service.close()
})

const append = async (body = randomBytes(40)): Promise<void> => {
  await service.append(member, [share.append([await share.folder({ body })])])
}
const upTo = (seq: number): number[] => Array.from({ length: seq }, (_, index) => index + 1)

describe('signing in', () => {
  beforeEach(() => start({ helloMs: 200, socketsPerAccount: 2 }))
  const origin = () => `http://localhost:${port}`
  const cookie = () => `${http.http.cookie.name}=${cookieToken}`

  it('by token, and by the cookie of our own page', async () => {
    const byToken = await TestSocket.signedIn(port, memberToken)
    byToken.send({ frame: 'ping' })
    await byToken.nextFrame('pong')
    const byCookie = await TestSocket.open(port, { cookie: cookie(), origin: origin() })
    byCookie.send({ frame: 'hello' })
    expect((await byCookie.nextFrame('welcome')).session).toBe(sessionId)
    expect(server.count()).toBe(2)
    byCookie.socket.close()
    await byCookie.closed()
    byToken.socket.close()
  })

  it.each([
    [
      'by a cookie from another page',
      () => ({ cookie: cookie(), origin: 'https://evil.example' }),
      undefined,
      'csrf',
    ],
    ['by a cookie from no page', () => ({ cookie: cookie() }), undefined, 'csrf'],
    ['without anything', () => ({}), undefined, 'unauthenticated'],
    ['by an unknown token', () => ({}), testToken('x'), 'unauthenticated'],
    ['by a cookie session’s token', () => ({}), cookieToken, 'unauthenticated'],
    [
      'by a wrong bearer header, whatever the cookie',
      () => ({ cookie: cookie(), origin: origin(), authorization: 'Bearer no' }),
      undefined,
      'unauthenticated',
    ],
  ])('not %s', async (_name, headers, token, code) => {
    const client = await TestSocket.open(port, headers())
    client.send({ frame: 'hello', ...(token === undefined ? {} : { token }) })
    expect((await client.nextFrame('problem')).code).toBe(code)
    expect(await client.closed()).toBe(1008)
    expect(server.count()).toBe(0)
  })

  it('not with another first frame, and not too late', async () => {
    const eager = await TestSocket.open(port)
    eager.send({ frame: 'follow' })
    expect((await eager.nextFrame('problem')).code).toBe('unauthenticated')
    const silent = await TestSocket.open(port)
    expect((await silent.nextFrame('problem')).code).toBe('unauthenticated')
    expect(await silent.closed()).toBe(1008)
  })

  it('for at most so many sockets of an account', async () => {
    await TestSocket.signedIn(port, memberToken)
    const second = await TestSocket.signedIn(port, memberToken)
    const third = await TestSocket.open(port)
    third.send({ frame: 'hello', token: memberToken })
    expect((await third.nextFrame('problem')).code).toBe('rate_limited')
    second.socket.close()
    await second.closed()
    await expect.poll(() => server.count()).toBe(1)
    await TestSocket.signedIn(port, memberToken)
  })

  it('answers plain requests as any unknown address', async () => {
    const answer = await http.send({ method: 'GET', url: '/api/socket' })
    expect(answer.statusCode).toBe(404)
  })
})

describe('ended sessions', () => {
  it('close at once when they are revoked, and soon when they expire', async () => {
    await start({ checkEveryMs: 50 })
    const revoked = await TestSocket.signedIn(port, memberToken)
    events.ended([sessionId])
    expect((await revoked.nextFrame('problem')).code).toBe('unauthenticated')
    expect(await revoked.closed()).toBe(1008)
    const late = await TestSocket.signedIn(port, memberToken)
    expired.add(sessionId)
    expect((await late.nextFrame('problem')).code).toBe('unauthenticated')
    const dead = await TestSocket.open(port)
    dead.send({ frame: 'hello', token: memberToken })
    expect((await dead.nextFrame('problem')).code).toBe('unauthenticated')
  })
})

describe('frames', () => {
  beforeEach(() => start({ frameBurst: 20, framesPerSecond: 1 }))

  it.each([
    ['no JSON', '{'],
    ['an unknown frame', JSON.stringify({ frame: 'typing', log: 'a' })],
    ['an unknown field', JSON.stringify({ frame: 'ping', more: 1 })],
    ['a log that is none', JSON.stringify({ frame: 'open', log: 'x', after: 0 })],
    ['a number that is none', JSON.stringify({ frame: 'open', log: 'a'.repeat(32), after: -1 })],
    ['a second hello', JSON.stringify({ frame: 'hello', token: memberToken })],
    ['bytes', new Uint8Array([1, 2, 3])],
  ])('that are %s end the socket', async (_name, data) => {
    const client = await TestSocket.signedIn(port, memberToken)
    client.socket.send(data)
    expect((await client.nextFrame('problem')).code).toBe('bad_request')
    expect(await client.closed()).toBe(1008)
  })

  it('that are too long, or too many, end the socket', async () => {
    const long = await TestSocket.signedIn(port, memberToken)
    long.socket.send(`{"frame":"ping"${' '.repeat(20_000)}}`)
    expect(await long.closed()).toBe(1009)
    const fast = await TestSocket.signedIn(port, memberToken)
    for (let i = 0; i < 20; i++) fast.send({ frame: 'ping' })
    expect((await fast.nextFrame('problem')).code).toBe('rate_limited')
    expect(server.count()).toBeLessThanOrEqual(1)
  })
})

describe('open', () => {
  it('sends what is there, then each commit, without gap or doubling', async () => {
    await start({ backlogPageBytes: 2000 })
    for (let i = 0; i < 30; i++) await append()
    const client = await TestSocket.signedIn(port, memberToken)
    client.send({ frame: 'open', log: share.log.id, after: 0 })
    // Commits while the backlog is on its way.
    for (let i = 0; i < 40; i++) await append()
    await expect.poll(() => client.seqsOf(share.log.id).length, { timeout: 5000 }).toBe(71)
    await append()
    await expect.poll(() => client.seqsOf(share.log.id)).toEqual(upTo(72))
    const verifier = new LogVerifier(share.log.idBytes, share.log.genesis, { strict: false })
    for (const { page } of client.messages) if (page) verifier.acceptPage(page)
    const last = client.messages.findLast(({ page }) => page)!.page!
    await verifier.checkReceipt(last.receipt, service.instanceKey)
    expect(verifier.position.seq).toBe(72)
  })

  it('answers at once how far the log is, and goes on from a number', async () => {
    await start()
    for (let i = 0; i < 5; i++) await append()
    const client = await TestSocket.signedIn(port, memberToken)
    client.send({ frame: 'open', log: share.log.id, after: 6 })
    const page = await client.nextPage()
    expect([page.entries.length, page.receipt.seq]).toEqual([0, 6])
    client.send({ frame: 'open', log: share.log.id, after: 4 })
    expect((await client.nextPage()).entries.map(({ seq }) => seq)).toEqual([5, 6])
    client.send({ frame: 'close', log: share.log.id })
    client.send({ frame: 'ping' })
    await client.nextFrame('pong')
    await append()
    client.send({ frame: 'open', log: share.log.id, after: 6 })
    expect((await client.nextPage()).entries.map(({ seq }) => seq)).toEqual([7])
  })

  it('serves several logs to several sockets, the same bytes', async () => {
    await start()
    const clients = [
      await TestSocket.signedIn(port, memberToken),
      await TestSocket.signedIn(port, memberToken),
    ]
    for (const client of clients) {
      client.send({ frame: 'open', log: share.log.id, after: 0 })
      client.send({ frame: 'open', log: member.log.id, after: 0 })
    }
    for (const client of clients) {
      await client.nextPage()
      await client.nextPage()
    }
    await append()
    const pages = await Promise.all(clients.map((client) => client.nextPage()))
    expect(pages[0]).toEqual(pages[1])
    expect(pages[0]!.receipt.seq).toBe(2)
  })

  it('knows no log of another, nor one that is not there, and only so many', async () => {
    await start({ openLogs: 1 })
    const stranger = await TestSocket.signedIn(port, strangerToken)
    stranger.send({ frame: 'open', log: share.log.id, after: 0 })
    expect(await stranger.nextFrame('problem')).toEqual({
      frame: 'problem',
      code: 'not_found',
      log: share.log.id,
    })
    stranger.send({ frame: 'open', log: '00'.repeat(16), after: 0 })
    expect((await stranger.nextFrame('problem')).code).toBe('not_found')
    await append()
    stranger.send({ frame: 'ping' })
    await stranger.nextFrame('pong')
    expect(stranger.messages.some(({ page }) => page)).toBe(false)
    const client = await TestSocket.signedIn(port, memberToken)
    client.send({ frame: 'open', log: share.log.id, after: 0 })
    client.send({ frame: 'open', log: member.log.id, after: 0 })
    expect((await client.nextFrame('problem')).code).toBe('rate_limited')
  })

  it('drops a slow reader back to heads, who then reads and opens again', async () => {
    await start({ bufferedBytes: -1, headsEveryMs: 20 })
    const client = await TestSocket.signedIn(port, memberToken)
    client.send({ frame: 'open', log: share.log.id, after: 0 })
    await client.nextPage()
    await append()
    expect(await client.nextFrame('lagged')).toEqual({ frame: 'lagged', log: share.log.id })
    client.send({ frame: 'open', log: share.log.id, after: 1 })
    expect((await client.nextPage()).entries.map(({ seq }) => seq)).toEqual([2])
  })
})

describe('follow', () => {
  it('sends all heads at once, then changes in at most one frame a period', async () => {
    await start({ headsEveryMs: 300 })
    const client = await TestSocket.signedIn(port, memberToken)
    const begun = performance.now()
    client.send({ frame: 'follow' })
    const first = await client.nextHeads()
    expect(first.map(({ log, seq }) => [log, seq])).toEqual([
      [member.log.id, 5],
      [share.log.id, 1],
    ])
    for (let i = 0; i < 10; i++) await append()
    const second = await client.nextHeads()
    const { chain, at } = (await service.logs.head(share.log.id))!
    const chainStart = toHex(chain.subarray(0, 4))
    expect(second).toEqual([{ log: share.log.id, seq: 11, at, chainStart }])
    expect(performance.now() - begun).toBeGreaterThan(250)
    await service.share(member)
    expect((await client.nextHeads()).length).toBe(1)
  })

  it('does not tell heads of others, nor of what is open', async () => {
    await start({ headsEveryMs: 10 })
    const stranger = await TestSocket.signedIn(port, strangerToken)
    stranger.send({ frame: 'follow' })
    expect(await stranger.nextHeads()).toEqual([])
    const client = await TestSocket.signedIn(port, memberToken)
    client.send({ frame: 'follow' })
    await client.nextHeads()
    client.send({ frame: 'open', log: share.log.id, after: 0 })
    await client.nextPage()
    await append()
    await client.nextPage()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const frames = [...stranger.messages, ...client.messages].filter(({ heads }) => heads)
    expect(frames.length).toBe(2)
  })
})

describe('sockets that go silent', () => {
  it('are cut', async () => {
    await start({ checkEveryMs: 300, silenceMs: -1 })
    const client = await TestSocket.signedIn(port, memberToken)
    expect(await client.closed()).not.toBe(1000)
    await expect.poll(() => server.count()).toBe(0)
  })
})
