import type { ServerFrame } from '@hearthold/contract'

/** What is used of a `ws` socket. */
export type RawSocket = {
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
  /** Answers when the bytes have left for the network, or the socket is gone. */
  sendPage(page: Uint8Array): Promise<void>
  /** Sends a last frame and closes; a peer that does not close in turn is cut. */
  end(frame?: ServerFrame): void
  readonly ended: () => boolean
}

const closeLimitMs = 2_000

export const wireOf = (socket: RawSocket): Wire => {
  let ended = false
  const ignore = (): void => undefined
  const sendFrame = (frame: ServerFrame): void => {
    if (!ended) socket.send(JSON.stringify(frame), { binary: false }, ignore)
  }
  return {
    bufferedBytes: () => socket.bufferedAmount,
    sendFrame,
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
