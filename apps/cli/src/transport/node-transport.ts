import http from 'node:http'
import type { Duplex } from 'node:stream'
import {
  NetworkError,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '@hearthold/client'
import { BlockLines } from './block-lines.ts'
import { dial, type Target, type Trust } from './dial.ts'
import { toNetworkError } from './network-failure.ts'
import { releaseBuffer } from './release-buffer.ts'
import { sendBody } from './send-body.ts'

export type NodeTransportOptions = {
  /** Scheme, host and port: `https://name:8765`. */
  readonly origin: string
  readonly trust?: Trust
  readonly userAgent?: string
  /** Connections at once; further requests wait. */
  readonly connections?: number
  readonly connectTimeoutMs?: number
  /** The longest silence of the server while it is its turn. */
  readonly silenceMs?: number
}

export type NodeTransport = Transport & {
  /** Closes the kept connections; the process could not end before they time out. */
  close(): void
}

/** One kind of agent for plain and secure connections, because both are handed over only when they are ready and checked. */
class DialingAgent extends http.Agent {
  private readonly target: Target

  constructor(target: Target, connections: number) {
    super({ keepAlive: true, maxSockets: connections, scheduling: 'lifo' })
    this.target = target
  }

  override createConnection(
    _: object,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    void this.dial(done)
  }

  private async dial(done?: (error: Error | null, socket: Duplex) => void): Promise<void> {
    let socket: Duplex
    try {
      socket = await dial(this.target)
    } catch (error) {
      // The socket is missing exactly when there is an error, which the types do not say.
      ;(done as ((error: unknown) => void) | undefined)?.(error)
      return
    }
    done?.(null, socket)
  }
}

const targetOf = (options: NodeTransportOptions): Target => {
  const url = new URL(options.origin)
  const secure = url.protocol === 'https:'
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 443 : 80),
    trust: options.trust ?? { kind: 'system' },
    timeoutMs: options.connectTimeoutMs ?? 15_000,
  }
}

const headersOf = (
  request: TransportRequest,
  host: string,
  userAgent: string | undefined,
): Record<string, string> => {
  const { body, bodyLength } = request
  const length = bodyLength ?? (body instanceof Uint8Array ? body.length : undefined)
  if (body !== undefined && length === undefined)
    throw new TypeError('A streaming body needs its length')
  const sends = ['POST', 'PUT', 'PATCH'].includes(request.method)
  return {
    ...request.headers,
    host,
    'accept-encoding': 'identity',
    ...(userAgent === undefined ? {} : { 'user-agent': userAgent }),
    ...(length !== undefined || sends ? { 'content-length': String(length ?? 0) } : {}),
  }
}

type Running = {
  readonly request: http.ClientRequest
  readonly target: Target
  readonly signal: AbortSignal | undefined
}

const failureOf = (error: unknown, { target, signal }: Running): unknown =>
  signal?.aborted ? signal.reason : toNetworkError(error, target, true)

/** Not a Buffer, whose `slice` shares memory where that of other arrays copies. */
const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length)

async function* chunksOf(
  response: http.IncomingMessage,
  running: Running,
  done?: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let last: Uint8Array | undefined
  try {
    for await (const buffer of response) {
      const chunk = plain(buffer as Buffer)
      yield chunk
      // Readers ask one chunk ahead: the last one may still be in use, the one before no longer is.
      if (last) done?.(last)
      last = chunk
    }
    // A close without an error still leaves the body short.
    if (!response.complete) throw failureOf(undefined, running)
  } catch (error) {
    throw failureOf(error, running)
  }
}

const collect = async (
  response: http.IncomingMessage,
  running: Running,
  limitBytes: number,
): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of chunksOf(response, running)) {
    sizeBytes += part.length
    if (sizeBytes > limitBytes) {
      throw new NetworkError(
        'protocol',
        `The answer of ${running.target.host} is larger than it may be.`,
      )
    }
    parts.push(part)
  }
  return parts.length === 1 && parts[0] ? parts[0] : plain(Buffer.concat(parts, sizeBytes))
}

const headersFrom = (response: http.IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

const toResponse = (response: http.IncomingMessage, running: Running): TransportResponse => ({
  status: response.statusCode ?? 0,
  headers: headersFrom(response),
  body: { [Symbol.asyncIterator]: () => chunksOf(response, running, releaseBuffer) },
  bytes: (limitBytes) => collect(response, running, limitBytes),
  discard: () => {
    if (!response.readableEnded) response.destroy()
  },
})

/** Ends the request after a silence of the server; our own slowness (a source, a full disk behind the reader) does not count. */
const watchSilence = (
  request: http.ClientRequest,
  target: Target,
  silenceMs: number,
  isOurTurn: () => boolean,
): void => {
  request.setTimeout(silenceMs)
  request.on('timeout', () => {
    if (isOurTurn()) request.socket?.setTimeout(silenceMs)
    else request.destroy(new NetworkError('timeout', `${target.host} did not answer in time.`))
  })
}

const run = (
  given: TransportRequest,
  target: Target,
  options: http.RequestOptions,
  silenceMs: number,
): Promise<TransportResponse> =>
  new Promise((resolve, reject) => {
    const { signal } = given
    if (signal?.aborted) return reject(signal.reason)
    const request = http.request(options)
    const running = { request, target, signal }
    const stop = () => request.destroy()
    const body = sendBody(request, given)
    let response: http.IncomingMessage | undefined
    signal?.addEventListener('abort', stop, { once: true })
    request.once('close', () => signal?.removeEventListener('abort', stop))
    watchSilence(
      request,
      target,
      silenceMs,
      () => body.waitsForSource() || (response?.readableLength ?? 0) > 0,
    )
    request.once('response', (answer) => {
      response = answer
      // An answer before the body has gone out is a refusal; sending on would only fill the line.
      const whole = body.stop()
      if (!whole) answer.once('close', stop)
      resolve(toResponse(answer, running))
    })
    request.on('error', (error) => reject(body.failure() ?? failureOf(error, running)))
    // Only where the connection ended with neither answer nor error; otherwise the promise is settled already.
    request.once('close', () => reject(body.failure() ?? failureOf(undefined, running)))
  })

/**
 * A transport over node:http with kept connections: streams bodies both ways at the pace of the slower side and copies nothing.
 * `origin` must be https, or http to this machine (the caller checks); trust is by the system's authorities, a CA file's, or a pin.
 */
export const nodeTransport = (options: NodeTransportOptions): NodeTransport => {
  const target = targetOf(options)
  const agent = new DialingAgent(target, options.connections ?? 8)
  const { host } = new URL(options.origin)
  const silenceMs = options.silenceMs ?? 120_000
  const lines = new BlockLines(target, silenceMs)
  return {
    streamsBodies: true,
    request: async (request) => {
      const headers = headersOf(request, host, options.userAgent)
      const { method, url, signal, blockBytes, body } = request
      if (blockBytes !== undefined && method === 'GET' && body === undefined) {
        const answer = await lines.request({ url, headers, signal, blockBytes })
        if (answer) return answer
      }
      const { port } = target
      return run(
        request,
        target,
        { agent, host: target.host, port, method, path: url, headers },
        silenceMs,
      )
    },
    close: () => {
      agent.destroy()
      lines.close()
    },
  }
}
