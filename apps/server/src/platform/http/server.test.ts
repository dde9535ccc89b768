import { endpoint, Exact, Size } from '@hearthold/contract'
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bind, bindStream } from './bind.ts'
import type { Http, HttpDeps } from './http.ts'
import { createTestHttp, type TestHttp } from './test-http.ts'

const slow = endpoint({
  name: 'slow',
  method: 'GET',
  path: '/api/slow',
  access: 'public',
  summary: '',
  answer: Exact({ n: Size }),
})
const small = endpoint({
  name: 'small',
  method: 'POST',
  path: '/api/small',
  access: 'public',
  summary: '',
  body: Exact({ n: Size }),
  bodyLimitBytes: 100,
})
const large = endpoint({
  name: 'large',
  method: 'GET',
  path: '/api/large',
  access: 'public',
  summary: '',
  answer: 'bytes',
})
const upload = endpoint({
  name: 'upload',
  method: 'PATCH',
  path: '/api/upload',
  access: 'member',
  summary: '',
  body: 'bytes',
  bodyStream: true,
  bodyLimitBytes: 2 ** 40,
})

const open: TestHttp[] = []
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-http-'))
  chmodSync(folder, 0o700)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.close()))
  rmSync(folder, { recursive: true, force: true })
})
const start = async (
  prepare: (http: Http) => void = () => {},
  overrides: Partial<HttpDeps> = {},
): Promise<Http> => {
  const made = createTestHttp(
    {},
    {
      ...overrides,
      timeouts: {
        headersMs: 200,
        idleMs: 300,
        checkEveryMs: 50,
        lingerMs: 100,
        shutdownMs: 300,
        ...overrides.timeouts,
      },
    },
  )
  open.push(made)
  prepare(made.http)
  await made.http.listen()
  return made.http
}
/** Sends text as it is and gathers all that comes back until the connection ends. */
const raw = (http: Http, text: string): { socket: Socket; answer: Promise<string> } => {
  const socket = connect(http.port() ?? 0, '127.0.0.1')
  socket.write(text)
  const answer = new Promise<string>((resolve) => {
    let got = ''
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(got))
    socket.on('error', () => {})
  })
  return { socket, answer }
}
const head = (line: string, ...headers: string[]) =>
  [line, 'Host: localhost:8765', ...headers, '', ''].join('\r\n')
const statusOf = (answer: string) => answer.slice(0, answer.indexOf('\r\n'))

describe('slow and broken clients', () => {
  test('headers that do not come to an end', async () => {
    const http = await start()
    const { socket, answer } = raw(http, 'GET / HTTP/1.1\r\nHost: localhost:8765\r\n')
    const drip = setInterval(() => socket.write('X-A: b\r\n'), 40)
    expect(statusOf(await answer)).toBe('HTTP/1.1 408 Request Timeout')
    clearInterval(drip)
  })
  test('a body that stalls', async () => {
    const http = await start((made) => bind(made, small, () => undefined))
    const { answer } = raw(
      http,
      head('POST /api/small HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 9') + '{',
    )
    await answer
    const { answer: next } = raw(
      http,
      head(
        'POST /api/small HTTP/1.1',
        'Content-Type: application/json',
        'Content-Length: 7',
        'Connection: close',
      ) + '{"n":1}',
    )
    expect(statusOf(await next)).toBe('HTTP/1.1 204 No Content')
  })
  test('no HTTP at all, headers too large, and nothing said', async () => {
    const http = await start()
    expect(statusOf(await raw(http, 'hello\r\n\r\n').answer)).toBe('HTTP/1.1 400 Bad Request')
    expect(
      statusOf(await raw(http, head('GET / HTTP/1.1', `X-Large: ${'a'.repeat(20_000)}`)).answer),
    ).toMatch(/^HTTP\/1.1 431/)
    expect(await raw(http, '').answer).toMatch(/^$|^HTTP\/1.1 408/)
    expect(
      statusOf(
        await raw(http, head('GET / HTTP/1.1', 'Content-Length: 1', 'Transfer-Encoding: chunked'))
          .answer,
      ),
    ).toBe('HTTP/1.1 400 Bad Request')
  })
  test('a body without a declared end is cut at the limit', async () => {
    const http = await start((made) => bind(made, small, () => undefined))
    const chunk = `64\r\n${' '.repeat(100)}\r\n`
    const { answer } = raw(
      http,
      head(
        'POST /api/small HTTP/1.1',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
      ) +
        chunk +
        chunk,
    )
    expect(await answer).toMatch(/^HTTP\/1.1 413 [^]*"code":"too_large"/)
  })
  test('a huge upload is refused before it is read, and the answer arrives', async () => {
    const http = await start((made) => bindStream(made, upload, () => undefined))
    const { socket, answer } = raw(
      http,
      head(
        'PATCH /api/upload HTTP/1.1',
        'Content-Type: application/octet-stream',
        'Content-Length: 1000000000',
      ),
    )
    const flood = setInterval(() => socket.writable && socket.write(Buffer.alloc(65_536)), 5)
    expect(await answer).toMatch(/^HTTP\/1.1 401 [^]*"code":"unauthenticated"/)
    clearInterval(flood)
    expect(socket.bytesWritten).toBeLessThan(50_000_000)
  })
  test('a reader that leaves ends the source', async () => {
    let closed: () => void = () => {}
    const ended = new Promise<void>((resolve) => {
      closed = resolve
    })
    const http = await start((made) =>
      bind(made, large, () => ({
        sizeBytes: 2 ** 40,
        close: () => closed(),
        pieces: (async function* () {
          for (;;) yield Buffer.alloc(2 ** 20)
        })(),
      })),
    )
    const { socket, answer } = raw(http, head('GET /api/large HTTP/1.1'))
    socket.once('data', () => socket.destroy())
    expect(await answer).toMatch(/^HTTP\/1.1 200/)
    await ended
  })
  test('a reader that sleeps is cut, and memory does not grow meanwhile', async () => {
    let made = 0
    const http = await start((at) =>
      bind(at, large, () => ({
        sizeBytes: 2 ** 40,
        pieces: (async function* () {
          for (;;) yield ((made++, Buffer.alloc(2 ** 20)))
        })(),
      })),
    )
    const { socket } = raw(http, head('GET /api/large HTTP/1.1'))
    socket.pause()
    await wait(700)
    expect(made).toBeLessThan(30)
    socket.destroy()
  })
  test('an answer that breaks off, or is shorter than promised, is cut and not ended', async () => {
    const http = await start((made) =>
      bind(made, large, () => ({
        sizeBytes: 10,
        pieces: (async function* () {
          yield Buffer.from('12345')
        })(),
      })),
    )
    const failure = await new Promise<Error>((resolve, reject) => {
      httpRequest(
        { port: http.port(), path: '/api/large', headers: { host: 'localhost:8765' } },
        (response) => {
          response
            .on('error', resolve)
            .on('end', () => reject(new Error('ended as if whole')))
            .resume()
        },
      )
        .on('error', resolve)
        .end()
    })
    expect(failure.message).toMatch(/aborted|hang up/)
  })
})

describe('stopping', () => {
  test('lets requests under way finish and takes no more', async () => {
    let release: () => void = () => {}
    const begun = Promise.withResolvers<void>()
    const http = await start(
      (made) =>
        bind(made, slow, async () => {
          await new Promise<void>((resolve) => {
            release = resolve
            begun.resolve()
          })
          return { n: 1 }
        }),
      { timeouts: { shutdownMs: 5_000 } },
    )
    const port = http.port() ?? 0
    const { answer } = raw(http, head('GET /api/slow HTTP/1.1'))
    await begun.promise
    const stopped = http.close()
    await wait(20)
    await expect(
      new Promise((resolve, reject) =>
        connect(port, '127.0.0.1').on('connect', resolve).on('error', reject),
      ),
    ).rejects.toThrow('ECONNREFUSED')
    release()
    expect(await answer).toMatch(/^HTTP\/1.1 200 [^]*\{"n":1\}$/)
    await stopped
  })
  test('cuts what does not finish', async () => {
    const http = await start((made) => bind(made, slow, () => new Promise(() => {})))
    const { answer } = raw(http, head('GET /api/slow HTTP/1.1'))
    await wait(30)
    await http.close()
    expect(await answer).toBe('')
  })
})

describe('listening', () => {
  test('on a port in use says so and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    await expect(
      start(undefined, { listen: { kind: 'tcp', host: '127.0.0.1', port } }),
    ).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use. Stop the other program, or choose another with HEARTHOLD_LISTEN`,
    )
    other.close()
  })
  test('on a unix socket, over one left by a killed server, but not over a living one', async () => {
    const path = join(folder, 's')
    const stale = createServer().listen(path)
    await new Promise((resolve) => stale.once('listening', resolve))
    const unix = { listen: { kind: 'unix', path } } as const
    await expect(start(undefined, unix)).rejects.toThrow('is in use')
    writeFileSync(join(folder, 'file'), 'kept')
    await expect(
      start(undefined, { listen: { kind: 'unix', path: join(folder, 'file') } }),
    ).rejects.toThrow('in use')
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('kept')
    // Closing removes the file under its old name only, so this is what kill -9 leaves behind.
    renameSync(path, join(folder, 'left'))
    await new Promise((resolve) => stale.close(resolve))
    renameSync(join(folder, 'left'), path)
    await start(
      (http) => bind(http, slow, ({ request }) => ({ n: request.address === 'unix' ? 1 : 0 })),
      unix,
    )
    expect(statSync(path).mode & 0o777).toBe(0o660)
    const answer = await new Promise<string>((resolve, reject) => {
      httpRequest(
        { socketPath: path, path: '/api/slow', headers: { host: 'localhost:8765' } },
        (response) => {
          let body = ''
          response
            .on('data', (chunk: Buffer) => {
              body += chunk.toString()
            })
            .on('end', () => resolve(body))
        },
      )
        .on('error', reject)
        .end()
    })
    expect(answer).toBe('{"n":1}')
  })
})
