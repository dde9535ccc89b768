/** Uploads by a WebSocket: what a browser does for each byte of it is half of what it does for a request's body. */
import {
  uploadReceivedEveryBytes,
  UploadServerFrame,
  uploadSocketProtocol,
} from '@hearthold/contract'
import { readAnswer } from './answer-schema.ts'
import { slowestBytesPerMs } from './fetch-transport.ts'
import { NetworkError } from './network-error.ts'
import { readProblem } from './problem-answer.ts'
import { releaseMemory } from './upload-pieces.ts'

/** The part of a WebSocket that is used here; the browser's and Node's own both fit. */
export type UploadSocketLike = {
  binaryType: string
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: object) => void,
  ): void
  send(data: Uint8Array<ArrayBuffer>): void
  close(): void
}
export type UploadSocketConstructor = new (url: string, protocol: string) => UploadSocketLike

export type UploadSocketsOptions = {
  /** `ws://` or `wss://`, host and port, and a path before every endpoint's where the server has one. */
  readonly origin: string
  readonly WebSocket: UploadSocketConstructor
  /** The longest silence, in milliseconds: before the connection stands, and while the server has bytes to answer to. */
  readonly timeoutMs?: number
  /** Bytes under way at most, in the browser's memory. */
  readonly windowBytes?: number
}

/** What is sent at a time: fewer and longer messages cost the browser less, and longer ones no less again. */
const messageBytes = 512 * 1024
const standardWindowBytes = 16 * 1024 * 1024
/** What was in the way (a proxy that knows no WebSockets, a server that restarts) may be gone after a while. */
const restMs = 5 * 60_000
/** Something on the way may swallow what it does not know. */
const connectMs = 10_000
/** Less is not worth a connection of its own. */
const leastBytes = 4 * 1024 * 1024

/** A connection that stands, for one body. */
export type UploadConnection = {
  /**
   * Sends `body` from `offset` of the upload on, and resolves with the server's last word. Memory of chunks that are a whole
   * buffer is taken. @param onReceived told of each offset up to which the server has taken bytes
   * @throws ProblemError, NetworkError, what `body` throws, or the reason of the signal
   */
  write(
    body: AsyncIterable<Uint8Array>,
    offset: number,
    onReceived: (offset: number) => void,
  ): Promise<WrittenState>
}
type WrittenState = Extract<UploadServerFrame, { frame: 'written' }>['state']

export type UploadSockets = {
  /**
   * Connects for `sizeBytes` bytes; undefined where it is too few for that, or no socket can be had now: requests do the same.
   * @param path path and query of `writeUploadBySocket`
   */
  connect(
    path: string,
    sizeBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<UploadConnection | undefined>
}

const protocolError = () =>
  new NetworkError(
    'protocol',
    "The server's answer to an upload is not of the form that this version expects.",
  )

/** A problem in a frame is read as one in an answer is. */
const problemOf = (frame: Record<string, unknown>): Promise<Error> => {
  const { frame: _, retryAfterSeconds, ...body } = frame
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const headers = { 'content-type': 'application/problem+json' }
  const wait =
    typeof retryAfterSeconds === 'number' ? { 'retry-after': String(retryAfterSeconds) } : {}
  const response = {
    status: typeof body['status'] === 'number' ? body['status'] : 500,
    headers: { ...headers, ...wait },
    bytes: () => Promise.resolve(bytes),
    discard: () => undefined,
    body: (async function* () {})(),
  }
  return readProblem(response, Date.now())
}

/** One socket and what has become of it. */
class Carrier {
  readonly #socket: UploadSocketLike
  readonly #timeoutMs: number
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => undefined
  opened = false
  received = 0
  written: WrittenState | undefined

  constructor(socket: UploadSocketLike, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.binaryType = 'arraybuffer'
    const dropped = () =>
      this.fail(new NetworkError('dropped', 'The connection to the server ended early.'))
    socket.addEventListener('open', () => this.#turn(() => (this.opened = true)))
    socket.addEventListener('close', dropped)
    socket.addEventListener('error', dropped)
    socket.addEventListener(
      'message',
      (event) => void this.#hear((event as { data?: unknown }).data),
    )
    const abort = () => this.fail(signal?.reason)
    signal?.addEventListener('abort', abort)
    this.end = () => {
      signal?.removeEventListener('abort', abort)
      socket.close()
    }
    if (signal?.aborted) abort()
  }

  readonly end: () => void

  fail(error: unknown): void {
    this.#turn(() => (this.#failure ??= { error }))
  }

  #turn(change: () => void): void {
    change()
    this.#wake()
  }

  async #hear(data: unknown): Promise<void> {
    try {
      const frame = JSON.parse(String(data)) as Record<string, unknown>
      if (frame['frame'] === 'problem') return this.fail(await problemOf(frame))
      const told = readAnswer(UploadServerFrame, frame) as UploadServerFrame
      if (told.frame === 'written') this.#turn(() => (this.written = told.state))
      else this.#turn(() => (this.received = Math.max(this.received, told.offset)))
    } catch {
      this.fail(protocolError())
    }
  }

  /** Waits until `isSo`; each turn of events begins the time anew. */
  async until(isSo: () => boolean, timeoutMs = this.#timeoutMs): Promise<void> {
    while (!isSo()) {
      if (this.#failure) throw this.#failure.error
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = () =>
        this.fail(new NetworkError('timeout', 'The server did not answer in time.'))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        timer = setTimeout(late, timeoutMs)
      })
      clearTimeout(timer)
    }
  }

  /** @throws what has failed it */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#failure) throw this.#failure.error
    this.#socket.send(bytes)
  }
}

/** Chunks of any length as messages of one; each is gone when the next is asked for. */
async function* messagesOf(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const message = new Uint8Array(messageBytes)
  let filled = 0
  for await (const chunk of body) {
    const { length } = chunk
    for (let from = 0; from < length;) {
      const part = chunk.subarray(from, from + messageBytes - filled)
      message.set(part, filled)
      filled += part.length
      from += part.length
      if (filled < messageBytes) continue
      yield message
      filled = 0
    }
    releaseMemory(chunk)
  }
  if (filled > 0) yield message.subarray(0, filled)
}

const writeAll = async (
  carrier: Carrier,
  windowBytes: number,
  body: AsyncIterable<Uint8Array>,
  offset: number,
  onReceived: (offset: number) => void,
): Promise<WrittenState> => {
  let sent = offset
  carrier.received = offset
  let told = offset
  const isFree = () => {
    if (carrier.received > sent) throw protocolError()
    if (carrier.received > told) onReceived((told = carrier.received))
    return carrier.written !== undefined || sent - carrier.received <= windowBytes
  }
  for await (const message of messagesOf(body)) {
    carrier.send(message)
    sent += message.length
    await carrier.until(isFree)
    // The server has said its last word: another connection took over.
    if (carrier.written) break
  }
  await carrier.until(() => {
    isFree()
    return carrier.written !== undefined
  })
  return carrier.written!
}

/** Sockets for uploads of one server; nothing is opened before `connect`. */
export const createUploadSockets = (options: UploadSocketsOptions): UploadSockets => {
  const { timeoutMs = 60_000, windowBytes = standardWindowBytes } = options
  const answerMs = timeoutMs + uploadReceivedEveryBytes / slowestBytesPerMs
  let restsUntil = Number.NEGATIVE_INFINITY
  const rest = (error: unknown): void => {
    if (error instanceof NetworkError) restsUntil = performance.now() + restMs
  }
  return {
    connect: async (path, sizeBytes, signal) => {
      if (sizeBytes < leastBytes || performance.now() < restsUntil) return undefined
      signal?.throwIfAborted()
      let carrier: Carrier | undefined
      try {
        const socket = new options.WebSocket(options.origin + path, uploadSocketProtocol)
        const made = (carrier = new Carrier(socket, answerMs, signal))
        await made.until(() => made.opened, Math.min(timeoutMs, connectMs))
        return {
          write: async (body, offset, onReceived) => {
            try {
              return await writeAll(made, windowBytes, body, offset, onReceived)
            } catch (error) {
              rest(error)
              throw error
            } finally {
              made.end()
            }
          },
        }
      } catch (error) {
        carrier?.end()
        if (signal?.aborted) throw signal.reason
        rest(error instanceof NetworkError ? error : new NetworkError('refused', 'No socket.'))
        return undefined
      }
    },
  }
}
