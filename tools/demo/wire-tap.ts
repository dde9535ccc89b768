/**
 * A line between browsers and a server on this machine that keeps every byte that is sent to the server: request lines,
 * headers and bodies as they are, and frames of sockets without their masks, so that they can be searched.
 */
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

/** Longer heads of requests are refused by the server too. */
const headLimit = 65_536
const headEnd = Buffer.from('\r\n\r\n')
const closingMs = 5_000

/** Opens the frames that a browser sends: it masks each of them. Throws where they are compressed. */
export class FrameReader {
  #left = Buffer.alloc(0)

  /** Payloads of the frames that are whole by now. */
  read(chunk: Buffer): Buffer[] {
    this.#left = Buffer.concat([this.#left, chunk])
    const payloads: Buffer[] = []
    for (;;) {
      const frame = this.#next()
      if (!frame) return payloads
      payloads.push(frame)
    }
  }

  #next(): Buffer | undefined {
    const bytes = this.#left
    if (bytes.length < 2) return undefined
    if ((bytes[0]! & 0x40) !== 0) throw new Error('A socket is compressed: it cannot be searched.')
    const short = bytes[1]! & 0x7f
    const extra = short === 127 ? 8 : short === 126 ? 2 : 0
    const masked = (bytes[1]! & 0x80) !== 0
    const start = 2 + extra + (masked ? 4 : 0)
    if (bytes.length < start) return undefined
    const length =
      extra === 8 ? Number(bytes.readBigUInt64BE(2)) : extra === 2 ? bytes.readUInt16BE(2) : short
    if (bytes.length < start + length) return undefined
    const payload = Buffer.from(bytes.subarray(start, start + length))
    if (masked) {
      const mask = bytes.subarray(start - 4, start)
      for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!
    }
    this.#left = bytes.subarray(start + length)
    return payload
  }
}

/** What one connection sent, into files of its own. */
class Recorder {
  readonly #open: (ending: string) => WriteStream
  readonly #files: WriteStream[] = []
  #head: Buffer | undefined = Buffer.alloc(0)
  #frames: FrameReader | undefined

  constructor(open: (ending: string) => WriteStream) {
    this.#open = open
    this.#files.push(open('http'))
  }

  take(chunk: Buffer): void {
    if (this.#frames) return this.#takeFrames(this.#frames, chunk)
    this.#files[0]!.write(chunk)
    if (this.#head) this.#look(Buffer.concat([this.#head, chunk]))
  }

  /** Browsers begin a connection of its own for each socket. */
  #look(head: Buffer): void {
    const end = head.indexOf(headEnd)
    this.#head = end < 0 && head.length < headLimit ? head : undefined
    if (end < 0 || !/\r\nupgrade: *websocket/i.test(head.subarray(0, end).toString('latin1')))
      return
    this.#frames = new FrameReader()
    this.#files.push(this.#open('frames'))
    this.#takeFrames(this.#frames, head.subarray(end + headEnd.length))
  }

  #takeFrames(reader: FrameReader, chunk: Buffer): void {
    // Nothing between them: a message may come in parts, and a file in messages, cut anywhere.
    for (const payload of reader.read(chunk)) this.#files[1]!.write(payload)
  }

  close(): Promise<unknown> {
    return Promise.all(
      this.#files.map((file) => new Promise<void>((done) => file.end(() => done()))),
    )
  }
}

const listen = (server: Server): Promise<number> =>
  new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })

/** The line. Its address is what the server must have as its public one. */
export class WireTap {
  /** Holds a file `N.http` for each connection, and `N.frames` where it became a socket. */
  readonly folder: string
  port = 0
  sockets = 0
  connections = 0
  /** Why what was sent could not be kept; undefined is what is expected. */
  fault: Error | undefined
  readonly #server: Server
  readonly #open = new Set<Socket>()
  readonly #recorders: Recorder[] = []

  private constructor(folder: string, target: () => number) {
    this.folder = folder
    this.#server = createServer((client) => this.#pass(client, target()))
  }

  /** Starts a line to a port on loopback, which may begin to listen later. */
  static async start(folder: string, target: () => number): Promise<WireTap> {
    mkdirSync(folder, { recursive: true })
    const tap = new WireTap(folder, target)
    tap.port = await listen(tap.#server)
    return tap
  }

  /** `http://localhost:PORT`, without a slash at the end. */
  get origin(): string {
    return `http://localhost:${this.port}`
  }

  #pass(client: Socket, target: number): void {
    const number = ++this.connections
    const recorder = new Recorder((ending) => {
      if (ending === 'frames') this.sockets++
      return createWriteStream(join(this.folder, `${number}.${ending}`), { mode: 0o600 })
    })
    this.#recorders.push(recorder)
    const upstream = connect({ host: '127.0.0.1', port: target })
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      this.#open.add(one)
      one.on('error', () => undefined)
      one.once('close', () => {
        this.#open.delete(one)
        other.end()
      })
    }
    client.on('data', (chunk: Buffer) => {
      try {
        recorder.take(chunk)
      } catch (error) {
        this.fault = error as Error
      }
    })
    client.pipe(upstream)
    upstream.pipe(client)
  }

  /** Ends the line; all that was sent is then on the disk. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const timer = setTimeout(() => {
      for (const socket of this.#open) socket.destroy()
    }, closingMs)
    for (const socket of this.#open) socket.end()
    await new Promise<void>((done) => this.#server.close(() => done()))
    clearTimeout(timer)
    await Promise.all(this.#recorders.map((recorder) => recorder.close()))
  }
}
