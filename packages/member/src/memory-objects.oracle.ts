/** Objects and uploads of a server in memory, for tests beside the sources. */
import { ProblemError } from '@hearthold/contract'
import { concat, fromHex, randomId, toHex } from '@hearthold/crypto'
import type { Session } from './memory-server.oracle.ts'

export type Input = {
  params: Record<string, string>
  query: Record<string, string>
  body: never
  session: Session | undefined
  range: string | undefined
}
export type Handler = (input: Input) => unknown

type Upload = { object: string; sizeBytes: number; bytes: Uint8Array; done: boolean }

const id = (): string => toHex(randomId())

export class MemoryObjects {
  readonly uploads = new Map<string, Upload>()
  readonly #objects: Map<string, Uint8Array>
  quotaBytes = Infinity
  /** Called with the bytes of an upload's body before they are counted; may keep a part of them. */
  onUploadBytes: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes

  constructor(objects: Map<string, Uint8Array>) {
    this.#objects = objects
  }

  #used(): number {
    return [...this.#objects.values()].reduce((sum, bytes) => sum + bytes.length, 0)
  }

  #store(object: string, bytes: Uint8Array): void {
    if (this.#used() + bytes.length > this.quotaBytes) throw new ProblemError('over_quota')
    this.#objects.set(object, bytes)
  }

  readonly #object = (object: string): Uint8Array => {
    const found = this.#objects.get(object)
    if (!found) throw new ProblemError('not_found')
    return found
  }

  #upload(upload: string) {
    const found = this.uploads.get(upload)
    if (!found) throw new ProblemError('upload_expired')
    const { object, sizeBytes, bytes, done } = found
    return { upload, object, sizeBytes, offset: bytes.length, done, expiresAt: Date.now() + 1e7 }
  }

  #writeUpload(upload: string, offset: number, given: Uint8Array) {
    const found = this.uploads.get(upload)
    if (!found) throw new ProblemError('upload_expired')
    if (offset !== found.bytes.length) throw new ProblemError('offset_mismatch')
    const counted = this.onUploadBytes(given)
    const whole =
      counted.length === given.length
        ? counted
        : counted.subarray(0, Math.floor(counted.length / 262_172) * 262_172)
    found.bytes = concat(found.bytes, whole)
    if (found.bytes.length === found.sizeBytes) {
      this.#store(found.object, found.bytes)
      found.done = true
    }
    return this.#upload(upload)
  }

  #putBundle(body: Uint8Array) {
    let at = 0
    let stored = 0
    const view = new DataView(body.buffer, body.byteOffset)
    while (at < body.length) {
      const end = at + 20 + view.getUint32(at + 16)
      this.#store(toHex(body.subarray(at, at + 16)), body.slice(at + 20, end))
      at = end
      stored++
    }
    return { stored }
  }

  #getBundle({ objects }: { objects: string[] }): Uint8Array {
    return concat(
      ...objects.flatMap((object) => {
        const bytes = this.#object(object)
        const length = new Uint8Array(4)
        new DataView(length.buffer).setUint32(0, bytes.length)
        return [fromHex(object), length, bytes]
      }),
    )
  }

  readonly handlers: Record<string, Handler> = {
    putBundle: ({ body }) => this.#putBundle(body),
    getBundle: ({ body }) => this.#getBundle(body),
    getObject: ({ params }) => this.#object(params['object']!),
    createUpload: ({ body }: { body: { object: string; sizeBytes: number } }) => {
      if (this.#objects.has(body.object)) throw new ProblemError('object_exists')
      if (this.#used() + body.sizeBytes > this.quotaBytes) throw new ProblemError('over_quota')
      const upload = id()
      this.uploads.set(upload, { ...body, bytes: new Uint8Array(0), done: false })
      return this.#upload(upload)
    },
    getUpload: ({ params }) => this.#upload(params['upload']!),
    writeUpload: ({ params, query, body }) =>
      this.#writeUpload(params['upload']!, Number(query['offset']), body),
  }
}
