import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ByteSocket } from './byte-socket.ts'
import { clientFrame } from './test-frames.ts'

const mebibyte = 1024 * 1024
let server: Server
let client: Socket
let socket: Socket
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  ;[socket] = (await once(server, 'connection')) as [Socket]
})
afterEach(() => {
  client.destroy()
  server.close()
})

const serve = (limits: { idleMs: number; lingerMs: number }): ByteSocket =>
  new ByteSocket(socket, 'HTTP/1.1 101 OK\r\n\r\n', {
    sizeBytes: 64 * mebibyte,
    frameLimitBytes: 4 * mebibyte,
    everyBytes: mebibyte,
    onReceived: () => undefined,
    ...limits,
  })

test('who sends nothing for too long is cut, and what came of the body counts', async () => {
  const { body } = serve({ idleMs: 50, lingerMs: 1000 })
  const got: Uint8Array[] = []
  body.on('data', (part: Uint8Array) => void got.push(part))
  client.write(clientFrame(0x82, Buffer.alloc(70_000, 7)))
  await once(body, 'close')
  expect(Buffer.concat(got)).toEqual(Buffer.alloc(70_000, 7))
  expect(socket.destroyed).toBe(true)
})

test('the connection is not read on while nobody takes the body', async () => {
  const { body } = serve({ idleMs: 10_000, lingerMs: 1000 })
  const frame = clientFrame(0x82, Buffer.alloc(2 * mebibyte))
  for (let i = 0; i < 8; i++) client.write(frame)
  await expect.poll(() => socket.isPaused()).toBe(true)
  expect(socket.bytesRead).toBeLessThan(mebibyte)
  let bytes = 0
  body.on('data', (part: Uint8Array) => void (bytes += part.length))
  await expect.poll(() => bytes).toBe(16 * mebibyte)
})

test('who does not answer a goodbye is cut after a moment, whatever it still sends', async () => {
  const served = serve({ idleMs: 10_000, lingerMs: 50 })
  client.resume()
  served.end({ frame: 'problem' }, 1008)
  client.write(clientFrame(0x82, Buffer.alloc(mebibyte)))
  await once(socket, 'close')
  expect(served.body.destroyed).toBe(true)
})
