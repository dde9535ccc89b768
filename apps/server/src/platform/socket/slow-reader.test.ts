import { randomBytes as nodeRandomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  type ClientFrame,
  decodeHeads,
  isHeadsFrame,
  type ServerFrame,
  type SocketHead,
  socketPath,
} from '@hearthold/contract'
import { decodePage, randomBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSessionEvents } from '../access/session-events.ts'
import { createTestHttp, type TestHttp, testSession, testToken } from '../http/test-http.ts'
import { TestLogService } from '../logs/test-log-service.ts'
import { TestMember, type TestShare } from '../logs/test-logs.ts'
import { addSocket, type SocketServer } from './index.ts'

const token = testToken('m')
const mebibyte = 1024 * 1024

/** A WebSocket client by hand, which can stop reading: RFC 6455, section 5.2. */
class SlowClient {
  readonly frames: ServerFrame[] = []
  readonly heads: SocketHead[] = []
  readonly seqs: number[] = []
  receivedBytes = 0
  readonly #socket: Socket
  #rest = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data: Buffer) => {
      this.receivedBytes += data.length
      this.#rest = Buffer.concat([this.#rest, data])
      while (this.#readFrame());
    })
  }

  static async open(port: number): Promise<SlowClient> {
    const socket = connect(port, '127.0.0.1')
    const key = nodeRandomBytes(16).toString('base64')
    socket.write(
      `GET ${socketPath} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (!answer.toString().startsWith('HTTP/1.1 101')) throw new Error('no socket')
    return new SlowClient(socket)
  }

  send(frame: ClientFrame): void {
    const text = Buffer.from(JSON.stringify(frame))
    // A mask of zeros leaves the text as it is; the length is below 126 or takes two bytes.
    const head =
      text.length < 126 ? [0x80 | text.length] : [0x80 | 126, text.length >> 8, text.length & 0xff]
    this.#socket.write(Buffer.concat([Buffer.from([0x81, ...head, 0, 0, 0, 0]), text]))
  }

  stopReading(): void {
    this.#socket.pause()
  }
  readOn(): void {
    this.#socket.resume()
  }
  close(): void {
    this.#socket.destroy()
  }

  #readFrame(): boolean {
    const rest = this.#rest
    if (rest.length < 2) return false
    const short = rest[1]! & 0x7f
    const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2
    if (rest.length < headBytes) return false
    const length =
      short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short
    if (rest.length < headBytes + length) return false
    const payload = rest.subarray(headBytes, headBytes + length)
    this.#rest = rest.subarray(headBytes + length)
    const opcode = rest[0]! & 0x0f
    if (opcode === 1) this.frames.push(JSON.parse(payload.toString()) as ServerFrame)
    if (opcode === 2 && isHeadsFrame(payload)) this.heads.push(...decodeHeads(payload))
    else if (opcode === 2) this.seqs.push(...decodePage(payload).entries.map(({ seq }) => seq))
    return true
  }

  has(name: ServerFrame['frame']): boolean {
    return this.frames.some(({ frame }) => frame === name)
  }
}

let service: TestLogService
let member: TestMember
let share: TestShare
let http: TestHttp
let server: SocketServer
beforeEach(async () => {
  service = await TestLogService.open()
  member = new TestMember()
  await service.found(member)
  share = await service.share(member)
  const session = testSession(member.actor)
  http = createTestHttp({ [token]: session })
  server = addSocket({
    http: http.http,
    logs: service.logs,
    sessions: { find: async () => session },
    sessionLives: async () => true,
    events: createSessionEvents(),
  })
  await http.http.listen()
})
afterEach(async () => {
  server.stop()
  await http.close()
  await service.close()
})

describe('a client that stops reading', () => {
  it('costs the server some megabytes and no more, falls back to heads, and catches up', async () => {
    const client = await SlowClient.open(http.http.port()!)
    client.send({ frame: 'hello', token })
    await expect.poll(() => client.has('welcome')).toBe(true)
    client.send({ frame: 'open', log: share.log.id, after: 0 })
    await expect.poll(() => client.seqs).toEqual([1])

    client.stopReading()
    const count = 40
    for (let i = 0; i < count; i++) {
      const entry = await share.folder({ body: randomBytes(mebibyte - 100) })
      await service.append(member, [share.append([entry])])
    }
    client.readOn()
    await expect.poll(() => client.has('lagged'), { timeout: 10_000 }).toBe(true)
    // 4 MiB of ours and one page, and what the system keeps in its own buffers of both ends.
    expect(client.receivedBytes).toBeLessThan(25 * mebibyte)
    await expect.poll(() => client.heads.at(-1)?.seq, { timeout: 5000 }).toBe(count + 1)

    const last = client.seqs.at(-1)!
    expect(last).toBeLessThan(count + 1)
    client.send({ frame: 'open', log: share.log.id, after: last })
    await expect.poll(() => client.seqs.length, { timeout: 10_000 }).toBe(count + 1)
    expect(client.seqs).toEqual(Array.from({ length: count + 1 }, (_, index) => index + 1))
    client.close()
    await expect.poll(() => server.count()).toBe(0)
  }, 30_000)
})
