import { endpoint, Exact, Size } from '@hearthold/contract'
import websocket from '@fastify/websocket'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bind, bindUpgrade } from './bind.ts'
import { createTestHttp, type TestHttp, testSession, testToken } from './test-http.ts'

const shared = { method: 'GET', access: 'member', summary: '', answer: Exact({ n: Size }) } as const
const taken = endpoint({ ...shared, name: 'taken', path: '/api/things/:id/socket' })
const plain = endpoint({ ...shared, name: 'plain', path: '/api/plain' })
const token = testToken('t')

let made: TestHttp
let sockets: Socket[]
/** Lets the handler of an upgrade go on. */
let letIn: PromiseWithResolvers<void>
let begun: number
beforeEach(async () => {
  sockets = []
  letIn = Promise.withResolvers<void>()
  begun = 0
  const timeouts = { idleMs: 200, shutdownMs: 200, lingerMs: 100 }
  made = createTestHttp({ [token]: testSession() }, { timeouts })
  const { http } = made
  void http.fastify.register(async (scope) => {
    await scope.register(websocket)
  })
  const slowly = async () => {
    await letIn.promise
    return { n: 1 }
  }
  bind(http, plain, slowly)
  bindUpgrade(http, taken, slowly, (_input, { socket }) => () => {
    begun++
    socket.setTimeout(0)
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  await http.listen()
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await made.close()
})

const head = (path: string, ...headers: string[]): string =>
  [
    `GET ${path} HTTP/1.1`,
    `Host: localhost:${made.http.port()}`,
    `Authorization: Bearer ${token}`,
    ...headers,
    '\r\n',
  ].join('\r\n')
const asked = ['Connection: Upgrade', 'Upgrade: websocket']

const client = () => {
  const socket = connect(made.http.port()!, '127.0.0.1')
  sockets.push(socket)
  let text = ''
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined).on('data', (part: Buffer) => (text += part.toString()))
  return { socket, closed, statuses: () => text.match(/(?<=HTTP\/1\.1 )\d+/g) ?? [] }
}
const connections = () =>
  new Promise((resolve) => made.http.fastify.server.getConnections((_, count) => resolve(count)))

describe('an upgrade', () => {
  test.each([
    ['of an address that knows none', '/api/plain', '200'],
    ['of no address', '/nothing', '404'],
    ['of what is no address', '/%zz', '400'],
    ['with a body', '/api/things/1/socket', '200', 'Content-Length: 3'],
  ])('%s is not made: the answer comes, and the next', async (_name, path, status, ...more) => {
    letIn.resolve()
    const { socket, statuses } = client()
    socket.write(head(path, ...asked, ...more) + (more.length > 0 ? 'abc' : ''))
    await expect.poll(statuses).toEqual([status])
    socket.write(head('/api/plain'))
    await expect.poll(statuses).toEqual([status, '200'])
    expect(begun).toBe(0)
  })

  test('is made where it is known; the server stops nevertheless', async () => {
    letIn.resolve()
    const { socket, closed, statuses } = client()
    socket.write(head('/api/things/1/socket', ...asked))
    await expect.poll(statuses).toEqual(['101'])
    await made.http.close()
    await closed
    expect(begun).toBe(1)
  })

  test.each([
    ['at once', (socket: Socket) => void socket.resetAndDestroy()],
    ['in peace', (socket: Socket) => void socket.end()],
  ])('whose client leaves %s before it is let in is not made', async (_name, leave) => {
    const { socket } = client()
    socket.write(head('/api/things/1/socket', ...asked))
    await expect.poll(connections).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 30))
    leave(socket)
    await new Promise((resolve) => setTimeout(resolve, 30))
    letIn.resolve()
    await expect.poll(connections).toBe(0)
    expect(begun).toBe(0)
  })

  test('that is asked for before the answers of other requests came is cut', async () => {
    const { socket, closed } = client()
    socket.write(head('/api/plain') + head('/api/things/1/socket', ...asked))
    await closed
    expect(begun).toBe(0)
  })
})
