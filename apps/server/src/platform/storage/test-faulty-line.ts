import { type AddressInfo, createServer, type Server, type Socket, connect } from 'node:net'

/** A TCP line to a port of this machine that can be cut, by the byte. */
export class FaultyLine {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Bytes left before the line is cut; undefined while it is whole. */
  #left: { direction: 'up' | 'down'; bytes: number } | undefined
  /** Bytes passed so far. */
  readonly passed = { up: 0, down: 0 }

  private constructor(server: Server) {
    this.#server = server
  }

  static async to(port: number): Promise<FaultyLine> {
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      line.#join(near, far, 'up')
      line.#join(far, near, 'down')
    })
    const line = new FaultyLine(server)
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Cuts everything once so many more bytes have passed; new connections are whole again. */
  cutAfter(direction: 'up' | 'down', bytes: number): void {
    this.#left = { direction, bytes }
  }

  heal(): void {
    this.#left = undefined
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(from: Socket, to: Socket, direction: 'up' | 'down'): void {
    this.#sockets.add(from)
    from.on('error', () => undefined)
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.on('end', () => to.end())
    to.on('drain', () => from.resume())
    from.on('data', (chunk: Buffer) => {
      const left = this.#left
      if (left?.direction === direction && chunk.length >= left.bytes) {
        to.write(chunk.subarray(0, left.bytes))
        this.passed[direction] += left.bytes
        this.#left = undefined
        for (const socket of this.#sockets) socket.destroy()
        return
      }
      if (left?.direction === direction) left.bytes -= chunk.length
      this.passed[direction] += chunk.length
      if (!to.write(chunk)) from.pause()
    })
  }
}
