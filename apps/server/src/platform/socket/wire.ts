import type { Writable } from 'node:stream'
import type { ServerFrame } from '@hearthold/contract'

/** What is used of a `ws` socket. */
export type RawSocket = {
  /** 1 while it is open, by the standard. */
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: string | Uint8Array, options: { binary: boolean }, done: (error?: Error) => void): void
  close(code: number): void
  terminate(): void
  ping(): void
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void
  on(event: 'close' | 'pong', listener: () => void): void
}

/** Close codes of RFC 6455, section 7.4.1. */
export const closeCodes = { goingAway: 1001, policy: 1008 } as const

/** One end of a socket: frames out, in order. After `end` nothing is sent. */
export type Wire = {
  readonly bufferedBytes: () => number
  sendFrame(frame: ServerFrame): void
  sendHeads(heads: Uint8Array): void
  /** Sends what `binaryFrame` made, which may be on its way to other sockets too. */
  sendReady(frame: Uint8Array): void
  /** Answers when the bytes have left for the network, or the socket is gone. */
  sendPage(page: Uint8Array): Promise<void>
  /** Sends a last frame and closes; a peer that does not close in turn is cut. */
  end(frame?: ServerFrame): void
  readonly ended: () => boolean
}

const closeLimitMs = 2_000
const openState = 1

/**
 * A whole binary message as it travels (RFC 6455, section 5.2), built once for all sockets: a server's frames are not
 * masked, and ours are not compressed.
 */
export const binaryFrame = (payload: Uint8Array): Uint8Array => {
  const { length } = payload
  const headBytes = length < 126 ? 2 : length < 0x1_0000 ? 4 : 10
  const frame = Buffer.allocUnsafeSlow(headBytes + length)
  frame[0] = 0x82
  if (headBytes === 2) frame[1] = length
  else if (headBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.set(payload, headBytes)
  return frame
}

/**
 * @param socket sends by itself what is for one client alone; without compression it writes at once, so that its
 *   frames and ours keep their order
 * @param stream what the socket writes to
 */
export const wireOf = (socket: RawSocket, stream: Pick<Writable, 'write'>): Wire => {
  let ended = false
  const ignore = (): void => undefined
  const sendFrame = (frame: ServerFrame): void => {
    if (!ended) socket.send(JSON.stringify(frame), { binary: false }, ignore)
  }
  return {
    bufferedBytes: () => socket.bufferedAmount,
    sendFrame,
    sendHeads: (heads) => {
      if (!ended) socket.send(heads, { binary: true }, ignore)
    },
    sendReady: (frame) => {
      // After a goodbye of either side nothing may follow.
      if (!ended && socket.readyState === openState) stream.write(frame)
    },
    sendPage: (page) =>
      new Promise((resolve) => {
        if (ended) resolve()
        else socket.send(page, { binary: true }, () => resolve())
      }),
    end: (frame) => {
      if (ended) return
      if (frame) sendFrame(frame)
      ended = true
      socket.close(frame ? closeCodes.policy : closeCodes.goingAway)
      setTimeout(() => socket.terminate(), closeLimitMs).unref()
    },
    ended: () => ended,
  }
}
