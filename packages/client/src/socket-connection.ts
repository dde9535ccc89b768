import {
  decodeHeads,
  isHeadsFrame,
  ServerFrame,
  socketPath,
  type ClientFrame,
  type SocketHead,
} from '@hearthold/contract'
import { readAnswer } from './answer-schema.ts'

/** The part of a WebSocket that is used here; the browser's and Node's own both fit. */
export type SocketLike = {
  binaryType: string
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: object) => void,
  ): void
  send(data: string): void
  close(): void
}
export type SocketConstructor = new (url: string) => SocketLike

export type ConnectionOptions = {
  /** `ws://` or `wss://`, host and port, and a path before the socket's own where the server has one. */
  readonly origin: string
  /** The bearer token for the first frame; undefined where a cookie signs in. Never part of the address. */
  readonly token?: () => string | undefined
  readonly WebSocket: SocketConstructor
  /** A ping is sent after this much silence, and the connection given up after twice as much. */
  readonly silenceMs?: number
}

export type Ending = 'dropped' | 'unauthenticated'
export type ConnectionEvents = {
  readonly onWelcome: () => void
  readonly onFrame: (frame: ServerFrame) => void
  readonly onHeads: (heads: readonly SocketHead[]) => void
  readonly onPage: (page: Uint8Array) => void
  readonly onEnd: (ending: Ending) => void
}
/** `finish` closes without `onEnd`. */
export type Connection = {
  readonly send: (frame: ClientFrame) => void
  readonly finish: () => void
}

/** Control frames stay far below this. */
const textLimit = 64 * 1024

const parseFrame = (text: string): ServerFrame | undefined => {
  if (text.length > textLimit) return undefined
  try {
    return readAnswer(ServerFrame, JSON.parse(text)) as ServerFrame
  } catch {
    // A frame of a newer server: what this version needs does not depend on it.
    return undefined
  }
}

/** Frames that cannot be read are dropped as unknown ones are: heads only hint at what reading a log then proves. */
const readHeads = (frame: Uint8Array): readonly SocketHead[] | undefined => {
  try {
    return decodeHeads(frame)
  } catch {
    return undefined
  }
}

/** Calls `ping` after one silence and `lost` after two. */
const watchSilence = (silenceMs: number, ping: () => void, lost: () => void) => {
  let quiet = 0
  const timer = setInterval(() => {
    quiet++
    if (quiet >= 2) lost()
    else ping()
  }, silenceMs)
  return { heard: () => (quiet = 0), stop: () => clearInterval(timer) }
}

/** One connection from hello to its end; reports its end exactly once, and nothing after it. */
export const connectSocket = (options: ConnectionOptions, events: ConnectionEvents): Connection => {
  const socket = new options.WebSocket(options.origin + socketPath)
  socket.binaryType = 'arraybuffer'
  let open = false
  let ended = false
  const send = (frame: ClientFrame) => socket.send(JSON.stringify(frame))
  const finish = () => {
    ended = true
    silence.stop()
    socket.close()
  }
  const end = (ending: Ending) => {
    if (ended) return
    finish()
    events.onEnd(ending)
  }
  const hearBytes = (bytes: Uint8Array) => {
    if (!isHeadsFrame(bytes)) return events.onPage(bytes)
    const heads = readHeads(bytes)
    if (heads) events.onHeads(heads)
  }
  const hear = (data: unknown) => {
    if (ended) return
    silence.heard()
    if (data instanceof ArrayBuffer) return hearBytes(new Uint8Array(data))
    const frame = typeof data === 'string' ? parseFrame(data) : undefined
    if (!frame) return
    if (frame.frame === 'welcome') return events.onWelcome()
    if (frame.frame === 'problem' && frame.code === 'unauthenticated') return end('unauthenticated')
    events.onFrame(frame)
  }
  const silence = watchSilence(
    options.silenceMs ?? 25_000,
    () => open && send({ frame: 'ping' }),
    () => end('dropped'),
  )
  socket.addEventListener('open', () => {
    if (ended) return
    open = true
    const token = options.token?.()
    send({ frame: 'hello', ...(token === undefined ? {} : { token }) })
  })
  socket.addEventListener('message', (event) => hear((event as { data?: unknown }).data))
  socket.addEventListener('close', () => end('dropped'))
  socket.addEventListener('error', () => end('dropped'))
  return { send, finish }
}
