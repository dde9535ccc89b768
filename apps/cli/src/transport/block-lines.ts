import http from 'node:http'
import type net from 'node:net'
import { NetworkError, type TransportRequest, type TransportResponse } from '@hearthold/client'
import { headEnd, headLimitBytes, parsePlainHead, type PlainHead } from './answer-head.ts'
import { BlockBody, BlockPool } from './block-body.ts'
import { dial, type Target } from './dial.ts'
import { toNetworkError } from './network-failure.ts'

/** Beyond so many at once, requests go the usual way. */
const linesAtOnce = 4

/** A request that this connection could take: a GET for a large plain body. */
export type BlockRequest = Pick<TransportRequest, 'url' | 'signal'> & {
  readonly headers: Readonly<Record<string, string>>
  readonly blockBytes: number
}

type Answer = { readonly head: PlainHead; readonly body: BlockBody }

/** What a line is waiting for. */
type Turn = {
  readonly blockBytes: number
  readonly resolve: (answer: Answer | undefined) => void
  readonly reject: (error: unknown) => void
}

/** One connection: a request at a time, whose body is read straight into blocks. */
class Line {
  readonly #target: Target
  readonly #pool: BlockPool
  readonly #silenceMs: number
  readonly #free: (line: Line) => void
  readonly #scratch = Buffer.allocUnsafeSlow(headLimitBytes)
  #scratchBytes = 0
  #socket: net.Socket | undefined
  #turn: Turn | undefined
  #answer: Answer | undefined
  #failure: unknown
  #unwanted = false
  closed = false

  constructor(target: Target, pool: BlockPool, silenceMs: number, free: (line: Line) => void) {
    this.#target = target
    this.#pool = pool
    this.#silenceMs = silenceMs
    this.#free = free
  }

  /** Throws `NetworkError` with `sent: false`. */
  async open(): Promise<void> {
    const socket = await dial(this.#target, {
      buffer: () => this.#room(),
      callback: (count) => this.#received(count),
    })
    this.#socket = socket
    socket.on('error', (error) => (this.#failure ??= error))
    socket.on('close', () => this.#ended())
    socket.on('timeout', () => {
      if (this.#answer?.body.isFull) socket.setTimeout(this.#silenceMs)
      else this.fail(new NetworkError('timeout', `${this.#target.host} did not answer in time.`))
    })
    if (this.#unwanted) socket.destroy()
  }

  /** Sends the head of a request; the answer, or undefined for one that is not plain: then the line is closed. */
  ask(head: string, blockBytes: number): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      this.#turn = { blockBytes, resolve, reject }
      this.#socket?.setTimeout(this.#silenceMs)
      this.#socket?.write(head, 'latin1')
      if (this.closed) this.#ended()
    })
  }

  /** Closes; whoever waits for bytes gets `error`. */
  fail(error: unknown): void {
    this.#failure ??= error
    this.#unwanted = true
    this.#socket?.destroy()
  }

  #room(): Uint8Array {
    const body = this.#answer?.body
    return body && !body.whole ? body.room() : this.#scratch.subarray(this.#scratchBytes)
  }

  #received(count: number): boolean {
    if (this.#answer) {
      const goOn = this.#answer.body.received(count)
      if (this.#answer.body.whole) this.#finish(this.#answer)
      return goOn
    }
    this.#scratchBytes += count
    if (this.#turn) return this.#readHead(this.#turn)
    // Nothing was asked.
    this.fail(undefined)
    return false
  }

  #readHead({ blockBytes, resolve }: Turn): boolean {
    const bytes = this.#scratch.subarray(0, this.#scratchBytes)
    const end = headEnd(bytes)
    if (end === undefined && bytes.length < headLimitBytes) return true
    const head = end === undefined ? undefined : parsePlainHead(bytes.subarray(0, end))
    const rest = bytes.subarray(end)
    this.#turn = undefined
    this.#scratchBytes = 0
    if (!head || rest.length > head.sizeBytes) {
      resolve(undefined)
      this.#socket?.destroy()
      return false
    }
    const goOn = () => void this.#socket?.resume()
    const body = new BlockBody(this.#pool, head.sizeBytes, blockBytes, goOn)
    body.receive(rest)
    this.#answer = { head, body }
    resolve(this.#answer)
    if (body.whole) this.#finish(this.#answer)
    return body.whole || !body.isFull
  }

  #finish({ head }: Answer): void {
    this.#answer = undefined
    this.#socket?.setTimeout(0)
    if (head.keeps) this.#free(this)
    else this.#socket?.destroy()
  }

  #ended(): void {
    this.closed = true
    const error = toNetworkError(this.#failure, this.#target, true)
    // What is no HTTP at all is for the full client to name.
    if (this.#scratchBytes > 0 && this.#failure === undefined) this.#turn?.resolve(undefined)
    else this.#turn?.reject(error)
    this.#turn = undefined
    this.#answer?.body.fail(error)
    this.#free(this)
  }
}

const headOf = ({ url, headers }: BlockRequest): string => {
  if (/[^\u0021-\u00ff]/.test(url)) throw new TypeError('A path holds characters that none may')
  for (const [name, value] of Object.entries(headers)) {
    http.validateHeaderName(name)
    http.validateHeaderValue(name, value)
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${url} HTTP/1.1\r\n${lines.join('')}\r\n`
}

async function* watched(
  blocks: AsyncIterable<Uint8Array>,
  leave: () => void,
  { signal }: BlockRequest,
): AsyncGenerator<Uint8Array> {
  try {
    yield* blocks
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  } finally {
    leave()
  }
}

const collect = async (blocks: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const block of blocks) {
    sizeBytes += block.length
    if (sizeBytes > limit)
      throw new NetworkError('protocol', 'The answer is larger than it may be.')
    parts.push(block.slice())
  }
  return new Uint8Array(Buffer.concat(parts, sizeBytes))
}

const toResponse = ({ head, body }: Answer, line: Line, request: BlockRequest) => {
  const { signal } = request
  // Once the body is whole, the line may be another's.
  const giveUp = () => {
    if (!body.whole) line.fail(signal?.reason)
  }
  signal?.addEventListener('abort', giveUp, { once: true })
  const leave = () => {
    signal?.removeEventListener('abort', giveUp)
    giveUp()
  }
  const blocks = () => watched(body.blocks(), leave, request)
  const response: TransportResponse = {
    status: head.status,
    headers: head.headers,
    body: { [Symbol.asyncIterator]: blocks },
    bytes: (limitBytes) => collect(blocks(), limitBytes),
    discard: leave,
  }
  return response
}

/**
 * Connections for large downloads. node:http puts every body into new memory, 64 KiB at a time, which with its collection
 * costs more than opening the bytes does; here the system writes them where they are opened.
 * Anything but a plain answer is left to node:http.
 */
export class BlockLines {
  readonly #target: Target
  readonly #silenceMs: number
  readonly #pool = new BlockPool()
  readonly #lines = new Set<Line>()
  readonly #idle: Line[] = []

  constructor(target: Target, silenceMs: number) {
    this.#target = target
    this.#silenceMs = silenceMs
  }

  /**
   * The answer, or undefined where another client should ask. Throws `NetworkError`, and the reason of `signal`.
   */
  async request(request: BlockRequest): Promise<TransportResponse | undefined> {
    const head = headOf(request)
    for (;;) {
      request.signal?.throwIfAborted()
      const kept = this.#idle.pop()
      if (!kept && this.#lines.size >= linesAtOnce) return undefined
      const line = kept ?? (await this.#open(request.signal))
      try {
        return await this.#ask(line, head, request)
      } catch (error) {
        // The server may have closed a kept connection just when it was used again.
        const stale = kept && error instanceof NetworkError && error.kind === 'dropped'
        if (!stale || request.signal?.aborted) throw error
      }
    }
  }

  close(): void {
    for (const line of this.#lines) line.fail(undefined)
  }

  async #open(signal: AbortSignal | undefined): Promise<Line> {
    const line = new Line(this.#target, this.#pool, this.#silenceMs, (free) => this.#freed(free))
    this.#lines.add(line)
    const stop = () => line.fail(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      await line.open()
      return line
    } catch (error) {
      this.#lines.delete(line)
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async #ask(line: Line, head: string, request: BlockRequest) {
    const { signal } = request
    const stop = () => line.fail(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const answer = await line.ask(head, request.blockBytes)
      return answer && toResponse(answer, line, request)
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  #freed(line: Line): void {
    const at = this.#idle.indexOf(line)
    if (line.closed) {
      this.#lines.delete(line)
      if (at !== -1) this.#idle.splice(at, 1)
    } else if (at === -1) this.#idle.push(line)
  }
}
