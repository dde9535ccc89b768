import http from 'node:http'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, NetworkError } from '@hearthold/client'
import { listLogs } from '@hearthold/contract'
import { caught, closeAll, listen, plain, transportTo } from '../../test/loopback.ts'

afterEach(closeAll)

const get = { method: 'GET', url: '/', headers: {} }
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const readAll = async (request: http.IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
async function* chunks(count: number, bytes: number) {
  for (let index = 0; index < count; index++) yield new Uint8Array(bytes).fill(index)
}

describe('plain connections', () => {
  it('sends headers and body as they are and keeps the connection', async () => {
    const sockets = new Set<unknown>()
    const transport = await plain(
      (request, response) => {
        sockets.add(request.socket)
        response.setHeader(
          'X-Seen',
          `${request.method} ${request.url} ${request.headers['content-length']} ${request.headers['user-agent']}`,
        )
        void readAll(request).then((body) => response.end(body))
      },
      { userAgent: 'hearthold-cli/test' },
    )
    for (let round = 0; round < 3; round++) {
      const response = await transport.request({
        method: 'POST',
        url: '/a?b=c',
        headers: {},
        body: Uint8Array.of(1, 2),
      })
      expect(response.headers['x-seen']).toBe('POST /a?b=c 2 hearthold-cli/test')
      expect([...(await response.bytes(2))]).toEqual([1, 2])
    }
    const empty = await transport.request({ method: 'POST', url: '/', headers: {} })
    expect(empty.headers['x-seen']).toContain('POST / 0')
    await empty.bytes(0)
    expect(sockets.size).toBe(1)
  })

  it('streams a body at the pace of the reader', async () => {
    let yielded = 0
    const source = async function* () {
      for (let index = 0; index < 64; index++) {
        yielded++
        yield new Uint8Array(1024 * 1024)
      }
    }
    let yieldedWhilePaused = 0
    const transport = await plain((request, response) => {
      setTimeout(() => {
        yieldedWhilePaused = yielded
        void readAll(request).then((body) => response.end(String(body.length)))
      }, 150)
    })
    const response = await transport.request({
      method: 'PATCH',
      url: '/',
      headers: {},
      body: source(),
      bodyLength: 64 * 1024 * 1024,
    })
    expect(text(await response.bytes(100))).toBe(String(64 * 1024 * 1024))
    expect(yieldedWhilePaused).toBeLessThan(32)
  })

  it('destroys the request when the source fails, and throws what it threw', async () => {
    let ended: string | undefined
    const transport = await plain((request) => {
      request
        .resume()
        .on('end', () => (ended = 'whole'))
        .on('error', () => (ended = 'cut'))
    })
    const failure = new Error('the file changed')
    const source = async function* () {
      yield new Uint8Array(10)
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw failure
    }
    expect(
      await caught(
        transport.request({
          method: 'PATCH',
          url: '/',
          headers: {},
          body: source(),
          bodyLength: 100,
        }),
      ),
    ).toBe(failure)
    await expect.poll(() => ended).toBe('cut')
  })

  it.each([9, 11])('refuses a body of another length than announced (%i)', async (bodyLength) => {
    const transport = await plain((request) => void request.resume())
    const sending = transport.request({
      method: 'PATCH',
      url: '/',
      headers: {},
      body: chunks(2, 5),
      bodyLength,
    })
    expect(await caught(sending)).toBeInstanceOf(TypeError)
    const unknown = transport.request({
      method: 'PATCH',
      url: '/',
      headers: {},
      body: chunks(2, 5),
    })
    expect(await caught(unknown)).toBeInstanceOf(TypeError)
  })

  it('reads a refusal that comes before the body has gone out, and stops sending', async () => {
    let pulled = 0
    const source = async function* () {
      for (; pulled < 1000; pulled++) {
        yield new Uint8Array(1024 * 1024)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const transport = await plain((_, response) => response.writeHead(507).end('full'))
    const response = await transport.request({
      method: 'PATCH',
      url: '/',
      headers: {},
      body: source(),
      bodyLength: 1000 * 1024 * 1024,
    })
    expect(response.status).toBe(507)
    expect(text(await response.bytes(10))).toBe('full')
    const stoppedAt = pulled
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(pulled).toBeLessThanOrEqual(stoppedAt + 1)
  })

  it('says so when nothing listens, and that nothing was sent', async () => {
    const server = net.createServer()
    const port = await listen(server)
    await new Promise((resolve) => server.close(resolve))
    const error = await caught(transportTo(`http://localhost:${port}`).request(get))
    expect(error).toMatchObject({
      name: 'NetworkError',
      kind: 'refused',
      sent: false,
      message: `No connection to localhost:${port}.`,
    })
  })

  it('says so when the name is unknown', async () => {
    const error = await caught(transportTo('http://nobody.invalid:1').request(get))
    expect(error).toMatchObject({ kind: 'name', sent: false })
  })

  it('tells an answer cut off at any byte from a whole one', async () => {
    const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789'
    const cuts = Array.from({ length: whole.length }, (_, cut) => cut)
    const port = await listen(
      net.createServer((socket) => {
        socket.on('error', () => undefined)
        socket.once('data', () => socket.end(whole.slice(0, cuts.shift() ?? whole.length)))
      }),
    )
    const transport = transportTo(`http://127.0.0.1:${port}`)
    const outcomes = []
    for (let cut = 0; cut < whole.length; cut++) {
      outcomes.push(await caught(transport.request(get).then((response) => response.bytes(100))))
    }
    expect(
      outcomes.every((outcome) => outcome instanceof NetworkError && outcome.kind === 'dropped'),
    ).toBe(true)
    expect(text(await (await transport.request(get)).bytes(100))).toBe('0123456789')
  })

  it('tells a chunked answer that breaks off from its end', async () => {
    const transport = await plain((_, response) => {
      response.write('abc')
      setTimeout(() => response.destroy(), 20)
    })
    expect(await caught((await transport.request(get)).bytes(100))).toMatchObject({
      kind: 'dropped',
    })
  })

  it('refuses an answer that is too large, or no HTTP', async () => {
    const transport = await plain((_, response) => response.end('x'.repeat(1000)))
    expect(await caught((await transport.request(get)).bytes(999))).toMatchObject({
      kind: 'protocol',
    })
    const port = await listen(
      net.createServer((socket) => {
        socket.on('error', () => undefined)
        socket.end('SSH-2.0-OpenSSH\r\n')
      }),
    )
    expect(await caught(transportTo(`http://127.0.0.1:${port}`).request(get))).toMatchObject({
      kind: 'protocol',
    })
  })

  it('gives up on a silent server, but not for its own slowness', async () => {
    const silent = await plain(() => undefined, { silenceMs: 60 })
    expect(await caught(silent.request(get))).toMatchObject({ kind: 'timeout' })
    const echo = await plain(
      (request, response) => void readAll(request).then((body) => response.end(body)),
      { silenceMs: 60 },
    )
    const slow = async function* () {
      yield Uint8Array.of(1)
      await new Promise((resolve) => setTimeout(resolve, 250))
      yield Uint8Array.of(2)
    }
    const response = await echo.request({
      method: 'PUT',
      url: '/',
      headers: {},
      body: slow(),
      bodyLength: 2,
    })
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect([...(await response.bytes(2))]).toEqual([1, 2])
  })

  it('ends at once when aborted, before, during and after the head of the answer', async () => {
    const transport = await plain((_, response) =>
      response.writeHead(200, { 'content-length': 10 }).write('x'),
    )
    const early = AbortSignal.abort(new Error('early'))
    await expect(transport.request({ ...get, signal: early })).rejects.toThrow('early')
    const silent = await plain(() => undefined)
    const during = new AbortController()
    const waiting = caught(silent.request({ ...get, signal: during.signal }))
    setTimeout(() => during.abort(new Error('during')), 20)
    expect(await waiting).toEqual(new Error('during'))
    const after = new AbortController()
    const response = await transport.request({ ...get, signal: after.signal })
    setTimeout(() => after.abort(new Error('after')), 20)
    await expect(response.bytes(10)).rejects.toThrow('after')
  })

  it('gives a connection up when the reader stops early', async () => {
    let closed = 0
    const transport = await plain((_, response) => {
      response.once('close', () => closed++)
      response.writeHead(200, { 'content-length': 100_000_000 })
      response.write(Buffer.alloc(1_000_000))
    })
    for await (const chunk of (await transport.request(get)).body) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    ;(await transport.request(get)).discard()
    await expect.poll(() => closed).toBe(2)
  })

  it('follows no redirect, so that the token goes nowhere else', async () => {
    const elsewhere: unknown[] = []
    const port = await listen(
      http.createServer((request, response) => {
        elsewhere.push(request.headers)
        response.end('{}')
      }),
    )
    const transport = await plain((_, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end(),
    )
    const client = createClient({ transport, token: () => 'secret' })
    expect(await caught(client.call(listLogs))).toMatchObject({ kind: 'redirect' })
    expect(elsewhere).toEqual([])
  })
})
