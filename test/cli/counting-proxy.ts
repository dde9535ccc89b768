/** A TCP proxy that counts what goes through, and holds or cuts it when a test says so. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

type Limit = { readonly bytes: number; readonly reached: () => void; readonly cut: boolean }

export class CountingProxy {
  /** Bytes towards the server and back. */
  up = 0
  down = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #held = new Set<Socket>()
  #target = 0
  #upLimit: Limit | undefined
  #downLimit: Limit | undefined

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (client) => this.#join(client))
  }

  static async start(): Promise<CountingProxy> {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return new CountingProxy(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  set target(port: number) {
    this.#target = port
  }

  /** Begins to count anew. */
  reset(): void {
    this.up = 0
    this.down = 0
  }

  /** Resolves when so many bytes went up (or down) and nothing goes on until `release`, or all connections were cut. */
  after(way: 'up' | 'down', bytes: number, cut = false): Promise<void> {
    this.reset()
    return new Promise((reached) => {
      const limit = { bytes, reached, cut }
      if (way === 'up') this.#upLimit = limit
      else this.#downLimit = limit
    })
  }

  release(): void {
    for (const socket of this.#held) socket.resume()
    this.#held.clear()
  }

  stop(): void {
    this.#server.close()
    this.#cutAll()
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1')
    this.#pass(client, server, (bytes) => {
      this.up += bytes
      if (this.#upLimit && this.up >= this.#upLimit.bytes) {
        const limit = this.#upLimit
        this.#upLimit = undefined
        this.#reach(limit, client)
      }
    })
    this.#pass(server, client, (bytes) => {
      this.down += bytes
      if (this.#downLimit && this.down >= this.#downLimit.bytes) {
        const limit = this.#downLimit
        this.#downLimit = undefined
        this.#reach(limit, server)
      }
    })
  }

  #reach(limit: Limit, from: Socket): void {
    if (limit.cut) this.#cutAll()
    else {
      from.pause()
      this.#held.add(from)
    }
    limit.reached()
  }

  #pass(from: Socket, to: Socket, count: (bytes: number) => void): void {
    this.#sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      if (!to.write(chunk)) {
        from.pause()
        to.once('drain', () => {
          if (!this.#held.has(from)) from.resume()
        })
      }
      count(chunk.length)
    })
    from.on('end', () => to.end())
    from.on('error', () => undefined)
    from.on('close', () => {
      this.#sockets.delete(from)
      this.#held.delete(from)
      to.destroy()
    })
  }
}
