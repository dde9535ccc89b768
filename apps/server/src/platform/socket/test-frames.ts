import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** For tests only. A frame as a client sends it. @param first the first byte: whether it is the last of its message, and its kind */
export const clientFrame = (
  first: number,
  payload: Uint8Array,
  mask: Uint8Array = randomBytes(4),
): Buffer => {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x1_0000 ? 4 : 10)
  head[0] = first
  head[1] = 0x80 | (head.length === 2 ? length : head.length === 4 ? 126 : 127)
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at & 3]!)])
}

/** What a server said: the head of its answer, its text frames, and the code of its goodbye. */
export type Heard = {
  readonly status: number
  readonly body: string
  readonly frames: Record<string, unknown>[]
  closed: number | undefined
}

/** For tests only: a client that can send anything, and leave at any byte. */
export class RawClient {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #wake = (): void => undefined
  over = false

  constructor(port: number, path: string, headers: Readonly<Record<string, string>>) {
    this.socket = connect(port, '127.0.0.1')
    const all = {
      host: `localhost:${port}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
    const turn = (change: () => void) => () => {
      change()
      this.#wake()
    }
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    this.socket.on(
      'close',
      turn(() => (this.over = true)),
    )
    this.socket.on('error', () => undefined)
  }

  heard(): Heard {
    const text = this.#bytes.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)
    const heard: Heard = { status, body: text.slice(end + 4), frames: [], closed: undefined }
    if (status !== 101 || end === -1) return heard
    for (let at = end + 4; at + 2 <= this.#bytes.length;) {
      const short = this.#bytes[at + 1]! & 127
      const start = at + (short === 126 ? 4 : 2)
      const length = short === 126 ? this.#bytes.readUInt16BE(at + 2) : short
      const payload = this.#bytes.subarray(start, start + length)
      if (payload.length < length) break
      const opcode = this.#bytes[at]! & 15
      if (opcode === 1) heard.frames.push(JSON.parse(payload.toString()) as Record<string, unknown>)
      if (opcode === 8) heard.closed = payload.readUInt16BE(0)
      at = start + length
    }
    return heard
  }

  /** Waits until what was heard is as asked for, or the connection is over. */
  async until(isSo: (heard: Heard) => boolean): Promise<Heard> {
    while (!this.over && !isSo(this.heard()))
      await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.heard()
  }

  /** One binary message of one frame. */
  send(bytes: Uint8Array): void {
    this.socket.write(clientFrame(0x82, bytes))
  }

  /** Answers a goodbye, so that the server need not wait. */
  close(): void {
    this.socket.write(clientFrame(0x88, Uint8Array.of(3, 232)))
  }
}
