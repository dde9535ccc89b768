/** The same cheap client for every server: requests made beforehand, answers read by their length alone. */
import { connect, type Socket } from 'node:net'

const headEnd = Buffer.from('\r\n\r\n')

/** A request as bytes, and what must come back. */
export type Prepared = { readonly bytes: readonly Buffer[]; readonly status: readonly number[] }

export const prepare = (
  address: string,
  method: string,
  path: string,
  body: Buffer | undefined,
  status: readonly number[] = [200],
  headers = '',
): Prepared => {
  const { host, pathname, username, password } = new URL(address)
  const user = Buffer.from(`${username}:${password}`).toString('base64')
  const head = [
    `${method} ${pathname}${path} HTTP/1.1\r\nHost: ${host}\r\n`,
    username === '' ? '' : `Authorization: Basic ${user}\r\n`,
    ...(body ? [`Content-Length: ${body.length}\r\n`] : []),
    `${headers}\r\n`,
  ]
  return { bytes: [Buffer.from(head.join('')), ...(body ? [body] : [])], status }
}

/** One kept connection; one request at a time. */
export class RawConnection {
  readonly #socket: Socket
  #head: Buffer = Buffer.alloc(0)
  #left = -1
  #status = 0
  #done: ((bytes: number) => void) | undefined
  #fail: ((error: Error) => void) | undefined
  #length = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail?.(error))
    socket.on('close', () => this.#fail?.(new Error('the connection was closed')))
  }

  static open(address: string): Promise<RawConnection> {
    const { hostname, port } = new URL(address)
    return new Promise((done, fail) => {
      const socket = connect({
        host: hostname === 'localhost' ? '127.0.0.1' : hostname,
        port: Number(port),
      })
      socket.once('error', fail)
      socket.once('connect', () => done(new RawConnection(socket)))
    })
  }

  /** Bytes of the answer's body. @throws Error where the status is another */
  async ask({ bytes, status }: Prepared): Promise<number> {
    const answered = new Promise<number>((done, fail) => {
      this.#done = done
      this.#fail = fail
    })
    this.#socket.cork()
    for (const part of bytes) this.#socket.write(part)
    this.#socket.uncork()
    const length = await answered
    if (!status.includes(this.#status)) throw new Error(`answered ${this.#status}`)
    return length
  }

  #take(chunk: Buffer): void {
    if (this.#left < 0) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
      const end = this.#head.indexOf(headEnd)
      if (end < 0) return
      const head = this.#head.subarray(0, end).toString('latin1')
      const rest = this.#head.length - end - headEnd.length
      this.#status = Number(head.slice(9, 12))
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      if (length === undefined) return this.#fail?.(new Error('an answer did not tell its length'))
      this.#head = Buffer.alloc(0)
      this.#length = Number(length)
      this.#left = this.#length - rest
    } else this.#left -= chunk.length
    if (this.#left > 0) return
    this.#left = -1
    this.#done?.(this.#length)
  }

  end(): void {
    this.#fail = undefined
    this.#socket.destroy()
  }
}

/** Seconds that all requests take over so many connections. @throws Error where one is answered otherwise */
export const askAll = async (
  address: string,
  requests: readonly Prepared[],
  connections: number,
): Promise<number> => {
  const open = await Promise.all(
    Array.from({ length: connections }, () => RawConnection.open(address)),
  )
  let next = 0
  const started = performance.now()
  try {
    await Promise.all(
      open.map(async (connection) => {
        for (let at = next++; at < requests.length; at = next++) await connection.ask(requests[at]!)
      }),
    )
    return (performance.now() - started) / 1000
  } finally {
    for (const connection of open) connection.end()
  }
}
