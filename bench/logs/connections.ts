/** HTTP and WebSocket by hand, as cheap as can be: the clients of a measurement share the processors with the server. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { appendLogs, type ClientFrame, socketPath } from '@hearthold/contract'

const endOfHead = Buffer.from('\r\n\r\n')

/** A kept connection that sends one append after the other. */
export class AppendConnection {
  readonly #socket: Socket
  readonly #head: string
  readonly #waiting: ((failure: string | undefined) => void)[] = []
  #rest: Buffer = Buffer.alloc(0)

  constructor(port: number, token: string) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#head =
      `${appendLogs.method} ${appendLogs.path} HTTP/1.1\r\nHost: localhost:${port}\r\nAccept: */*\r\n` +
      `User-Agent: hearthold\r\nAuthorization: Bearer ${token}\r\n` +
      'Content-Type: application/octet-stream\r\nConnection: keep-alive\r\nContent-Length: '
    this.#socket.on('data', (data: Buffer) => this.#take(data))
    this.#socket.on('close', () => {
      for (const done of this.#waiting.splice(0)) done('the server closed the connection')
    })
    this.#socket.on('error', () => undefined)
  }

  /** Resolves when the answer is here. @throws Error with a refusal */
  send(append: Buffer): Promise<void> {
    this.#socket.cork()
    this.#socket.write(`${this.#head}${append.length}\r\n\r\n`, 'latin1')
    this.#socket.write(append)
    this.#socket.uncork()
    return new Promise((resolve, reject) => {
      this.#waiting.push((failure) =>
        failure === undefined ? resolve() : reject(new Error(failure)),
      )
    })
  }

  #take(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    for (;;) {
      const headEnd = this.#rest.indexOf(endOfHead)
      if (headEnd < 0) return
      const head = this.#rest.toString('latin1', 0, headEnd)
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
      const end = headEnd + 4 + length
      if (this.#rest.length < end) return
      const body = this.#rest.subarray(headEnd + 4, end)
      this.#rest = this.#rest.subarray(end)
      const isDone = head.startsWith('HTTP/1.1 200')
      this.#waiting.shift()?.(isDone ? undefined : `${head.slice(0, 12)} ${body.toString()}`)
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** The start of a frame's bytes, or all of them. */
export type Heard = (payload: Buffer, isBinary: boolean, sizeBytes: number) => void

const nothing = Buffer.alloc(0)

/**
 * A WebSocket that reads frames and hands on their bytes (RFC 6455, section 5.2), only the first `wantedBytes` where
 * more did not come at once: what is only counted need not be put together.
 */
export class RawSocket {
  readonly #socket: Socket
  readonly #hear: Heard
  readonly #wantedBytes: number
  #rest: Buffer = nothing
  #skipBytes = 0
  #upgraded = false

  constructor(port: number, token: string, hear: Heard, wantedBytes = Number.POSITIVE_INFINITY) {
    this.#hear = hear
    this.#wantedBytes = wantedBytes
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const key = randomBytes(16).toString('base64')
    this.#socket.write(
      `GET ${socketPath} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    this.#socket.on('error', () => undefined)
    this.#socket.on('data', (data: Buffer) => this.#take(data, token))
  }

  #take(data: Buffer, token: string): void {
    const skipped = Math.min(this.#skipBytes, data.length)
    this.#skipBytes -= skipped
    const fresh = skipped === 0 ? data : data.subarray(skipped)
    this.#rest = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh])
    if (!this.#upgraded && !this.#readAnswer(token)) return
    while (this.#readFrame());
  }

  send(frame: ClientFrame): void {
    const text = Buffer.from(JSON.stringify(frame))
    if (text.length > 125) throw new RangeError('a longer frame than is needed here')
    // A mask of zeros leaves the text as it is.
    this.#socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]))
  }

  #readAnswer(token: string): boolean {
    const headEnd = this.#rest.indexOf(endOfHead)
    if (headEnd < 0) return false
    const status = this.#rest.toString('latin1', 0, 12)
    if (status !== 'HTTP/1.1 101') throw new Error(`the socket was answered ${status}`)
    this.#rest = this.#rest.subarray(headEnd + 4)
    this.#upgraded = true
    this.send({ frame: 'hello', token })
    return true
  }

  #readFrame(): boolean {
    const rest = this.#rest
    if (rest.length < 2) return false
    const short = rest[1]! & 0x7f
    const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2
    if (rest.length < headBytes) return false
    const length =
      short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short
    const end = headBytes + length
    if (rest.length < Math.min(end, headBytes + this.#wantedBytes)) return false
    const here = Math.min(end, rest.length)
    this.#skipBytes = end - here
    this.#rest = rest.length === here ? nothing : rest.subarray(here)
    const opcode = rest[0]! & 0x0f
    if (opcode === 1 || opcode === 2)
      this.#hear(rest.subarray(headBytes, here), opcode === 2, length)
    return true
  }

  close(): void {
    this.#socket.destroy()
  }
}
