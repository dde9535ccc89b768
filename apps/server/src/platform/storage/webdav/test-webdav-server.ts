/** A small WebDAV server in memory that holds to RFC 4918 strictly, or is rude in ways that real ones are. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const testUser = { user: 'ada', password: 'a pass:word with ü' }

export type WebDavServerOptions = {
  /** Prefix of DAV's names in XML. */
  readonly prefix?: 'D:' | 'lp1:' | ''
  /** Replaces whatever `Overwrite` says. */
  readonly ignoresOverwrite?: boolean
  /** Answers whole files to ranges. */
  readonly ignoresRanges?: boolean
  /** Tells no length in the answer to HEAD. */
  readonly hidesLength?: boolean
  /** Keeps what came of a body that was cut off. */
  readonly keepsPartial?: boolean
}

type File = { bytes: Buffer; storedAt: number }

class Refusal extends Error {
  readonly status: number

  constructor(status: number) {
    super(String(status))
    this.status = status
  }
}

const parentOf = (path: string): string =>
  path.slice(0, path.replace(/\/$/, '').lastIndexOf('/') + 1)

export class TestWebDavServer {
  readonly files = new Map<string, File>()
  /** Paths with a slash at their end. */
  readonly collections = new Set(['/dav/'])
  readonly requests: { method: string; path: string; host: string | undefined }[] = []
  /** Answered to every PROPFIND, where set. */
  propfindAnswer: string | undefined
  readonly #options: WebDavServerOptions
  readonly #server: Server
  #faults: { status: number; headers: Record<string, string> }[] = []

  private constructor(options: WebDavServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(options: WebDavServerOptions = {}): Promise<TestWebDavServer> {
    const server = new TestWebDavServer(options)
    await new Promise<void>((resolve) => void server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  failNext(count: number, status: number, headers: Record<string, string> = {}): void {
    this.#faults = Array.from({ length: count }, () => ({ status, headers }))
  }

  /** Makes a file with all collections above it. */
  plant(path: string, bytes: Buffer, storedAt = Date.now()): void {
    for (let above = parentOf(path); above.length > 1; above = parentOf(above))
      this.collections.add(above)
    this.files.set(path, { bytes, storedAt })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined)
    try {
      const fault = this.#faults.shift()
      if (fault !== undefined) {
        for (const [name, value] of Object.entries(fault.headers)) response.setHeader(name, value)
        throw new Refusal(fault.status)
      }
      const { user, password } = testUser
      const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
      if (request.headers.authorization !== expected) throw new Refusal(401)
      await this.#route(request, response)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      response.statusCode = error.status
      response.end()
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const path = decodeURIComponent(url)
    this.requests.push({ method, path, host: request.headers.host })
    if (!path.startsWith('/dav/') || path.includes('//')) throw new Refusal(404)
    if (method === 'PUT') return this.#put(path, request, response)
    const body = await this.#body(request)
    if (method === 'GET' || method === 'HEAD') return this.#get(path, request, response)
    if (method === 'DELETE') return this.#delete(path, response)
    if (method === 'MKCOL') return this.#makeCollection(path, body, response)
    if (method === 'MOVE') return this.#move(path, request, response)
    if (method === 'PROPFIND') return this.#propfind(path, request, body, response)
    throw new Refusal(405)
  }

  async #body(request: IncomingMessage): Promise<Buffer> {
    const parts: Buffer[] = []
    try {
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    } catch {
      return Buffer.concat(parts)
    }
    return Buffer.concat(parts)
  }

  async #put(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path.endsWith('/') || this.collections.has(`${path}/`)) throw new Refusal(405)
    if (!this.collections.has(parentOf(path))) throw new Refusal(409)
    if (request.headers['content-length'] === undefined) throw new Refusal(411)
    const bytes = await this.#body(request)
    if (!request.complete && !this.#options.keepsPartial) throw new Refusal(400)
    response.statusCode = this.files.has(path) ? 204 : 201
    this.files.set(path, { bytes, storedAt: Date.now() })
    response.end()
  }

  #get(path: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(path)
    if (file === undefined) throw new Refusal(404)
    const { bytes, storedAt } = file
    const { ignoresRanges, hidesLength } = this.#options
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const isWhole = first === undefined || ignoresRanges === true
    const [start, end] = isWhole
      ? [0, bytes.length]
      : [Number(first), Math.min(Number(last) + 1, bytes.length)]
    if (start > 0 && start >= bytes.length) throw new Refusal(416)
    if (!isWhole) {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${start}-${end - 1}/${bytes.length}`)
    }
    response.setHeader('last-modified', new Date(storedAt).toUTCString())
    if (request.method === 'HEAD' && hidesLength !== true)
      response.setHeader('content-length', bytes.length)
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start, end))
  }

  #delete(path: string, response: ServerResponse): void {
    if (!this.files.has(path) && !this.collections.has(path)) throw new Refusal(404)
    this.files.delete(path)
    if (path.endsWith('/')) {
      for (const one of this.files.keys()) if (one.startsWith(path)) this.files.delete(one)
      for (const one of this.collections) if (one.startsWith(path)) this.collections.delete(one)
    }
    response.statusCode = 204
    response.end()
  }

  #makeCollection(path: string, body: Buffer, response: ServerResponse): void {
    if (body.length > 0) throw new Refusal(415)
    if (this.collections.has(path) || this.files.has(path.slice(0, -1))) throw new Refusal(405)
    if (!this.collections.has(parentOf(path))) throw new Refusal(409)
    this.collections.add(path)
    response.statusCode = 201
    response.end()
  }

  #move(path: string, { headers }: IncomingMessage, response: ServerResponse): void {
    const destination = URL.parse(String(headers['destination']))
    if (destination === null) throw new Refusal(400)
    if (destination.host !== headers.host) throw new Refusal(502)
    const file = this.files.get(path)
    const to = decodeURIComponent(destination.pathname)
    if (file === undefined) throw new Refusal(404)
    if (to === path) throw new Refusal(403)
    if (!this.collections.has(parentOf(to))) throw new Refusal(409)
    const there = this.files.has(to)
    if (there && headers['overwrite'] === 'F' && !this.#options.ignoresOverwrite)
      throw new Refusal(412)
    this.files.delete(path)
    this.files.set(to, file)
    response.statusCode = there ? 204 : 201
    response.end()
  }

  #propfind(
    path: string,
    { headers }: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): void {
    const { depth } = headers
    if (depth !== '0' && depth !== '1') throw new Refusal(403)
    if (!/^<\?xml .*<propfind xmlns="DAV:"/s.test(body.toString())) throw new Refusal(400)
    if (!this.collections.has(path) && !this.files.has(path)) throw new Refusal(404)
    response.statusCode = 207
    response.setHeader('content-type', 'application/xml; charset=utf-8')
    if (this.propfindAnswer !== undefined) return void response.end(this.propfindAnswer)
    const isBelow = (one: string): boolean =>
      depth === '1' && one !== path && parentOf(one) === path
    const entries = [
      path,
      ...[...this.collections].filter(isBelow),
      ...[...this.files.keys()].filter(isBelow),
    ]
    const p = this.#options.prefix ?? 'D:'
    const xmlns = p === '' ? 'xmlns' : `xmlns:${p.slice(0, -1)}`
    response.write(`<?xml version="1.0" encoding="utf-8"?>\n<${p}multistatus ${xmlns}="DAV:">\n`)
    for (const entry of entries) response.write(this.#entry(entry, p))
    response.end(`</${p}multistatus>\n`)
  }

  #entry(path: string, p: string): string {
    const file = this.files.get(path)
    const href = path.split('/').map(encodeURIComponent).join('/')
    const properties =
      file === undefined
        ? `<${p}resourcetype><${p}collection/></${p}resourcetype>`
        : `<${p}resourcetype/><${p}getcontentlength>${file.bytes.length}</${p}getcontentlength><${p}getlastmodified>${new Date(file.storedAt).toUTCString()}</${p}getlastmodified>`
    const missing =
      file === undefined
        ? `<${p}propstat><${p}prop><${p}getcontentlength/></${p}prop><${p}status>HTTP/1.1 404 Not Found</${p}status></${p}propstat>`
        : ''
    return `<${p}response><${p}href>${href}</${p}href>${missing}<${p}propstat><${p}prop>${properties}</${p}prop><${p}status>HTTP/1.1 200 OK</${p}status></${p}propstat></${p}response>\n`
  }
}
