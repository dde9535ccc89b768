import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { type ByteRange, rangeHeader } from '../remote/download.ts'
import { fullStorage, redirected } from '../remote/failures.ts'
import { RemoteClient, type RemoteRequest, type TextAnswer } from '../remote/remote-client.ts'
import { type Expected, streamUpload } from '../remote/upload.ts'
import { type ObjectStat, StorageError } from '../storage.ts'
import { filesOf, type ListedFile, propfindBody } from './propfind.ts'
import { type WebDavOptions, webDavUrl } from './webdav-options.ts'

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

type Sent = Omit<RemoteRequest, 'path'> & { readonly path: string }

/** What a status that refuses means, in words without secrets or names. */
const failure = (status: number): StorageError => {
  if (status >= 300 && status < 400) return redirected()
  if (status === 507) return fullStorage()
  if (status === 401)
    return new StorageError('unavailable', 'The storage does not accept the name and password.')
  if (status === 403)
    return new StorageError('unavailable', 'The storage does not let this user do that.')
  if (status === 413)
    return new StorageError('too-long', 'The storage does not take objects of this length.')
  return new StorageError('unavailable', `The storage answered ${status}.`)
}

/** The requests of WebDAV (RFC 4918) that we use. Paths are relative to the folder, collections end with a slash. */
export class WebDavClient {
  readonly client: RemoteClient
  readonly #root: URL
  readonly #authorization: string

  /** @throws StorageError `unavailable` for an address that `webDavUrl` refuses */
  constructor({ url, user, password, tuning = {} }: WebDavOptions) {
    const root = webDavUrl(url)
    if (root === undefined)
      throw new StorageError('unavailable', 'The address is none of a store, or not safe.')
    this.#root = root
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    this.client = new RemoteClient(
      root,
      (request) => ({
        ...request,
        headers: { ...request.headers, host: root.host, authorization: this.#authorization },
      }),
      tuning,
    )
  }

  #request({ path, body, headers, method }: Sent): RemoteRequest {
    return {
      method,
      path: this.#root.pathname + encodePath(path),
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      },
      ...(body === undefined ? {} : { body }),
    }
  }

  #ask(sent: Sent): Promise<TextAnswer> {
    return this.client.ask(this.#request(sent))
  }

  /** Undefined where nothing is. */
  async stat(path: string): Promise<ObjectStat | undefined> {
    const { status, headers } = await this.#ask({ method: 'HEAD', path })
    if (status === 404) return undefined
    if (status !== 200 && status !== 204) throw failure(status)
    const length = headers['content-length']
    if (length === undefined || status === 204) return this.#statByProperties(path)
    return { sizeBytes: Number(length), storedAt: Date.parse(headers['last-modified'] ?? '') || 0 }
  }

  /** For servers that tell no length in the answer to HEAD. */
  async #statByProperties(path: string): Promise<ObjectStat | undefined> {
    for await (const files of (await this.list(path, '0')) ?? []) {
      const [file] = files
      if (file !== undefined) return { sizeBytes: file.sizeBytes, storedAt: file.storedAt }
    }
    throw new StorageError('unavailable', 'The storage tells no length of an object.')
  }

  /** A part of a file. @throws StorageError, also where it is gone */
  get(path: string, range: ByteRange): Promise<IncomingMessage> {
    const request = this.#request({ method: 'GET', path, headers: { range: rangeHeader(range) } })
    return this.client.open(request, [200, 206], ({ status }) => failure(status))
  }

  #propfind(path: string, depth: '0' | '1'): RemoteRequest {
    const headers = { depth, 'content-type': 'application/xml; charset=utf-8' }
    return this.#request({ method: 'PROPFIND', path, headers, body: propfindBody })
  }

  /** The files of a collection as they come; undefined where there is none. */
  async list(
    path: string,
    depth: '0' | '1' = '1',
  ): Promise<AsyncIterable<readonly ListedFile[]> | undefined> {
    const answer = await this.client.open(this.#propfind(path, depth), [207, 404], ({ status }) =>
      failure(status),
    )
    if (answer.statusCode === 207) return filesOf(this.client, answer)
    await this.client.text(answer)
    return undefined
  }

  async hasCollection(path: string): Promise<boolean> {
    const { status } = await this.client.ask(this.#propfind(path, '0'))
    if (status !== 207 && status !== 404) throw failure(status)
    return status === 207
  }

  async putBytes(path: string, body: Uint8Array): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' }
    const { status } = await this.#ask({ method: 'PUT', path, headers, body })
    this.#checkStored(status)
  }

  async putStream(path: string, body: Readable, expected: Expected): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' }
    const request = this.#request({ method: 'PUT', path, headers })
    const answer = await streamUpload(this.client, request, body, expected)
    await this.client.text(answer)
    this.#checkStored(answer.statusCode ?? 0)
  }

  #checkStored(status: number): void {
    if (![200, 201, 204].includes(status)) throw failure(status)
  }

  /**
   * Moves a file. `missing`: there is none, or its new collection is not there.
   * @throws StorageError
   */
  async move(
    from: string,
    to: string,
    overwrite: boolean,
  ): Promise<'moved' | 'exists' | 'missing'> {
    const destination = new URL(this.#root.pathname + encodePath(to), this.#root).href
    const headers = { destination, overwrite: overwrite ? 'T' : 'F', depth: 'infinity' }
    const { status } = await this.#ask({ method: 'MOVE', path: from, headers })
    if (status === 201 || status === 204) return 'moved'
    if (status === 412) return 'exists'
    if (status === 404 || status === 409) return 'missing'
    throw failure(status)
  }

  /** Makes a collection. @returns false where the one above it is missing */
  async makeCollection(path: string): Promise<boolean> {
    const { status } = await this.#ask({ method: 'MKCOL', path })
    // 405: it is there already. Some answer 301 for that, to the address with the slash that we already used.
    if ([200, 201, 405].includes(status)) return true
    if (status === 409 || status === 404) return false
    throw failure(status)
  }

  /** @throws StorageError; nothing where it is gone already */
  async remove(path: string): Promise<void> {
    const { status } = await this.#ask({ method: 'DELETE', path })
    if (![200, 204, 404, 410].includes(status)) throw failure(status)
  }
}
