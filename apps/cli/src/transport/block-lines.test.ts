import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, downloadObject, type TransportResponse } from '@hearthold/client'
import { caught, closeAll, listen, plain, transportTo } from '../../test/loopback.ts'
import { selfSigned } from '../../test/self-signed.ts'

afterEach(closeAll)

const blockBytes = 100_000
const get = { method: 'GET', url: '/', headers: {}, blockBytes }
const bytes = Buffer.from(
  Uint8Array.from({ length: 23 * blockBytes + 77 }, (_, i) => (i * 7 + (i >> 9)) & 255),
)

/** Copies: a chunk is gone when the second next is asked for. */
const read = async (response: TransportResponse, chunks: Buffer[] = []): Promise<Buffer> => {
  for await (const chunk of response.body) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const whole: http.RequestListener = (_, response) => {
  response.setHeader('content-length', bytes.length)
  response.end(bytes)
}

const counting = (server: net.Server) => {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  return sockets
}

describe('bodies in blocks', () => {
  it.each(['http', 'https'])('come over %s, on one kept connection', async (scheme) => {
    const { key, cert, pin } = selfSigned('hearth.test')
    const server =
      scheme === 'http' ? http.createServer(whole) : https.createServer({ key, cert }, whole)
    const sockets = counting(server)
    const origin = `${scheme}://127.0.0.1:${await listen(server)}`
    const transport = transportTo(origin, scheme === 'http' ? {} : { trust: { kind: 'pin', pin } })
    for (let round = 0; round < 3; round++) {
      const chunks: Buffer[] = []
      const response = await transport.request(get)
      expect((await read(response, chunks)).equals(bytes)).toBe(true)
      expect(chunks.map(({ length }) => length)).toEqual([
        ...Array.from({ length: 23 }, () => blockBytes),
        77,
      ])
    }
    expect((await (await transport.request(get)).bytes(bytes.length)).length).toBe(bytes.length)
    expect(await caught((await transport.request(get)).bytes(1000))).toMatchObject({
      kind: 'protocol',
    })
    expect(sockets.size).toBe(1)
  })

  it.each([0, 1, blockBytes - 1, blockBytes, blockBytes + 1])('of %i bytes', async (size) => {
    const transport = await plain((_, response) => {
      response.setHeader('content-length', size)
      response.end(bytes.subarray(0, size))
    })
    for (let round = 0; round < 2; round++)
      expect((await read(await transport.request(get))).equals(bytes.subarray(0, size))).toBe(true)
  })

  it('two at once do not mix', async () => {
    const other = Buffer.from(bytes.map((byte) => byte ^ 255))
    const transport = await plain((request, response) => {
      response.setHeader('content-length', bytes.length)
      response.end(request.url === '/other' ? other : bytes)
    })
    const ask = async (url: string) => read(await transport.request({ ...get, url }))
    const all = await Promise.all(['/', '/other', '/', '/other', '/', '/other', '/'].map(ask))
    expect(all.map((got) => (got.equals(bytes) ? '/' : got.equals(other)))).toEqual([
      ...['/', true, '/', true, '/', true, '/'],
    ])
  })

  it('leave refusals, and answers without a length, to node:http', async () => {
    const transport = await plain((request, response) => {
      if (request.url === '/chunked') response.write('abc')
      else response.writeHead(404, { 'content-type': 'text/plain' })
      response.end('def')
    })
    const missing = await transport.request({ ...get, url: '/missing' })
    expect([missing.status, String(await read(missing))]).toEqual([404, 'def'])
    const chunked = await transport.request({ ...get, url: '/chunked' })
    expect([chunked.status, String(await read(chunked))]).toEqual([200, 'abcdef'])
  })

  it('stop the server while nobody reads, but not its time', async () => {
    let sent = 0
    const transport = await plain(
      (_, response) => {
        response.writeHead(200, { 'content-length': 1000 * 65_536 })
        const more = () => {
          while (sent < 1000) {
            sent++
            if (!response.write(Buffer.alloc(65_536, sent)))
              return void response.once('drain', more)
          }
        }
        more()
      },
      { silenceMs: 200 },
    )
    const response = await transport.request(get)
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(sent).toBeLessThan(500)
    const got = await read(response)
    expect([got.length, got[0], got.at(-1)]).toEqual([1000 * 65_536, 1, 1000 & 255])
  })
})

describe('lines that break', () => {
  it('give what came before, and then say so', async () => {
    const transport = await plain((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 250_000), () => response.destroy())
    })
    const chunks: Buffer[] = []
    expect(await caught(read(await transport.request(get), chunks))).toMatchObject({
      kind: 'dropped',
    })
    expect(Buffer.concat(chunks).equals(bytes.subarray(0, 250_000))).toBe(true)
  })

  it('are taken up again from the last byte', async () => {
    const cuts = [100_000, 1, 250_000, 0, 99_999]
    const transport = await plain((request, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const part = bytes.subarray(from)
      response.writeHead(request.headers.range ? 206 : 200, {
        'content-length': part.length,
        ...(request.headers.range
          ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }
          : {}),
      })
      const cut = cuts.shift()
      if (cut === undefined) response.end(part)
      else response.write(part.subarray(0, cut), () => response.destroy())
    })
    const waiting = { sleep: () => Promise.resolve(), random: () => 0 }
    const client = createClient({ transport, waiting })
    const parts: Buffer[] = []
    for await (const part of downloadObject(client, 'a'.repeat(32), { blockBytes }))
      parts.push(Buffer.from(part))
    expect(Buffer.concat(parts).equals(bytes)).toBe(true)
    expect(cuts).toEqual([])
    // The wish has reached the transport.
    expect(parts[0]).toHaveLength(blockBytes)
  })

  it('tell every cut from a whole answer', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789'
    const cuts = Array.from({ length: answer.length }, (_, cut) => cut)
    let cut: number | undefined = 0
    const port = await listen(
      net.createServer((socket) => {
        socket.on('error', () => undefined)
        socket.once('data', () => socket.end(answer.slice(0, cut)))
      }),
    )
    const transport = transportTo(`http://127.0.0.1:${port}`)
    for (cut of cuts)
      expect(await caught(transport.request(get).then((got) => read(got)))).toMatchObject({
        kind: 'dropped',
      })
    cut = undefined
    expect(String(await read(await transport.request(get)))).toBe('0123456789')
  })

  it.each(['0123456789', ''])('are not used again after %j beyond the body', async (more) => {
    let connections = 0
    const port = await listen(
      net.createServer((socket) => {
        connections++
        socket.on('error', () => undefined)
        const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'
        socket.on('data', () => {
          socket.write(`${head}abc`)
          setTimeout(() => (more ? socket.write(more) : socket.end()), 10)
        })
      }),
    )
    const transport = transportTo(`http://127.0.0.1:${port}`)
    for (let round = 1; round <= 3; round++) {
      expect(String(await read(await transport.request(get)))).toBe('abc')
      expect(connections).toBe(round)
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  })

  it('are replaced where the server closed them just then', async () => {
    let asked = 0
    const server = http.createServer((request, response) => {
      asked++
      if (asked === 2) request.socket.destroy()
      else whole(request, response)
    })
    const transport = transportTo(`http://127.0.0.1:${await listen(server)}`)
    for (let round = 0; round < 2; round++)
      expect((await read(await transport.request(get))).equals(bytes)).toBe(true)
    expect(asked).toBe(3)
  })

  it('end at once when aborted, when left, and when the server is silent', async () => {
    let closed = 0
    const server: http.RequestListener = (request, response) => {
      response.once('close', () => closed++)
      if (request.url === '/silent') return
      response.writeHead(200, { 'content-length': 100_000_000 })
      response.write(bytes)
    }
    const transport = await plain(server)
    const reason = new Error('enough')
    for (const url of ['/', '/silent']) {
      const stop = new AbortController()
      setTimeout(() => stop.abort(reason), 30)
      const asked = transport.request({ ...get, url, signal: stop.signal })
      expect(await caught(asked.then((response) => read(response)))).toBe(reason)
    }
    await expect(transport.request({ ...get, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
    for await (const chunk of (await transport.request(get)).body) {
      expect(chunk.length).toBe(blockBytes)
      break
    }
    ;(await transport.request(get)).discard()
    await expect.poll(() => closed).toBe(4)
    const impatient = await plain(server, { silenceMs: 60 })
    const late = { kind: 'timeout' }
    expect(await caught(impatient.request({ ...get, url: '/silent' }))).toMatchObject(late)
    expect(await caught(impatient.request(get).then((got) => read(got)))).toMatchObject(late)
  })

  it('say so when nothing listens, and refuse what is no header', async () => {
    const server = net.createServer()
    const port = await listen(server)
    const transport = transportTo(`http://127.0.0.1:${port}`)
    const bad = { ...get, headers: { a: 'b\r\nc: d' } }
    expect(await caught(transport.request(bad))).toBeInstanceOf(TypeError)
    expect(await caught(transport.request({ ...get, url: '/a b' }))).toBeInstanceOf(TypeError)
    await new Promise((resolve) => server.close(resolve))
    expect(await caught(transport.request(get))).toMatchObject({ kind: 'refused', sent: false })
  })
})
