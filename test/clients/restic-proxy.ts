/** A line between restic and a server: it knows what was acknowledged, and loses answers where a test wants it. */
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** An upload as it was answered: `data/<id>`, or `config`. */
export type Upload = { readonly object: string; readonly status: number }

/** The object that an address ends with; undefined for lists and folders. */
const objectOf = (path: string): string | undefined =>
  /\/((?:data|index|keys|locks|snapshots)\/[0-9a-f]{64}|config)$/.exec(
    path.split('?')[0] ?? '',
  )?.[1]

export class ResticProxy {
  /** Objects whose upload the server acknowledged; also when the answer was then lost. */
  readonly acknowledged = new Set<string>()
  /** Answers that were lost. */
  readonly lost: Upload[] = []
  /** All uploads that were answered, in their order. */
  readonly uploads: Upload[] = []
  /** Decides which answers to uploads are lost. */
  loses: (upload: Upload) => boolean = () => false
  readonly #server: Server
  readonly #target: { readonly port: number; readonly host: string }

  private constructor(target: { readonly port: number; readonly host: string }) {
    this.#target = target
    this.#server = createServer((asked, answer) => this.#pass(asked, answer))
  }

  /** @param target port on loopback, and the name that the server goes by */
  static async start(target: {
    readonly port: number
    readonly host: string
  }): Promise<ResticProxy> {
    const proxy = new ResticProxy(target)
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The same address, by way of this line. */
  address(address: string): string {
    const url = new URL(address.trim().replace(/^rest:/, ''))
    url.host = `127.0.0.1:${this.port}`
    return `rest:${url.href}`
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { connection: _own, ...headers } = asked.headers
    const { port, host } = this.#target
    const path = asked.url ?? '/'
    const lose = (): void => void asked.socket.destroy()
    const passed = request({
      ...{ host: '127.0.0.1', port, path, method: asked.method, agent: false },
      headers: { ...headers, host },
    })
    passed.on('error', lose)
    passed.on('response', (got) => {
      got.on('error', lose)
      const status = got.statusCode ?? 0
      const object = asked.method === 'POST' ? objectOf(path) : undefined
      if (object !== undefined && this.#note({ object, status })) {
        got.resume().on('end', lose)
        return
      }
      answer.writeHead(status, got.rawHeaders)
      got.pipe(answer)
    })
    asked.on('error', () => passed.destroy())
    asked.pipe(passed)
  }

  /** True where the answer is to be lost. */
  #note(upload: Upload): boolean {
    this.uploads.push(upload)
    if (upload.status === 200) this.acknowledged.add(upload.object)
    if (!this.loses(upload)) return false
    this.lost.push(upload)
    return true
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
