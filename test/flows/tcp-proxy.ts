/** A line between clients and a server on this machine: it writes down what is asked, and breaks where it is told to. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Bytes after which the line breaks once, counted over all connections from now on. */
export type Cut = { readonly toServer?: number; readonly toClient?: number }

export type TcpProxy = {
  readonly port: number
  readonly origin: string
  /** Method, target and version of every request that passed, in order. */
  readonly requestLines: string[]
  /** How many times the line broke. */
  readonly cuts: number
  /** Breaks once at the next of these places; undefined: no more. */
  plan(cut: Cut | undefined): void
  stop(): Promise<void>
}

const requestHead = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+ HTTP\/1\.1/

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(port, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })

/** The Host header names the server itself, as a reverse proxy on another port would see to it. */
const withHost = (head: Buffer, from: number, to: number): Buffer => {
  const mark = `localhost:${from}`
  const at = head.subarray(0, 4096).indexOf(mark)
  if (at < 0) return head
  return Buffer.concat([
    head.subarray(0, at),
    Buffer.from(`localhost:${to}`),
    head.subarray(at + mark.length),
  ])
}

/** Starts a line to `target` (a port on loopback; it may begin to listen later). */
export const startTcpProxy = async (target: () => number): Promise<TcpProxy> => {
  const requestLines: string[] = []
  const sockets = new Set<Socket>()
  let cuts = 0
  let left: { toServer: number; toClient: number } | undefined
  let port = 0

  const pass = (way: 'toServer' | 'toClient', chunk: Buffer, from: Socket, to: Socket): void => {
    if (left === undefined || chunk.length < left[way]) {
      if (left) left[way] -= chunk.length
      if (!to.write(chunk)) {
        from.pause()
        to.once('drain', () => from.resume())
      }
      return
    }
    const before = chunk.subarray(0, left[way])
    left = undefined
    cuts++
    to.write(before, () => {
      from.destroy()
      to.destroy()
    })
  }

  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target() })
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.once('close', () => {
        sockets.delete(one)
        other.end()
      })
    }
    client.on('data', (chunk: Buffer) => {
      const line = requestHead.exec(chunk.subarray(0, 4096).toString('latin1'))?.[0]
      if (line !== undefined) requestLines.push(line)
      pass(
        'toServer',
        line === undefined ? chunk : withHost(chunk, port, target()),
        client,
        upstream,
      )
    })
    upstream.on('data', (chunk: Buffer) => pass('toClient', chunk, upstream, client))
  })
  port = await listen(server, 0)

  return {
    port,
    origin: `http://localhost:${port}`,
    requestLines,
    get cuts() {
      return cuts
    },
    plan: (cut) => {
      left = cut && { toServer: cut.toServer ?? Infinity, toClient: cut.toClient ?? Infinity }
    },
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((done) => server.close(() => done()))
    },
  }
}
