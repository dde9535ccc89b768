import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import aws4 from 'aws4'
import { type ByteRange, rangeHeader } from '../remote/download.ts'
import { RemoteClient, type RemoteRequest, type TextAnswer } from '../remote/remote-client.ts'
import { type Expected, streamUpload } from '../remote/upload.ts'
import { childOf, parseXml } from '../remote/xml.ts'
import { type ObjectStat, StorageError } from '../storage.ts'
import { codeOf, s3Failure } from './s3-failures.ts'
import { type S3Options, s3Origin } from './s3-options.ts'

const dayMs = 24 * 3600_000
const shortestLockMs = 30_000
const emptySha256 = createHash('sha256').digest('hex')
/** Larger ones would have to be sent in parts; restic's packs are at most 128 MiB. */
export const singlePutLimitBytes = 5 * 1024 ** 3

const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
const encodePath = (path: string): string => path.split('/').map(encode).join('/')

type Sent = {
  readonly method: string
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** SHA-256 of the payload as hex, or UNSIGNED-PAYLOAD. */
  readonly sha256?: string
}

/** The requests of S3 that we use, each signed (AWS Signature Version 4) with the hash of its payload. */
export class S3Client {
  readonly client: RemoteClient
  readonly #options: S3Options
  readonly #host: string
  readonly #root: string
  #takesConditions = true

  /** @throws StorageError `unavailable` for an endpoint that is no origin */
  constructor(options: S3Options) {
    const origin = s3Origin(options.endpoint)
    if (origin === undefined)
      throw new StorageError('unavailable', 'The endpoint is no address of a store.')
    const byHost = options.addressing === 'host'
    if (byHost) origin.hostname = `${options.bucket}.${origin.hostname}`
    this.#options = options
    this.#host = origin.host
    this.#root = byHost ? '' : `/${encode(options.bucket)}`
    this.client = new RemoteClient(origin, (request) => this.#sign(request), options.tuning ?? {})
  }

  now(): number {
    return (this.#options.now ?? Date.now)()
  }

  /** What is not signed (`range`, `content-length`) a proxy between may change without harm. */
  #sign(request: RemoteRequest): RemoteRequest {
    const { region, accessKey, secretKey } = this.#options
    const { 'content-length': length, range, ...headers } = request.headers ?? {}
    const date = new Date(this.now()).toISOString().replaceAll(/[:-]|\.\d{3}/g, '')
    const signed = aws4.sign(
      {
        service: 's3',
        region,
        method: request.method,
        path: request.path,
        headers: { ...headers, Host: this.#host, 'X-Amz-Date': date },
      },
      { accessKeyId: accessKey, secretAccessKey: secretKey },
    )
    return {
      ...request,
      path: signed.path ?? request.path,
      headers: {
        ...(signed.headers as Record<string, string>),
        ...(length === undefined ? {} : { 'content-length': length }),
        ...(range === undefined ? {} : { range }),
      },
    }
  }

  #request({ method, key, query = {}, headers, body, sha256 = emptySha256 }: Sent): RemoteRequest {
    const search = Object.entries(query)
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .join('&')
    const path = `${this.#root}/${key === undefined ? '' : encodePath(this.#options.prefix + key)}`
    return {
      method,
      path: search === '' ? path : `${path}?${search}`,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-length': String(body.length) }),
        'x-amz-content-sha256': sha256,
      },
      ...(body === undefined ? {} : { body }),
    }
  }

  #ask(sent: Sent): Promise<TextAnswer> {
    return this.client.ask(this.#request(sent))
  }

  #failure(answer: TextAnswer): StorageError {
    return s3Failure(answer, this.now())
  }

  /** Headers and size of an object; undefined where there is none. */
  async head(key: string): Promise<(ObjectStat & Pick<TextAnswer, 'headers'>) | undefined> {
    const answer = await this.#ask({ method: 'HEAD', key })
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw this.#failure(answer)
    const { headers } = answer
    const sizeBytes = Number(headers['content-length'])
    if (!Number.isSafeInteger(sizeBytes))
      throw new StorageError('unavailable', 'The storage tells no length of an object.')
    return { sizeBytes, storedAt: Date.parse(headers['last-modified'] ?? '') || 0, headers }
  }

  /** A part of an object. @throws StorageError, also where it is gone */
  get(key: string, range: ByteRange): Promise<IncomingMessage> {
    const request = this.#request({ method: 'GET', key, headers: { range: rangeHeader(range) } })
    return this.client.open(request, [200, 206], (answer) => this.#failure(answer))
  }

  /** Stores whole bytes. With `onlyNew` it tells `exists` where the store knows conditions and has the key already. */
  async putBytes(
    key: string,
    body: Uint8Array,
    sha256: string,
    onlyNew: boolean,
  ): Promise<'stored' | 'exists'> {
    const conditional = onlyNew && this.#takesConditions
    const headers = {
      ...this.#lockHeaders(key, sha256),
      ...(conditional ? { 'if-none-match': '*' } : {}),
    }
    const answer = await this.#ask({ method: 'PUT', key, headers, body, sha256 })
    if (answer.status === 200) return 'stored'
    // 409: another such write is under way.
    if (conditional && (answer.status === 412 || answer.status === 409)) return 'exists'
    if (conditional && codeOf(answer.text) === 'NotImplemented') {
      this.#takesConditions = false
      return this.putBytes(key, body, sha256, false)
    }
    throw this.#failure(answer)
  }

  /** Stores bytes as they come. @throws StorageError */
  async putStream(key: string, body: Readable, expected: Expected): Promise<void> {
    if (expected.sizeBytes > singlePutLimitBytes)
      throw new StorageError('too-long', 'This storage takes objects of at most 5 GiB.')
    const sha256 = expected.sha256 ?? 'UNSIGNED-PAYLOAD'
    const headers = {
      'content-type': 'application/octet-stream',
      ...(expected.sha256 === undefined ? {} : this.#lockHeaders(key, expected.sha256)),
    }
    const request = this.#request({ method: 'PUT', key, headers, sha256 })
    const answer = await streamUpload(this.client, request, body, expected)
    const status = answer.statusCode ?? 0
    const text = await this.client.text(answer)
    if (status !== 200) throw this.#failure({ status, headers: answer.headers, text })
  }

  /** Copies within the bucket, locked until `lockUntil` where objects are locked. @throws StorageError */
  async copy(from: string, to: string, lockUntil: number): Promise<void> {
    const { bucket, prefix, lockDays } = this.#options
    const answer = await this.#ask({
      method: 'PUT',
      key: to,
      headers: {
        'x-amz-copy-source': `/${encode(bucket)}/${encodePath(prefix + from)}`,
        ...(lockDays === undefined ? {} : this.#lockUntilHeaders(lockUntil)),
      },
    })
    // An error may come after the 200 of the head.
    const copied =
      answer.status === 200 && childOf(parseXml(answer.text), 'CopyObjectResult') !== undefined
    if (!copied) throw this.#failure(answer.status === 200 ? { ...answer, status: 500 } : answer)
  }

  /** @throws StorageError; nothing where it is gone already */
  async remove(key: string): Promise<void> {
    const answer = await this.#ask({ method: 'DELETE', key })
    if (![200, 202, 204, 404].includes(answer.status)) throw this.#failure(answer)
  }

  /** One page of ListObjectsV2 as XML, with keys URL-encoded where the store can do that. */
  async listPage(prefix: string, continuation: string | undefined): Promise<string> {
    const answer = await this.#ask({
      method: 'GET',
      query: {
        'list-type': '2',
        'encoding-type': 'url',
        'max-keys': '1000',
        prefix: this.#options.prefix + prefix,
        ...(continuation === undefined ? {} : { 'continuation-token': continuation }),
      },
    })
    if (answer.status !== 200) throw this.#failure(answer)
    return answer.text
  }

  /** Until when what is stored now would be locked. */
  lockUntil(): number {
    return this.now() + (this.#options.lockDays?.() ?? 0) * dayMs
  }

  /**
   * Object Lock asks for a checksum of the payload, which for us is the name. restic's own locks come and go: locked,
   * each would stay as a version for the freeze.
   */
  #lockHeaders(key: string, sha256: string): Record<string, string> {
    if (this.#options.lockDays === undefined) return {}
    return {
      'x-amz-sdk-checksum-algorithm': 'SHA256',
      'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
      ...(/(?:^|\/)locks\/[^/]+$/.test(key) ? {} : this.#lockUntilHeaders(this.lockUntil())),
    }
  }

  /** A lock that ends at once, as without a freeze, stores refuse. */
  #lockUntilHeaders(until: number): Record<string, string> {
    if (until < this.now() + shortestLockMs) return {}
    return {
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': new Date(until).toISOString(),
    }
  }
}
