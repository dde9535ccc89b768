import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ByteSocket, type ByteSocketOptions } from './byte-socket.ts'
import { opcodes, serverFrame } from './frame-reader.ts'
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

const answer = 'HTTP/1.1 101 OK\r\n\r\n'
const serve = (
  options: Pick<ByteSocketOptions, 'idleMs' | 'lingerMs'> & Partial<ByteSocketOptions>,
) =>
  new ByteSocket(socket, answer, {
    sizeBytes: 64 * mebibyte,
    frameLimitBytes: 4 * mebibyte,
    everyBytes: mebibyte,
    onReceived: () => undefined,
    ...options,
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

test('who says goodbye, but neither leaves nor stops sending, is cut after a moment', async () => {
  client.destroy()
  client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  client.on('error', () => undefined).resume()
  ;[socket] = (await once(server, 'connection')) as [Socket]
  serve({ idleMs: 10_000, lingerMs: 50 })
  client.write(clientFrame(0x88, Uint8Array.of(3, 232)))
  const drip = setInterval(() => client.write(clientFrame(0x82, Buffer.alloc(10))), 10)
  await once(socket, 'close')
  clearInterval(drip)
  expect(socket.destroyed).toBe(true)
})

test('of many pings at once the last is answered', async () => {
  serve({ idleMs: 10_000, lingerMs: 50 })
  const got: Buffer[] = []
  client.on('data', (part: Buffer) => void got.push(part))
  const pings = Array.from({ length: 3000 }, (_, at) =>
    clientFrame(0x89, Buffer.from(String(10_000 + at))),
  )
  client.write(Buffer.concat(pings))
  const last = serverFrame(opcodes.pong, Buffer.from('12999'))
  await expect.poll(() => Buffer.concat(got).includes(last)).toBe(true)
  expect(Buffer.concat(got).length).toBeLessThan(answer.length + 100 * last.length)
})

test('who does not read is not told ever more', async () => {
  let told = 0
  const onReceived = (): void => {
    told++
    served.send({ frame: 'x'.repeat(60_000) })
  }
  const served = serve({ idleMs: 10_000, lingerMs: 50, everyBytes: 16 * 1024, onReceived })
  served.body.resume()
  const frame = clientFrame(0x82, Buffer.alloc(2 * mebibyte))
  for (let at = 0; at < 30; at++) client.write(frame)
  await expect.poll(() => socket.bytesRead).toBeGreaterThan(60 * mebibyte)
  expect(told).toBeGreaterThan(0)
  expect(socket.writableLength).toBeLessThan(2 * 64 * 1024)
})
