import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Socket } from 'node:net'
import { ProblemError } from '@hearthold/contract'
import { ReceivedBytes } from '../disk/receive-body.ts'
import { releaseBuffer } from '../disk/release-buffer.ts'
import {
  type ControlOpcode,
  FrameError,
  FrameReader,
  opcodes,
  serverFrame,
} from './frame-reader.ts'

export type ByteSocketOptions = {
  /** Bytes that are to come; the body ends with the last of them. */
  readonly sizeBytes: number
  /** The longest payload of one frame. */
  readonly frameLimitBytes: number
  /** Called each time so many more bytes have been taken, with all that have. */
  readonly everyBytes: number
  readonly onReceived: (bytes: number) => void
  /** Without a byte in either direction. Milliseconds. */
  readonly idleMs: number
  /** For the other side's goodbye, after ours. Milliseconds. */
  readonly lingerMs: number
}

/** What is handed on at a time: so much is still in the processor's cache when it is hashed and written. */
const blockBytes = 64 * 1024
/** Waits in memory where the disk is behind; the connection is not read meanwhile. */
const waitingBytes = 4 * blockBytes
/** Who does not read is told no more, but for the last word. */
const unreadLimitBytes = 64 * 1024

/** Of RFC 6455, section 1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const listed = (header: string | undefined): string[] =>
  (header ?? '').split(',').map((part) => part.trim())

/**
 * The answer to an upgrade to a WebSocket of this protocol.
 * @throws ProblemError `bad_request` where the request is none
 */
export const upgradeAnswer = ({ headers }: IncomingMessage, protocol: string): string => {
  const key = headers['sec-websocket-key'] ?? ''
  const isOurs =
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[A-Za-z0-9+/]{22}==$/.test(key) &&
    listed(headers['sec-websocket-protocol']).includes(protocol)
  if (!isOurs)
    throw new ProblemError('bad_request', `This address is a WebSocket of version 13, ${protocol}.`)
  const accept = createHash('sha1')
    .update(key + acceptSuffix)
    .digest('base64')
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    '\r\n',
  ].join('\r\n')
}

/**
 * The server's end of a WebSocket that brings one body in binary frames of any length. It is read as it comes: a library that
 * hands on whole messages keeps each in memory, and takes masks off byte by byte, which costs more than the hash.
 */
export class ByteSocket {
  readonly #socket: Duplex
  readonly #options: ByteSocketOptions
  readonly #reader: FrameReader
  readonly #body: ReceivedBytes
  #block = Buffer.allocUnsafeSlow(blockBytes)
  #blockLength = 0
  #receivedBytes = 0
  #toldBytes = 0
  #pong: Uint8Array | undefined
  #ended = false

  /** @param answer what `upgradeAnswer` gave; it is sent now */
  constructor(socket: Socket, answer: string, options: ByteSocketOptions) {
    this.#socket = socket
    this.#options = options
    this.#body = new ReceivedBytes({ read: () => socket.resume(), highWaterMark: waitingBytes })
    const data = (part: Uint8Array): void => this.#takeData(part)
    const control = (opcode: ControlOpcode, payload: Uint8Array): void =>
      this.#takeControl(opcode, payload)
    this.#reader = new FrameReader({ data, control }, options.frameLimitBytes)
    socket.setTimeout(options.idleMs, () => socket.destroy())
    socket.on('data', (chunk: Uint8Array) => this.#take(chunk))
    socket.on('end', () => this.#leave())
    socket.on('close', () => this.cut())
    socket.on('error', () => undefined)
    socket.write(answer)
    if (options.sizeBytes === 0) this.#body.push(null)
  }

  /** What comes, to its end; it closes early where the other side leaves. */
  get body(): Readable {
    return this.#body
  }

  /** Ends the body, as if the other side had left. What came of it counts. */
  cut(): void {
    if (this.#body.destroyed || this.#isComplete()) return
    this.#handOn()
    this.#body.destroy()
  }

  send(frame: object): void {
    this.#write(opcodes.text, Buffer.from(JSON.stringify(frame)))
  }

  /** Sends a last frame and says goodbye with a close code; nothing more is taken. */
  end(frame: object, code: number): void {
    if (this.#ended) return
    this.send(frame)
    this.#close(code)
  }

  #close(code: number): void {
    if (this.#ended) return
    this.#ended = true
    this.cut()
    this.#write(opcodes.close, Buffer.from([code >> 8, code & 255]))
    // What is still on its way is dropped: closed over it, the connection would lose our last frame too.
    this.#socket.resume()
    this.#linger()
  }

  /** Nobody keeps the connection for longer, whatever they still send. */
  #linger(): void {
    setTimeout(() => this.#socket.destroy(), this.#options.lingerMs).unref()
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(serverFrame(opcode, payload))
  }

  /** The other side left, or answers our goodbye. */
  #leave(): void {
    this.cut()
    this.#socket.end()
    this.#linger()
  }

  #take(chunk: Uint8Array): void {
    try {
      this.#reader.take(chunk)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      if (this.#ended) this.#socket.destroy()
      else this.#close(error.code)
    }
    releaseBuffer(chunk)
    this.#answerPing()
  }

  /** Of many pings at once the last is answered: a write for each costs far more than it costs to send them. */
  #answerPing(): void {
    const pong = this.#pong
    this.#pong = undefined
    if (pong && !this.#ended && !this.#isUnread()) this.#write(opcodes.pong, pong)
  }

  #isUnread(): boolean {
    return this.#socket.writableLength >= unreadLimitBytes
  }

  #takeControl(opcode: ControlOpcode, payload: Uint8Array): void {
    if (opcode === opcodes.ping) this.#pong = payload
    if (opcode !== opcodes.close) return
    if (!this.#ended) this.#write(opcodes.close, payload.subarray(0, 2))
    this.#ended = true
    this.#leave()
  }

  #takeData(part: Uint8Array): void {
    if (this.#ended || this.#body.destroyed) return
    if (this.#receivedBytes + part.length > this.#options.sizeBytes)
      throw new FrameError(1009, 'More bytes came than were announced.')
    this.#receivedBytes += part.length
    for (let at = 0; at < part.length;) {
      const some = part.subarray(at, at + blockBytes - this.#blockLength)
      this.#block.set(some, this.#blockLength)
      this.#blockLength += some.length
      at += some.length
      if (this.#blockLength === blockBytes) this.#handOn()
    }
    if (this.#isComplete()) {
      this.#handOn()
      this.#body.push(null)
    } else this.#tell()
  }

  #isComplete(): boolean {
    return this.#receivedBytes === this.#options.sizeBytes
  }

  #handOn(): void {
    if (this.#blockLength === 0) return
    const block = this.#block.subarray(0, this.#blockLength)
    this.#block = Buffer.allocUnsafeSlow(blockBytes)
    this.#blockLength = 0
    if (!this.#body.push(block)) this.#socket.pause()
  }

  #tell(): void {
    const newBytes = this.#receivedBytes - this.#toldBytes
    if (newBytes < this.#options.everyBytes || this.#isUnread()) return
    this.#toldBytes = this.#receivedBytes
    this.#options.onReceived(this.#receivedBytes)
  }
}
