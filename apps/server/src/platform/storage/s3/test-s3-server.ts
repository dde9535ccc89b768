/** A small S3 store in memory that is stricter than most: signatures, payload hashes, conditions, paging, locks. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { signatureFault } from './test-sigv4.ts'

export const testKeys = { accessKey: 'AKTEST', secretKey: 'secret/with+signs', region: 'here-1' }
export const testBucket = 'backups'

type Kept = { bytes: Buffer; storedAt: number; lock?: { mode: string; until: string } }
export type S3ServerOptions = {
  readonly pageSize?: number
  /** `none` answers NotImplemented to conditions on a PUT. */
  readonly conditions?: 'all' | 'none'
  /** `kept` as a bucket with Object Lock, `refused` as one without, `ignored` as a store that knows no such header. */
  readonly locks?: 'kept' | 'refused' | 'ignored'
  readonly now?: () => number
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
const etagOf = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex')

class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

const statusOf: Readonly<Record<string, number>> = { AuthorizationHeaderMalformed: 400 }

export class TestS3Server {
  readonly objects = new Map<string, Kept>()
  /** What a delete left behind because it was locked. */
  readonly locked: Kept[] = []
  /** Method and key of each request that was answered, and its headers. */
  readonly requests: { method: string; key: string; headers: IncomingMessage['headers'] }[] = []
  readonly #options: S3ServerOptions
  readonly #server: Server
  #faults: {
    status: number
    code: string
    headers: Record<string, string>
    method: string | undefined
  }[] = []
  /** Answered to every list, where set. */
  listAnswer: string | undefined
  /** Stops reading bodies, as a store that is too slow. */
  stalled = false

  private constructor(options: S3ServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  static async start(options: S3ServerOptions = {}): Promise<TestS3Server> {
    const server = new TestS3Server(options)
    await new Promise<void>((resolve) => void server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get #now(): number {
    return (this.#options.now ?? Date.now)()
  }

  /** The next requests (of this method) are answered so, before a byte of their bodies is read. */
  failNext(
    count: number,
    status: number,
    code: string,
    { headers = {}, method }: { headers?: Record<string, string>; method?: string } = {},
  ): void {
    this.#faults = Array.from({ length: count }, () => ({ status, code, headers, method }))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined)
    const next = this.#faults[0]
    const isMeant = next?.method === undefined || next.method === request.method
    const fault = isMeant ? this.#faults.shift() : undefined
    try {
      if (fault !== undefined) {
        for (const [name, value] of Object.entries(fault.headers)) response.setHeader(name, value)
        throw new Refusal(fault.status, fault.code)
      }
      const wrong = signatureFault(request, testKeys, this.#now)
      if (wrong !== undefined) throw new Refusal(statusOf[wrong] ?? 403, wrong)
      await this.#route(request, response)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.status === 0) return void request.destroy()
      response.statusCode = error.status
      response.setHeader('content-type', 'application/xml')
      const xml = `<?xml version="1.0"?>\n<Error><Code>${error.code}</Code><Message>No.</Message></Error>`
      response.end(request.method === 'HEAD' ? undefined : xml)
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request
    const url = new URL(request.url ?? '', 'http://localhost')
    const byHost = headers.host?.startsWith(`${testBucket}.`) === true
    const path = decodeURIComponent(url.pathname)
    const root = byHost ? '/' : `/${testBucket}/`
    if (!path.startsWith(root)) throw new Refusal(404, 'NoSuchBucket')
    const key = path.slice(root.length)
    const body = await this.#read(request)
    this.requests.push({ method, key, headers })
    if (key === '' && this.listAnswer !== undefined) return void response.end(this.listAnswer)
    if (key === '' && method === 'GET') return this.#list(url.searchParams, response)
    if (key === '') throw new Refusal(501, 'NotImplemented')
    if (method === 'PUT')
      return headers['x-amz-copy-source'] === undefined
        ? this.#put(key, headers, body, response)
        : this.#copy(key, headers, response)
    if (method === 'DELETE') return this.#delete(key, response)
    if (method === 'GET' || method === 'HEAD') return this.#get(key, request, response)
    throw new Refusal(405, 'MethodNotAllowed')
  }

  /** The whole body, which must be as long and hash as the request says. */
  async #read(request: IncomingMessage): Promise<Buffer> {
    const { headers, method } = request
    if (method === 'PUT' && headers['content-length'] === undefined)
      throw new Refusal(411, 'MissingContentLength')
    if (this.stalled) await new Promise((resolve) => request.once('close', resolve))
    const parts: Buffer[] = []
    try {
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    } catch {
      throw new Refusal(0, 'cut')
    }
    const bytes = Buffer.concat(parts)
    const declared = headers['x-amz-content-sha256']
    if (declared === undefined) throw new Refusal(400, 'InvalidRequest')
    const actual = createHash('sha256').update(bytes).digest('hex')
    if (declared !== 'UNSIGNED-PAYLOAD' && declared !== actual)
      throw new Refusal(400, 'XAmzContentSHA256Mismatch')
    return bytes
  }

  #lockOf(headers: IncomingMessage['headers'], bytes: Buffer | undefined): Pick<Kept, 'lock'> {
    const [mode, until] = [
      headers['x-amz-object-lock-mode'],
      headers['x-amz-object-lock-retain-until-date'],
    ]
    const { locks = 'ignored' } = this.#options
    if (mode === undefined || locks === 'ignored') return {}
    if (locks === 'refused' || !(Date.parse(String(until)) > this.#now))
      throw new Refusal(400, 'InvalidRequest')
    if (bytes !== undefined) {
      const sum = createHash('sha256').update(bytes).digest('base64')
      if (headers['x-amz-checksum-sha256'] !== sum) throw new Refusal(400, 'InvalidRequest')
    }
    return { lock: { mode: String(mode), until: String(until) } }
  }

  #put(
    key: string,
    headers: IncomingMessage['headers'],
    bytes: Buffer,
    response: ServerResponse,
  ): void {
    if (headers['if-none-match'] !== undefined) {
      if (this.#options.conditions === 'none') throw new Refusal(501, 'NotImplemented')
      if (this.objects.has(key)) throw new Refusal(412, 'PreconditionFailed')
    }
    this.objects.set(key, { bytes, storedAt: this.#now, ...this.#lockOf(headers, bytes) })
    response.setHeader('etag', `"${etagOf(bytes)}"`)
    response.end()
  }

  #copy(key: string, headers: IncomingMessage['headers'], response: ServerResponse): void {
    const source = decodeURIComponent(String(headers['x-amz-copy-source']))
    const from = this.objects.get(source.replace(`/${testBucket}/`, ''))
    if (from === undefined) throw new Refusal(404, 'NoSuchKey')
    const { bytes } = from
    this.objects.set(key, { bytes, storedAt: this.#now, ...this.#lockOf(headers, undefined) })
    response.end(
      `<?xml version="1.0"?><CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>&quot;${etagOf(bytes)}&quot;</ETag></CopyObjectResult>`,
    )
  }

  #delete(key: string, response: ServerResponse): void {
    const kept = this.objects.get(key)
    if (kept?.lock !== undefined) this.locked.push(kept)
    this.objects.delete(key)
    response.statusCode = 204
    response.end()
  }

  #get(key: string, request: IncomingMessage, response: ServerResponse): void {
    const kept = this.objects.get(key)
    if (kept === undefined) throw new Refusal(404, 'NoSuchKey')
    const { bytes, storedAt, lock } = kept
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const [start, end] =
      first === undefined
        ? [0, bytes.length]
        : [Number(first), Math.min(Number(last) + 1, bytes.length)]
    if (start > 0 && start >= bytes.length) throw new Refusal(416, 'InvalidRange')
    if (first !== undefined) {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${start}-${end - 1}/${bytes.length}`)
    }
    if (lock !== undefined) {
      response.setHeader('x-amz-object-lock-mode', lock.mode)
      response.setHeader('x-amz-object-lock-retain-until-date', lock.until)
    }
    response.setHeader('last-modified', new Date(storedAt).toUTCString())
    response.setHeader('etag', `"${etagOf(bytes)}"`)
    response.setHeader('content-length', end - start)
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start, end))
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    if (query.get('list-type') !== '2') throw new Refusal(501, 'NotImplemented')
    const prefix = query.get('prefix') ?? ''
    const token = query.get('continuation-token')
    const after = token === null ? '' : Buffer.from(token, 'base64').toString()
    if (token !== null && !after.startsWith('next<&>')) throw new Refusal(400, 'InvalidArgument')
    const limit = Math.min(Number(query.get('max-keys') ?? 1000), this.#options.pageSize ?? 1000)
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && key > after.slice(7))
      .sort()
    const page = keys.slice(0, limit)
    const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : escape
    const contents = page.map((key) => {
      const { bytes, storedAt } = this.objects.get(key)!
      return `<Contents><Key>${encode(key)}</Key><LastModified>${new Date(storedAt).toISOString()}</LastModified><ETag>&quot;${etagOf(bytes)}&quot;</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    })
    const isTruncated = keys.length > limit
    const next = Buffer.from(`next<&>${page.at(-1)}`).toString('base64')
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${testBucket}</Name><Prefix>${encode(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${limit}</MaxKeys>${query.get('encoding-type') === 'url' ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${isTruncated}</IsTruncated>${isTruncated ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`,
    )
  }
}
