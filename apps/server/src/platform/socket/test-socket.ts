import {
  type ClientFrame,
  decodeHeads,
  isHeadsFrame,
  type ServerFrame,
  type SocketHead,
  socketPath,
} from '@hearthold/contract'
import { decodePage, type LogPage } from '@hearthold/crypto'

type Waiter = {
  readonly fits: (message: Message) => boolean
  readonly resolve: (message: Message) => void
}
export type Message = {
  readonly frame?: ServerFrame
  readonly heads?: readonly SocketHead[]
  readonly page?: LogPage
  readonly closed?: number
}

const messageOf = (data: unknown): Message => {
  if (typeof data === 'string') return { frame: JSON.parse(data) as ServerFrame }
  const bytes = new Uint8Array(data as ArrayBuffer)
  return isHeadsFrame(bytes) ? { heads: decodeHeads(bytes) } : { page: decodePage(bytes) }
}

/** Node's own WebSocket takes headers, which a browser's does not: tests play the browser with them. */
type WithHeaders = new (url: string, options: { headers: Record<string, string> }) => WebSocket

/** For tests only: a client of the socket that remembers all it was sent, in order. */
export class TestSocket {
  readonly messages: Message[] = []
  readonly socket: WebSocket
  #seen = 0
  readonly #waiters: Waiter[] = []

  constructor(port: number, headers: Record<string, string> = {}) {
    const NodeWebSocket = WebSocket as unknown as WithHeaders
    this.socket = new NodeWebSocket(`ws://127.0.0.1:${port}${socketPath}`, { headers })
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }: { data: unknown }) =>
      this.#hear(messageOf(data)),
    )
    this.socket.addEventListener('close', ({ code }) => this.#hear({ closed: code }))
    this.socket.addEventListener('error', () => this.#hear({ closed: 0 }))
  }

  static async open(port: number, headers: Record<string, string> = {}): Promise<TestSocket> {
    const client = new TestSocket(port, headers)
    await new Promise((resolve) => client.socket.addEventListener('open', resolve))
    return client
  }

  /** Opens, says hello, and waits for welcome. */
  static async signedIn(port: number, token: string): Promise<TestSocket> {
    const client = await TestSocket.open(port)
    client.send({ frame: 'hello', token })
    await client.next(({ frame }) => frame?.frame === 'welcome')
    return client
  }

  send(frame: ClientFrame): void {
    this.socket.send(JSON.stringify(frame))
  }

  #hear(message: Message): void {
    this.messages.push(message)
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.fits(message)) {
        this.#seen = this.messages.length
        waiter.resolve(message)
      } else this.#waiters.push(waiter)
    }
  }

  /** The next message that fits, after the one that the last call answered. */
  next(fits: (message: Message) => boolean = () => true): Promise<Message> {
    const at = this.messages.findIndex((message, index) => index >= this.#seen && fits(message))
    if (at >= 0) {
      this.#seen = at + 1
      return Promise.resolve(this.messages[at]!)
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came in time')), 5000)
      this.#waiters.push({
        fits,
        resolve: (message) => {
          clearTimeout(timer)
          resolve(message)
        },
      })
    })
  }

  nextFrame<F extends ServerFrame['frame']>(name: F): Promise<Extract<ServerFrame, { frame: F }>> {
    return this.next(({ frame }) => frame?.frame === name).then(
      ({ frame }) => frame as Extract<ServerFrame, { frame: F }>,
    )
  }

  nextHeads(): Promise<readonly SocketHead[]> {
    return this.next(({ heads }) => heads !== undefined).then(({ heads }) => heads!)
  }

  nextPage(): Promise<LogPage> {
    return this.next(({ page }) => page !== undefined).then(({ page }) => page!)
  }

  closed(): Promise<number> {
    return this.next(({ closed }) => closed !== undefined).then(({ closed }) => closed!)
  }

  /** Numbers of all entries that came for a log, in the order in which they came. */
  seqsOf(log: string): number[] {
    return this.messages.flatMap(({ page }) =>
      page && Buffer.from(page.log).toString('hex') === log
        ? page.entries.map(({ seq }) => seq)
        : [],
    )
  }
}
