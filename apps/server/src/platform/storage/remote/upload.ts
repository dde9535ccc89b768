import { createHash, type Hash } from 'node:crypto'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { StorageError } from '../storage.ts'
import { feed, longBody, shortBody } from './body-feed.ts'
import { type RemoteClient, type RemoteRequest, tooSlow } from './remote-client.ts'

export type Expected = {
  /** Exactly so many bytes. */
  readonly sizeBytes: number
  /** SHA-256 that the bytes must have, as hex; undefined for what is not verified. */
  readonly sha256: string | undefined
  readonly onBytes: ((count: number) => void) | undefined
}

export const mismatch = (): StorageError =>
  new StorageError('mismatch', 'The bytes do not hash to their name.')

/**
 * Passes a body on to a store as it comes. The last piece is held back until length and hash are known to be right; if
 * they are not, the request is destroyed before it is whole, so that a store has nothing that it could show.
 * @returns the head of the store's answer, which may come early where it refuses
 * @throws StorageError `short`, `too-long`, `mismatch`, `unavailable`; what `onBytes` throws. The body is left paused.
 */
export const streamUpload = (
  client: RemoteClient,
  request: RemoteRequest,
  body: Readable,
  expected: Expected,
): Promise<IncomingMessage> => {
  const headers = { ...request.headers, 'content-length': String(expected.sizeBytes) }
  const { outgoing, answered } = client.begin({ ...request, headers })
  return new Promise((resolve, reject) => {
    new Upload(outgoing, body, expected, client.stallMs).run(answered, resolve, reject)
  })
}

const isSuccess = ({ statusCode = 0 }: IncomingMessage): boolean =>
  statusCode >= 200 && statusCode < 300
const answeredEarly = (): StorageError =>
  new StorageError('unavailable', 'The storage said that it has an object before it was sent.')

class Upload {
  readonly #outgoing: ClientRequest
  readonly #body: Readable
  readonly #expected: Expected
  readonly #stallMs: number
  readonly #hash: Hash = createHash('sha256')
  #held: Buffer | undefined
  #received = 0
  /** All of it was right, and is sent. */
  #isWhole = false
  #stop: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #timer: NodeJS.Timeout | undefined

  constructor(outgoing: ClientRequest, body: Readable, expected: Expected, stallMs: number) {
    this.#outgoing = outgoing
    this.#body = body
    this.#expected = expected
    this.#stallMs = stallMs
  }

  run(
    answered: Promise<IncomingMessage>,
    resolve: (answer: IncomingMessage) => void,
    reject: (error: unknown) => void,
  ): void {
    this.#reject = reject
    this.#outgoing.on('drain', () => {
      clearTimeout(this.#timer)
      this.#body.resume()
    })
    this.#stop = feed(this.#body, {
      data: (chunk) => this.#trying(() => this.#take(chunk)),
      end: () => this.#trying(() => this.#finish()),
      cut: () => this.#fail(shortBody()),
    })
    const onAnswer = (answer: IncomingMessage): void => {
      if (this.#isWhole) this.#settle()
      else if (isSuccess(answer)) return this.#fail(answeredEarly())
      else {
        this.#settle()
        // The rest of the body is not sent: its connection is of no more use.
        answer.once('close', () => this.#outgoing.destroy())
      }
      resolve(answer)
    }
    answered.then(onAnswer, (error: unknown) => this.#fail(error))
  }

  #trying(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#fail(error)
    }
  }

  #take(chunk: Buffer): void {
    const { sizeBytes, onBytes } = this.#expected
    this.#received += chunk.length
    if (this.#received > sizeBytes) throw longBody()
    onBytes?.(chunk.length)
    this.#hash.update(chunk)
    const ready = this.#held
    this.#held = chunk
    if (ready === undefined || this.#outgoing.write(ready)) return
    this.#body.pause()
    this.#expectSoon()
  }

  #finish(): void {
    const { sizeBytes, sha256 } = this.#expected
    if (this.#received < sizeBytes) throw shortBody()
    if (sha256 !== undefined && this.#hash.digest('hex') !== sha256) throw mismatch()
    this.#isWhole = true
    this.#outgoing.end(this.#held)
    this.#expectSoon()
  }

  /** Only the store is waited for now, so only its time runs. */
  #expectSoon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#fail(tooSlow()), this.#stallMs)
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#outgoing.removeAllListeners('drain')
    this.#stop()
  }

  #fail(error: unknown): void {
    this.#settle()
    this.#outgoing.destroy()
    this.#reject(error)
  }
}
