import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { recordingLog } from '#platform/http/test-http.ts'
import { parseFlags } from './flags.ts'
import { openRestServer, type RestServer } from './open-server.ts'

let folder = ''
let server: RestServer | undefined
const sockets: Socket[] = []
const log = recordingLog()
beforeEach(() => {
  log.lines.length = 0
  folder = mkdtempSync(join(tmpdir(), 'hearthold-rest-'))
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server?.stop()
  server = undefined
  rmSync(folder, { recursive: true })
})

/** So patient that a busy machine is not cut off; the test that is about patience has less of it. */
const timeouts = { headersMs: 20_000, idleMs: 20_000, checkEveryMs: 50, shutdownMs: 300 }
const startWith = async (own: Partial<typeof timeouts>, ...argv: string[]): Promise<number> => {
  const flags = parseFlags(['--path', folder, '--listen=127.0.0.1:0', ...argv], folder)
  if (typeof flags === 'string') throw new Error(flags)
  const clock = { now: () => Date.now() }
  server = await openRestServer({
    ...{ flags, clock, log, passed: undefined },
    timeouts: { ...timeouts, ...own },
  })
  return Number(server.address.split(':').at(-1))
}
const start = (...argv: string[]): Promise<number> => startWith({}, ...argv)
const sender = (port: number): { socket: Socket; text: () => string; closed: Promise<unknown> } => {
  const socket = connect({ port, host: '127.0.0.1' })
  sockets.push(socket)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  socket.on('error', () => undefined)
  return { socket, text: () => text, closed: once(socket, 'close') }
}
const upload = `POST /a/data/${'0'.repeat(64)} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n`

test('a client that never finishes its headers, or stalls in a body, is cut off', async () => {
  const port = await startWith({ headersMs: 200, idleMs: 300 }, '--no-auth')
  const slow = sender(port)
  const drip = setInterval(() => slow.socket.write('X-A: b\r\n'), 40)
  slow.socket.write('GET /a/data/ HTTP/1.1\r\n')
  await slow.closed
  clearInterval(drip)
  expect(slow.text()).toMatch(/^HTTP\/1\.1 408 /)
  const stalled = sender(port)
  stalled.socket.write(`${upload}some`)
  const began = Date.now()
  await stalled.closed
  expect(Date.now() - began).toBeLessThan(3000)
  expect(stalled.text()).not.toContain('200')
})
test('a stop waits for what is under way, though not for ever', async () => {
  const port = await start('--no-auth')
  const stalled = sender(port)
  stalled.socket.write(`${upload}some`)
  await once(stalled.socket, 'ready')
  const began = Date.now()
  await server?.stop()
  server = undefined
  expect(Date.now() - began).toBeLessThan(3000)
})
test('a stop ends a connection once its request is answered, though the client keeps its end open', async () => {
  const port = await startWith({ shutdownMs: 10_000 }, '--no-auth')
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(socket)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const id = createHash('sha256').update('hello').digest('hex')
  const headers = ['Host: x', 'Content-Length: 5', 'Expect: 100-continue']
  socket.write(`POST /a/keys/${id} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  // The server says so once it has the request.
  await once(socket, 'data')
  socket.write('hel')
  const stopped = server?.stop().then(() => performance.now())
  server = undefined
  socket.write('lo')
  await once(socket, 'end')
  const ended = performance.now()
  expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  expect(((await stopped) ?? Infinity) - ended).toBeLessThan(5000)
})
test('bytes that are no HTTP get a status line', async () => {
  const { socket, text, closed } = sender(await start('--no-auth'))
  socket.write('hello\r\n\r\n')
  await closed
  expect(text()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
})
test('an address in the form for proxies is one of ours', async () => {
  const { socket, text, closed } = sender(await start('--no-auth'))
  socket.write(
    'POST http://elsewhere.example/a/?create=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  await closed
  expect(text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
})
test('files that everybody can read are told of', async () => {
  writeFileSync(join(folder, '.htpasswd'), '', { mode: 0o644 })
  await start()
  expect(log.lines.map(({ message }) => message).join('\n')).toContain('chmod 640')
})
