/** What comes over a line of one's own: odd paths, smuggled requests, slow clients, frames that make no sense. */
import { getSession, putBundle, socketFrameLimitBytes } from '@hearthold/contract'
import * as fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { TestSocket } from '../../apps/server/src/platform/socket/test-socket.ts'
import { bundleOf, openWorld, type World } from '../access/foreign-ids.ts'
import { codeOf } from '../access/instance.ts'
import { holdSlow, type Rude, speak, statusesOf } from './connections.ts'
import { lookAt } from './honest.ts'
import { nearly } from './mutations.ts'
import { runs } from './seed.ts'

let world: World
let port: number
let before: Awaited<ReturnType<typeof lookAt>>
beforeAll(async () => {
  world = await openWorld()
  before = await lookAt(world)
  await world.instance.app.start()
  port = world.instance.app.http.port()!
})
afterAll(() => world.instance.close())
// All come from one address; the clock of the tests is what fills its allowance.
beforeEach(() => void (world.instance.now += 120_000))

const honest = async (): Promise<number> => {
  const headers = { authorization: `Bearer ${world.victim.token}` }
  return (await fetch(`http://127.0.0.1:${port}${getSession.path}`, { headers })).status
}

/** Says it, and waits until the server has answered and closed, or has nothing more to say. */
const exchange = async (text: string | Uint8Array, withinMs: number): Promise<string> => {
  const rude = await speak(port, text)
  const enough = new Promise<void>((done) => setTimeout(done, withinMs))
  await Promise.race([rude.closed, enough])
  rude.end()
  return rude.answer()
}

const request = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: localhost:8765\r\nConnection: close\r\n${more}\r\n`

describe('a path', () => {
  const inside = ['/data/set-up-token', 'etc/passwd', 'hearthold.db', 'keys/root']
  it.each([
    ['climbs', '/../../../../etc/passwd'],
    ['climbs in code', '/%2e%2e/%2e%2e/%2e%2e/etc/passwd'],
    ['climbs behind a parameter', '/api/objects/..%2f..%2fhearthold.db'],
    ['climbs by backslashes', '/api/objects/..\\..\\hearthold.db'],
    ['climbs in overlong UTF-8', '/%c0%ae%c0%ae/etc/passwd'],
    ['climbs to what is protected', '/first-page.css/../api/members'],
    ['has two slashes', '//api/members'],
    ['ends in a slash', '/api/members/'],
    ['is in capitals', '/API/MEMBERS'],
    ['is written in code', '/%61pi/members'],
    ['has a dot segment', '/api/./members'],
    ['has a parameter of its own', '/api/members;x=1'],
    ['ends in nothing', '/api/members%00'],
    ['is no code', '/api/%'],
    ['is half a code', '/api/%zz'],
    ['names another host', 'http://evil.example/api/members'],
    ['names this host', 'http://localhost:8765/api/members'],
    ['has a fragment', '/api/members#/healthz'],
    ['has a query of dots', '/api/members?/../../healthz'],
    ['is long', `/${'a'.repeat(9000)}`],
    ['is long within', `/api/objects/${'a'.repeat(3000)}`],
  ])('that %s opens nothing', async (_what, target) => {
    const answer = await exchange(request(target), 10_000)
    const statuses = statusesOf(answer)
    expect([target, statuses.length]).toEqual([target, 1])
    // Without a session the list of members is 401 at best.
    expect([target, statuses[0]! >= 400 && statuses[0]! < 500]).toEqual([target, true])
    expect(inside.filter((text) => answer.includes(text))).toEqual([])
  })
})

describe('a request', () => {
  const hidden = 'GET /readyz HTTP/1.1\r\nHost: localhost:8765\r\n\r\n'
  const post = (headers: string, body: string): string =>
    `POST /api/sign-in/recovery/start HTTP/1.1\r\nHost: localhost:8765\r\nContent-Type: application/json\r\n${headers}\r\n${body}`
  it.each([
    ['of two lengths', post('Content-Length: 2\r\nContent-Length: 60\r\n', `{}${hidden}`)],
    [
      'of a length and of chunks',
      post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`),
    ],
    [
      'of chunks that are not',
      post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden}`),
    ],
    ['of chunks spelt oddly', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${hidden}`)],
    ['of a length with a sign', post('Content-Length: +2\r\n', `{}${hidden}`)],
    ['of a length that is none', post('Content-Length: 2, 2\r\n', `{}${hidden}`)],
    ['of a folded header', post('X-A: 1\r\n Content-Length: 2\r\nContent-Length: 2\r\n', `{}`)],
    ['of bare line feeds', 'GET /readyz HTTP/1.1\nHost: localhost:8765\n\n'],
    [
      'of two hosts',
      'GET /api/instance HTTP/1.1\r\nHost: localhost:8765\r\nHost: evil.example\r\n\r\n',
    ],
    ['of no host', 'GET /api/instance HTTP/1.1\r\n\r\n'],
    ['of an old version', 'GET /api/instance HTTP/1.0\r\n\r\n'],
    ['of no version', 'GET /api/instance\r\n\r\n'],
    ['of another protocol', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['of TLS', Buffer.from('16030100a5010000a10303', 'hex')],
    ['of too many headers', request('/api/instance', 'X-A: 1\r\n'.repeat(3000))],
    ['of a header too long', request('/api/instance', `X-A: ${'a'.repeat(20_000)}\r\n`)],
    ['of a method nobody knows', 'STEAL /api/instance HTTP/1.1\r\nHost: localhost:8765\r\n\r\n'],
    ['to be a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n'],
    ['that expects the impossible', post('Expect: the-moon\r\nContent-Length: 2\r\n', '{}')],
  ])('%s is one request at most, and refused', async (_what, text) => {
    const statuses = statusesOf(await exchange(text, 250))
    expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([])
    expect(statuses.length).toBeLessThanOrEqual(1)
  })

  it('of random bytes is no trouble', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const rude = await speak(port, bytes)
        rude.write('\r\n\r\n')
        await Promise.race([rude.closed, new Promise((done) => setTimeout(done, 30))])
        expect(statusesOf(rude.answer()).filter((status) => status < 400 || status >= 500)).toEqual(
          [],
        )
        rude.end()
      }),
      runs(30),
    )
    expect(await honest()).toBe(200)
  })
})

describe('frames of a socket', () => {
  const frame = nearly(
    fc.oneof(
      fc.constant({ frame: 'hello' }),
      fc.constant({ frame: 'ping' }),
      fc.constant({ frame: 'follow' }),
      fc.record({
        frame: fc.constant('open'),
        log: fc.constantFrom('share', 'theirs', 'f'.repeat(32)),
        after: fc.nat(3),
      }),
      fc.record({ frame: fc.constant('close'), log: fc.constantFrom('share', 'theirs') }),
    ),
  )

  it('that make no sense end it at most, and nobody is told of what is not theirs', async () => {
    const { asker, share, theirs } = world
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 6 }), fc.boolean(), async (frames, signsIn) => {
        const socket = signsIn
          ? await TestSocket.signedIn(port, asker.token)
          : await TestSocket.open(port)
        for (const one of frames) {
          const text = (JSON.stringify(one) ?? '')
            .replaceAll('"share"', `"${share.log.id}"`)
            .replaceAll('"theirs"', `"${theirs.log.id}"`)
          if (socket.socket.readyState === WebSocket.OPEN) socket.socket.send(text.slice(0, 4000))
        }
        await new Promise((done) => setTimeout(done, 5))
        socket.socket.close()
        expect(socket.seqsOf(theirs.log.id)).toEqual([])
      }),
      runs(40),
    )
  })

  it('that are too large, binary or too many end it', async () => {
    const { asker } = world
    const large = await TestSocket.signedIn(port, asker.token)
    large.socket.send(JSON.stringify({ frame: 'ping', padding: 'a'.repeat(socketFrameLimitBytes) }))
    expect(await large.closed()).toBeGreaterThan(0)
    const binary = await TestSocket.signedIn(port, asker.token)
    binary.socket.send(new Uint8Array(100))
    expect(await binary.nextFrame('problem')).toMatchObject({ code: 'bad_request' })
    const many = await TestSocket.signedIn(port, asker.token)
    for (let sent = 0; sent < 2000; sent++) many.send({ frame: 'ping' })
    expect(await many.nextFrame('problem')).toMatchObject({ code: 'rate_limited' })
  })
})

describe('two hundred clients that never finish', () => {
  it('keep nobody from being served', async () => {
    const slow = await holdSlow(port, 200, world.asker.token)
    try {
      // Sixteen at a time is what one session may have under way; the others were refused.
      expect(slow.held()).toBeGreaterThan(100)
      for (let asked = 0; asked < 20; asked++) expect(await honest()).toBe(200)
      const socket = await TestSocket.signedIn(port, world.victim.token)
      socket.send({ frame: 'follow' })
      expect(await socket.nextHeads()).toHaveLength(2)
      socket.socket.close()
    } finally {
      slow.stop()
    }
  })

  it('and those who leave in the middle leave nothing behind', async () => {
    const rude: Rude[] = []
    for (let made = 0; made < 40; made++)
      rude.push(
        await speak(
          port,
          `POST /api/objects/bundle HTTP/1.1\r\nHost: localhost:8765\r\nAuthorization: Bearer ${world.host.token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(100)}`,
        ),
      )
    for (const one of rude) one.end()
    // The places of a session are free again, or its next request would be one too many.
    await vi.waitFor(async () => {
      const headers = { authorization: `Bearer ${world.host.token}` }
      const { status } = await fetch(`http://127.0.0.1:${port}/api/usage`, { headers })
      expect(status).toBe(200)
    }, 5000)
  })
})

describe('a member who sends bundles that never end, over many sessions', () => {
  it('is told to wait before they fill the memory, and nobody else is', async () => {
    const { instance, asker, host } = world
    const tokens = [asker.token]
    while (tokens.length < 3) tokens.push((await asker.newSession()).token)
    const bundle = (token: string): string =>
      `POST /api/objects/bundle HTTP/1.1\r\nHost: localhost:8765\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 16000000\r\n\r\n`
    const rude = await Promise.all(
      Array.from({ length: 12 }, (_none, at) => speak(port, bundle(tokens[at % tokens.length]!))),
    )
    await vi.waitFor(
      () => expect(rude.filter((one) => statusesOf(one.answer())[0] === 429)).toHaveLength(8),
      5000,
    )
    expect(await honest()).toBe(200)
    const body = bundleOf({ id: 'ab'.repeat(16), bytes: new Uint8Array(1_000_000) })
    expect(codeOf(await instance.ask(putBundle, { token: host.token, body }))).toBe('')
    for (const one of rude) one.end()
    const own = bundleOf({ id: 'cd'.repeat(16), bytes: new Uint8Array(1_000_000) })
    await vi.waitFor(async () => {
      const again = await instance.ask(putBundle, { token: asker.token, body: own })
      expect(codeOf(again)).toBe('')
    }, 5000)
  })
})

it('all of it leaves an honest member as it was', async () => {
  expect(await lookAt(world)).toEqual(before)
  const errors = world.instance.log.lines.filter(({ level }) => level === 'error')
  expect(errors.map(({ message }) => message)).toEqual([])
})
