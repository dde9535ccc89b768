/** The REST protocol of restic as its client speaks it, for tests that need no restic. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type ObjectType = 'data' | 'index' | 'keys' | 'locks' | 'snapshots'

/** SHA-256 as the name of an object. */
export const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** One repository by one credential. */
export class ResticCaller {
  readonly user: string
  readonly #base: string
  readonly #authorization: string

  /** @param address `rest:http://user:secret@host/path/` */
  constructor(address: string) {
    const url = new URL(address.trim().replace(/^rest:/, ''))
    this.user = url.username
    this.#base = `${url.origin}${url.pathname}`
    this.#authorization = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString('base64')}`
  }

  /** By the address in a file that `repository credential create --out` wrote. */
  static ofFile(path: string): ResticCaller {
    return new ResticCaller(readFileSync(path, 'utf8'))
  }

  request(method: string, path: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    return fetch(`${this.#base}${path}`, {
      method,
      headers: {
        authorization: this.#authorization,
        accept: 'application/vnd.x.restic.rest.v2',
      },
      ...(body ? { body } : {}),
    })
  }

  async status(method: string, path: string, body?: Uint8Array<ArrayBuffer>): Promise<number> {
    const answer = await this.request(method, path, body)
    await answer.arrayBuffer()
    return answer.status
  }

  /** Makes the folders and writes a config. Statuses of both. */
  async init(): Promise<number[]> {
    return [
      await this.status('POST', '?create=true'),
      await this.status('POST', 'config', new TextEncoder().encode('sealed config')),
    ]
  }

  /** Uploads under its own name. */
  async put(
    type: ObjectType,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<{ id: string; status: number }> {
    const id = idOf(bytes)
    return { id, status: await this.status('POST', `${type}/${id}`, bytes) }
  }

  remove(type: ObjectType, id: string): Promise<number> {
    return this.status('DELETE', `${type}/${id}`)
  }

  async list(type: ObjectType): Promise<{ name: string; size: number }[]> {
    const answer = await this.request('GET', `${type}/`)
    if (!answer.ok) throw new Error(`a list was answered ${answer.status}`)
    return (await answer.json()) as { name: string; size: number }[]
  }

  async names(type: ObjectType): Promise<string[]> {
    return (await this.list(type)).map(({ name }) => name).sort()
  }
}
