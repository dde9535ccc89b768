import {
  isProblemCode,
  socketOpenLimit,
  type ClientFrame,
  type ProblemCode,
  type ServerFrame,
  type SocketHead,
} from '@hearthold/contract'
import { backoffMs, realWaiting, type RetryPolicy, type Waiting } from './retry.ts'
import {
  connectSocket,
  type Connection,
  type ConnectionOptions,
  type Ending,
} from './socket-connection.ts'

export type { SocketConstructor, SocketLike } from './socket-connection.ts'

/** Where a log stands, as the server says: a reason to read the log, never a proof. */
export type Head = SocketHead

/** `connecting` also while it waits to try again; `closed` is final. */
export type SocketState = 'connecting' | 'connected' | 'closed'

export type SocketEvents = {
  /** Newest heads of the logs that changed. */
  readonly onHeads?: (heads: readonly Head[]) => void
  /** An encoded page of entries (docs/formats/logs.md); once verified, say how far by `advance`. */
  readonly onPage?: (page: Uint8Array) => void
  /** The server dropped a log of this slow socket: read it by pages, then `open` it again. */
  readonly onLagged?: (log: string) => void
  /** A problem of one log (which is then closed), or of the whole socket. */
  readonly onProblem?: (code: ProblemCode, log: string | undefined) => void
  /** True when signed in again and the socket shall connect once more; without it the socket closes for good. */
  readonly onUnauthenticated?: () => Promise<boolean>
  readonly onState?: (state: SocketState) => void
}

export type SocketOptions = ConnectionOptions &
  SocketEvents & {
    /** `attempts` counts failures in a row; without it the socket tries for ever. */
    readonly retry?: Partial<RetryPolicy>
    readonly waiting?: Waiting
  }

export type Socket = {
  /** Asks for the entries of a log after number `after`, and for each new commit. Throws `RangeError` beyond the contract's limit of open logs. */
  open(log: string, after: number): void
  /** Notes that entries up to `after` are safely here: after a drop the log is asked for from there. */
  advance(log: string, after: number): void
  closeLog(log: string): void
  /** Asks for heads of all readable logs from now on. */
  follow(): void
  /** Ends the socket for good. */
  close(): void
}

const socketRetry: RetryPolicy = {
  attempts: Infinity,
  firstWaitMs: 500,
  longestWaitMs: 30_000,
  retryAfterLimitMs: 0,
}

type Wanted = { readonly logs: Map<string, number>; follows: boolean }

const handleFrame = (frame: ServerFrame, wanted: Wanted, events: SocketEvents): void => {
  if (frame.frame === 'lagged') {
    wanted.logs.delete(frame.log)
    events.onLagged?.(frame.log)
  }
  if (frame.frame === 'problem') {
    if (frame.log !== undefined) wanted.logs.delete(frame.log)
    events.onProblem?.(isProblemCode(frame.code) ? frame.code : 'internal', frame.log)
  }
}

/** Keeps a connection up until `close`, and asks for all that is wanted whenever a new one stands. */
const keepConnected = (options: SocketOptions, wanted: Wanted) => {
  const waiting = options.waiting ?? realWaiting
  const policy = { ...socketRetry, ...options.retry }
  const closing = new AbortController()
  let connection: Connection | undefined
  let connected = false
  let failures = 0

  const send = (frame: ClientFrame) => {
    if (connected) connection?.send(frame)
  }
  const close = () => {
    if (closing.signal.aborted) return
    closing.abort()
    connected = false
    connection?.finish()
    options.onState?.('closed')
  }
  const again = async (ending: Ending): Promise<void> => {
    connected = false
    options.onState?.('connecting')
    failures++
    try {
      const welcome = ending === 'dropped' || ((await options.onUnauthenticated?.()) ?? false)
      if (!welcome) options.onProblem?.('unauthenticated', undefined)
      if (!welcome || failures >= policy.attempts) return close()
      await waiting.sleep(backoffMs(policy, failures, waiting.random), closing.signal)
      start()
    } catch {
      // Either `close` was called during the wait, or signing in again failed: both end it.
      close()
    }
  }
  const onWelcome = () => {
    connected = true
    failures = 0
    options.onState?.('connected')
    if (wanted.follows) send({ frame: 'follow' })
    for (const [log, after] of wanted.logs) send({ frame: 'open', log, after })
  }
  const start = () => {
    connection = connectSocket(options, {
      onWelcome,
      onFrame: (frame) => handleFrame(frame, wanted, options),
      onHeads: (heads) => options.onHeads?.(heads),
      onPage: (page) => options.onPage?.(page),
      onEnd: (ending) => void again(ending),
    })
  }
  options.onState?.('connecting')
  start()
  return { send, close }
}

/** Opens the socket and keeps it: after each drop it connects again, says hello, and asks for the same logs from where they stood. */
export const openSocket = (options: SocketOptions): Socket => {
  const wanted: Wanted = { logs: new Map(), follows: false }
  const { send, close } = keepConnected(options, wanted)
  return {
    open: (log, after) => {
      if (!wanted.logs.has(log) && wanted.logs.size >= socketOpenLimit)
        throw new RangeError('Too many logs are open')
      wanted.logs.set(log, after)
      send({ frame: 'open', log, after })
    },
    advance: (log, after) => {
      const before = wanted.logs.get(log)
      if (before !== undefined && after > before) wanted.logs.set(log, after)
    },
    closeLog: (log) => {
      if (wanted.logs.delete(log)) send({ frame: 'close', log })
    },
    follow: () => {
      wanted.follows = true
      send({ frame: 'follow' })
    },
    close,
  }
}
