import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient } from '@hearthold/client'
import { getSetUp } from '@hearthold/contract'
import { caught, closeAll, listen, transportTo } from '../../test/loopback.ts'
import { selfSigned } from '../../test/self-signed.ts'
import type { NodeTransportOptions } from './node-transport.ts'
import type { ServerPin } from './server-pin.ts'

afterEach(closeAll)
const get = { method: 'GET', url: '/', headers: {} }

describe('secure connections', () => {
  const certificate = selfSigned('hearth.test')
  const secure = async (used = certificate) => {
    const seen: string[] = []
    const server = https.createServer({ key: used.key, cert: used.cert }, (request, response) => {
      seen.push(request.url ?? '')
      response.end('{"needed":false,"version":"1","passkeys":true}')
    })
    return { seen, origin: `https://127.0.0.1:${await listen(server)}` }
  }
  const call = (origin: string, trust?: NodeTransportOptions['trust']) =>
    createClient({ transport: transportTo(origin, trust ? { trust } : {}) }).call(getSetUp)

  it('accepts a certificate whose key is pinned, and one of a given authority', async () => {
    const { origin, seen } = await secure()
    expect(await call(origin, { kind: 'pin', pin: certificate.pin })).toEqual({
      needed: false,
      version: '1',
      passkeys: true,
    })
    expect(await call(origin, { kind: 'authority', pem: certificate.cert })).toMatchObject({
      needed: false,
    })
    expect(seen).toHaveLength(2)
  })

  it('accepts the pinned key whatever name and dates the certificate has', async () => {
    const old = selfSigned('other.test', -20, -10)
    const { origin } = await secure(old)
    expect(await call(origin, { kind: 'pin', pin: old.pin })).toMatchObject({ needed: false })
    expect(await caught(call(origin, { kind: 'authority', pem: old.cert }))).toMatchObject({
      kind: 'certificate',
    })
  })

  it('sends not one byte to a server with another key', async () => {
    const { origin, seen } = await secure()
    let bytes = 0
    const proxy = net.createServer((socket) => {
      const onward = net.connect(Number(new URL(origin).port), '127.0.0.1')
      socket
        .on('error', () => onward.destroy())
        .pipe(onward)
        .on('error', () => socket.destroy())
        .pipe(socket)
      onward.on('data', (data) => (bytes += data.length))
    })
    const port = await listen(proxy)
    const error = await caught(
      call(`https://127.0.0.1:${port}`, { kind: 'pin', pin: '0'.repeat(64) as ServerPin }),
    )
    expect(error).toMatchObject({ kind: 'pin', sent: false })
    expect((error as Error).message).toContain('nothing was sent')
    expect(bytes).toBeGreaterThan(0)
    expect(seen).toEqual([])
  })

  it('refuses a self-signed certificate without pin or authority, and one for another name', async () => {
    const { origin, seen } = await secure()
    expect(await caught(call(origin))).toMatchObject({ kind: 'certificate', sent: false })
    const port = new URL(origin).port
    expect(
      await caught(call(`https://localhost:${port}`, { kind: 'authority', pem: certificate.cert })),
    ).toMatchObject({ kind: 'certificate' })
    expect(seen).toEqual([])
  })

  it('says so when the other side speaks no TLS', async () => {
    const port = await listen(http.createServer((_, response) => response.end()))
    expect(await caught(call(`https://127.0.0.1:${port}`))).toMatchObject({
      kind: 'tls',
      sent: false,
    })
  })

  it('checks the pin on each new connection', async () => {
    const { origin } = await secure()
    const transport = transportTo(origin, {
      trust: { kind: 'pin', pin: certificate.pin },
      connections: 2,
    })
    const statuses = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const response = await transport.request(get)
        await response.bytes(100)
        return response.status
      }),
    )
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200])
  })
})

describe('names of this computer', () => {
  it.each(['localhost', 'a-name-of.localhost'])(
    'lead to 127.0.0.1 before [::1], and nowhere else: %s',
    async (name) => {
      const answering = (text: string) =>
        http.createServer((_, response) => response.setHeader('connection', 'close').end(text))
      const port = await listen(answering('ours'))
      const others = answering("another user's")
      // Where there is no IPv6 nobody can listen there.
      await new Promise<void>((resolve) => {
        others.once('error', () => resolve()).listen(port, '::1', resolve)
      })
      const response = await transportTo(`http://${name}:${port}`).request(get)
      expect(Buffer.from(await response.bytes(100)).toString()).toBe('ours')
      others.close()
    },
  )

  it('lead to [::1] where 127.0.0.1 refuses', async () => {
    const server = http.createServer((_, response) =>
      response.setHeader('connection', 'close').end('six'),
    )
    const port = await listen(server, '::1')
    const response = await transportTo(`http://localhost:${port}`).request(get)
    expect(Buffer.from(await response.bytes(100)).toString()).toBe('six')
  })
})
