import { socketOpenLimit } from '@hearthold/contract'

/** A limit on everything a socket may hold or ask for. */
export type SocketLimits = {
  /** For the first frame, from the opening on. */
  readonly helloMs: number
  readonly openLogs: number
  readonly socketsPerAccount: number
  /** Bytes waiting for a slow reader before its open logs fall back to heads. */
  readonly bufferedBytes: number
  /** Bytes of one backlog page; one entry always fits. */
  readonly backlogPageBytes: number
  /** Between two frames of heads. */
  readonly headsEveryMs: number
  /** How often each socket is pinged, and its session looked at. */
  readonly checkEveryMs: number
  /** Without a sign of life, after which a socket is cut. */
  readonly silenceMs: number
  /** Frames that a client may send at once, and a second on the whole. */
  readonly frameBurst: number
  readonly framesPerSecond: number
}

export const standardSocketLimits: SocketLimits = {
  helloMs: 5_000,
  openLogs: socketOpenLimit,
  socketsPerAccount: 32,
  bufferedBytes: 4 * 1024 * 1024,
  backlogPageBytes: 1024 * 1024,
  headsEveryMs: 1_000,
  checkEveryMs: 30_000,
  silenceMs: 75_000,
  frameBurst: 600,
  framesPerSecond: 50,
}
