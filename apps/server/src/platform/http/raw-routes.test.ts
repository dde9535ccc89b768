import { Exact, Size, endpoint } from '@hearthold/contract'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { bind } from './bind.ts'
import { addRawRoute, type HttpDeps } from './http.ts'
import { noLog } from '../log.ts'
import { rawHandler, type RawRequest } from './raw-routes.ts'
import { createTestHttp, recordingLog, type TestHttp } from './test-http.ts'

const ordinary = endpoint({
  name: 'ordinary',
  method: 'GET',
  path: '/raw',
  access: 'public',
  summary: '',
  answer: Exact({ n: Size }),
})

const open: TestHttp[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.close()))
})

/** A server with one endpoint at `/raw` and raw addresses below it. */
const start = async (
  handle: (request: RawRequest) => void | Promise<void>,
  overrides: Partial<HttpDeps> = {},
) => {
  const made = createTestHttp(
    {},
    { ...overrides, timeouts: { lingerMs: 100, shutdownMs: 300, ...overrides.timeouts } },
  )
  open.push(made)
  let fastifyRequests = 0
  made.http.fastify.addHook('onRequest', async () => void fastifyRequests++)
  bind(made.http, ordinary, () => ({ n: 1 }))
  addRawRoute(made.http, { takes: (path) => path.startsWith('/raw/'), handle })
  await made.http.listen()
  const port = made.http.port() ?? 0
  return { http: made.http, port, fastifyRequests: () => fastifyRequests }
}

/** Sends text as it is and gathers what comes back until the connection ends. */
const send = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let got = ''
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1')
    })
    socket.on('error', () => undefined).on('close', () => resolve(got))
  })
const request = (line: string, ...headers: string[]) =>
  [line, 'Host: localhost:8765', 'Connection: close', ...headers, '', ''].join('\r\n')
const elsewhere = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`
const answer = ({ res }: RawRequest): void => void res.writeHead(200).end('raw')

describe('addresses answered before Fastify', () => {
  test('never reach it, and the others do as before', async () => {
    const paths: string[] = []
    const { port, fastifyRequests } = await start((given) => {
      paths.push(given.path)
      answer(given)
    })
    const raw = await send(port, request('GET /raw/a%20b?q=1 HTTP/1.1'))
    expect(raw).toMatch(/^HTTP\/1.1 200 [^]*raw/)
    expect(raw.toLowerCase()).toContain('x-content-type-options: nosniff')
    expect(raw.toLowerCase()).toMatch(/x-request-id: [0-9a-f]{16}/)
    expect([paths, fastifyRequests()]).toEqual([['/raw/a%20b'], 0])
    expect(await send(port, request('GET /raw HTTP/1.1'))).toMatch(/^HTTP\/1.1 200 [^]*{"n":1}/)
    expect(await send(port, request('GET /rawer/x HTTP/1.1'))).toMatch(/^HTTP\/1.1 404/)
    expect(fastifyRequests()).toBe(2)
  })

  test('are answered one after the other, so that none keeps what it opened when a client leaves', async () => {
    let begun = 0
    const ended: number[] = []
    const { port } = await start(async ({ res }) => {
      const number = begun++
      res.writeHead(200, { 'content-length': 64 * 2 ** 20 })
      const write = () =>
        new Promise<void>((resolve, reject) => {
          res.write(Buffer.alloc(2 ** 20), (error) => (error ? reject(error) : resolve()))
        })
      try {
        for (let at = 0; at < 64; at++) await write()
      } catch {
        ended.push(number)
      }
    })
    const socket = connect(port, '127.0.0.1').pause()
    const ask = 'GET /raw/x HTTP/1.1\r\nHost: localhost:8765\r\n\r\n'
    socket.write(ask.repeat(5))
    await expect.poll(() => begun).toBeGreaterThan(0)
    await wait(100)
    socket.resetAndDestroy()
    await expect.poll(() => ended.length).toBe(begun)
    expect(begun).toBe(1)
  })

  test('are all answered, in order, when a client sends them at once', async () => {
    const { port } = await start(async ({ path, res }) => {
      if (path.endsWith('0')) await wait(50)
      res.writeHead(200).end(`answer ${path}`)
    })
    const all = [0, 1, 2].map((n) => `GET /raw/${n} HTTP/1.1\r\nHost: localhost:8765\r\n\r\n`)
    const got = await send(port, `${all.join('')}${request('GET /raw/3 HTTP/1.1')}`)
    expect(got.match(/answer \S\S\S\S\S\d/g)).toEqual([0, 1, 2, 3].map((n) => `answer /raw/${n}`))
  })

  test('are for the right host only, and for one', async () => {
    const { port } = await start(answer)
    const wrong = await send(port, elsewhere('/raw/x'))
    expect(wrong).toMatch(/^HTTP\/1.1 421 [^]*"code":"wrong_host"/)
    const two = await send(port, request('GET /raw/x HTTP/1.1', 'Host: evil.example'))
    expect(two).toMatch(/^HTTP\/1.1 400/)
  })

  test('say that a proxy spoke TLS, and refuse those who come past it', async () => {
    const behind = await start(answer, { trustedProxies: ['127.0.0.1'], onlyFromProxies: true })
    const secure = await send(
      behind.port,
      request('GET /raw/x HTTP/1.1', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 10.1.2.3'),
    )
    expect(secure.toLowerCase()).toContain('strict-transport-security: max-age=')
    const plain = await send(behind.port, request('GET /raw/x HTTP/1.1'))
    expect(plain.toLowerCase()).not.toContain('strict-transport-security')
  })

  test('are in the access log with their status, address and account, without the query', async () => {
    const accessLog = recordingLog()
    const { port } = await start(
      ({ res, named }) => {
        named('03'.repeat(16))
        res.writeHead(206).end()
      },
      { accessLog },
    )
    await send(port, request('GET /raw/x?secret=1 HTTP/1.1'))
    await send(port, elsewhere('/raw/y'))
    await expect.poll(() => accessLog.lines.length).toBe(2)
    expect(accessLog.lines[0]?.fields).toMatchObject({
      method: 'GET',
      path: '/raw/x',
      status: 206,
      address: '127.0.0.1',
      account: '03'.repeat(16),
    })
    expect(accessLog.lines[1]?.fields).toMatchObject({ path: '/raw/y', status: 421 })
  })

  test('that fail are answered 500 or cut, and logged', async () => {
    const log = recordingLog()
    const { port } = await start(
      async ({ path, res }) => {
        if (path === '/raw/late') res.writeHead(200, { 'content-length': 10 }).write('half')
        await wait(10)
        throw new Error('a fault')
      },
      { log },
    )
    expect(await send(port, request('GET /raw/early HTTP/1.1'))).toMatch(/^HTTP\/1.1 500/)
    expect(await send(port, request('GET /raw/late HTTP/1.1'))).toMatch(/half$/)
    expect(log.lines.map(({ message }) => message)).toEqual(['request failed', 'request failed'])
  })

  test('are finished when the server stops', async () => {
    const begun = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const { http, port } = await start(
      async (given) => {
        begun.resolve()
        await finish.promise
        answer(given)
      },
      { timeouts: { shutdownMs: 5_000 } },
    )
    const kept = send(port, 'GET /raw/x HTTP/1.1\r\nHost: localhost:8765\r\n\r\n')
    await begun.promise
    const stopped = http.close()
    await wait(20)
    finish.resolve()
    // A connection that would be kept ends with this answer.
    expect(await kept).toMatch(/^HTTP\/1.1 200 /)
    await stopped
  })

  test('are refused from the moment the server stops', async () => {
    let handled = 0
    const { http } = await start(() => void handled++)
    const answerRaw = rawHandler(
      {
        rules: http.rules,
        peerOf: http.peerOf,
        onlyFromProxies: false,
        ownCertificate: false,
        nextRequestId: () => '00',
        isClosing: () => true,
        lingerMs: 100,
        log: noLog,
        accessLog: undefined,
      },
      http.rawRoutes,
    )
    const server = createServer((req, res) => expect(answerRaw(req, res)).toBe(true))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const got = await send(port, request('GET /raw/x HTTP/1.1'))
    expect(got).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 5[^]*"code":"unavailable"/i)
    expect(handled).toBe(0)
    server.close()
  })

  test('decide themselves when a client that waits may send its body', async () => {
    const { port, fastifyRequests } = await start(({ req, res, path }) => {
      if (path === '/raw/no') return void res.writeHead(403).end()
      res.writeContinue()
      req.on('data', () => undefined).on('end', () => res.writeHead(200).end('got it'))
    })
    const expecting = (path: string) =>
      request(`POST ${path} HTTP/1.1`, 'Content-Length: 4', 'Expect: 100-continue')
    expect(await send(port, expecting('/raw/no'))).toMatch(/^HTTP\/1.1 403/)
    expect(await send(port, `${expecting('/raw/yes')}body`)).toMatch(
      /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 [^]*got it/,
    )
    expect(await send(port, `${expecting('/raw')}body`)).toMatch(
      /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 4\d\d /,
    )
    expect(fastifyRequests()).toBe(1)
  })
})
