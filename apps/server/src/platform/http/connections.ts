/** What every HTTP server of ours has in common, also `hearthold rest-server`, which loads no feature and no contract. */
import type { RequestListener, ServerOptions } from 'node:http'
import { lstatSync } from 'node:fs'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** Milliseconds. */
export type Timeouts = {
  /** For the whole of the headers: a client that sends a byte a second holds a socket no longer than this. */
  readonly headersMs: number
  /** Without a byte in either direction: a stalled upload or a reader that went to sleep. */
  readonly idleMs: number
  /** Between two requests; above the 60 s that proxies keep theirs, so that we never close under a request of theirs. */
  readonly keepAliveMs: number
  /** How often the two above are looked at. */
  readonly checkEveryMs: number
  /** For requests under way when the server stops. */
  readonly shutdownMs: number
  /** For the rest of a body that nobody reads, once its answer is sent. */
  readonly lingerMs: number
}

export const standardTimeouts: Timeouts = {
  headersMs: 10_000,
  idleMs: 120_000,
  keepAliveMs: 65_000,
  checkEveryMs: 5_000,
  shutdownMs: 10_000,
  lingerMs: 2_000,
}

/** What every server of ours is made with. */
export const serverOptions = (timeouts: Timeouts): ServerOptions => ({
  headersTimeout: timeouts.headersMs,
  // Bodies may take hours (an upload of a terabyte); the idle time and bodyTimeMs bound them instead.
  requestTimeout: 0,
  keepAliveTimeout: timeouts.keepAliveMs,
  connectionsCheckingInterval: timeouts.checkEveryMs,
  maxHeaderSize: 16 * 1024,
  noDelay: true,
})

/**
 * Answers the requests of one connection one after the other. Node hands over at once all that were sent without waiting for
 * answers; what an answer writes before its turn is never called back when the connection closes first, so that the answer
 * would keep its file and its memory for ever.
 */
export const inOrder =
  (listener: RequestListener): RequestListener =>
  (req, res) => {
    if (res.socket === null) res.once('socket', () => listener(req, res))
    else listener(req, res)
  }

/** What is not even HTTP gets a bare status line: there is no request to answer. */
export const answerClientError = (error: Error & { code?: string }, socket: Duplex): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const statuses: Readonly<Record<string, string>> = {
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  }
  const status = statuses[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** A socket file left by a server that was killed answers nobody; any other file is not ours to remove. */
export const isStale = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    if (!lstatSync(path).isSocket()) return resolve(false)
    const probe = connect(path)
    probe.once('connect', () => resolve((probe.destroy(), false)))
    probe.once('error', (error: Error & { code?: string }) =>
      resolve(error.code === 'ECONNREFUSED'),
    )
  })
