import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as http,
} from 'node:http'
import { Agent as HttpsAgent, request as https } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { StorageError } from '../storage.ts'
import { failureOf, isPassing } from './failures.ts'

export type RemoteRequest = {
  readonly method: string
  /** Path and query as they are sent. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}
export type TextAnswer = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}
export type Begun = {
  readonly outgoing: ClientRequest
  /** The head of the answer. @throws StorageError `unavailable` */
  readonly answered: Promise<IncomingMessage>
}

/** What may differ from one store to another, and in tests. */
export type RemoteTuning = {
  /** Certificates (PEM) to trust instead of the system's. */
  readonly ca?: string
  /** Without a byte or an answer for so long, a store counts as gone. */
  readonly stallMs?: number
  /** Before the second try; doubled for each further one. */
  readonly retryDelayMs?: number
}

const tries = 4
const longestWaitMs = 5000
const textLimitBytes = 4 * 1024 * 1024

/** Speaks HTTP to one origin by kept connections. Redirects are answers like others, so nobody is followed elsewhere. */
export class RemoteClient {
  readonly stallMs: number
  readonly #origin: URL
  readonly #agent: HttpAgent
  readonly #authorize: (request: RemoteRequest) => RemoteRequest
  readonly #retryDelayMs: number

  /** `authorize` adds what proves who asks; it is called for each try. */
  constructor(
    origin: URL,
    authorize: (request: RemoteRequest) => RemoteRequest,
    { ca, stallMs = 60_000, retryDelayMs = 200 }: RemoteTuning,
  ) {
    this.#origin = origin
    this.#authorize = authorize
    this.#retryDelayMs = retryDelayMs
    this.stallMs = stallMs
    // A free connection is let go of before most servers would: a body on a closed one cannot be sent again.
    const kept = { keepAlive: true, maxSockets: 128, maxFreeSockets: 16, timeout: 10_000 }
    this.#agent =
      origin.protocol === 'https:'
        ? new HttpsAgent({ ...kept, ...(ca === undefined ? {} : { ca }) })
        : new HttpAgent(kept)
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Sends the head; the body is the caller's. Destroy `outgoing` to give up. */
  begin(request: RemoteRequest): Begun {
    const { method, path, headers } = this.#authorize(request)
    const send = this.#origin.protocol === 'https:' ? https : http
    const outgoing = send({
      host: this.#origin.hostname.replace(/^\[|\]$/g, ''),
      port: this.#origin.port === '' ? undefined : Number(this.#origin.port),
      agent: this.#agent,
      method,
      path,
      headers: { 'accept-encoding': 'identity', 'user-agent': 'hearthold', ...headers },
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve)
      outgoing.on('error', (error) => reject(failureOf(error)))
      outgoing.on('close', () => reject(failureOf(undefined)))
    })
    answered.catch(() => undefined)
    return { outgoing, answered }
  }

  /** The head of an answer, in time. The caller reads or destroys it. */
  async send(request: RemoteRequest): Promise<IncomingMessage> {
    const { outgoing, answered } = this.begin(request)
    outgoing.end(request.body)
    return this.inTime(answered, outgoing)
  }

  /** @throws StorageError `unavailable` where it takes longer than a store may */
  async inTime<T>(promise: Promise<T>, stalled: { destroy(): unknown }): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(tooSlow())
        stalled.destroy()
      }, this.stallMs)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** One try of a request whose answer is short. */
  async #askOnce(request: RemoteRequest, limitBytes: number): Promise<TextAnswer> {
    const answer = await this.send(request)
    const text = await this.text(answer, limitBytes)
    return { status: answer.statusCode ?? 0, headers: answer.headers, text }
  }

  /** The rest of a short answer. @throws StorageError `unavailable` */
  async text(answer: IncomingMessage, limitBytes = textLimitBytes): Promise<string> {
    const parts: Buffer[] = []
    await this.inTime(
      (async () => {
        let bytes = 0
        for await (const part of answer as AsyncIterable<Buffer>) {
          bytes += part.length
          if (bytes > limitBytes)
            throw new StorageError('unavailable', 'An answer of the storage is too long.')
          parts.push(part)
        }
      })(),
      answer,
    ).catch((error: unknown) => {
      throw error instanceof StorageError ? error : failureOf(error)
    })
    return Buffer.concat(parts).toString('utf8')
  }

  /**
   * Asks what may be asked twice: tried again, a little later each time, where the store is busy or the connection
   * breaks.
   * @returns the last answer, whatever its status
   * @throws StorageError `unavailable`
   */
  ask(request: RemoteRequest, limitBytes = textLimitBytes): Promise<TextAnswer> {
    return this.again(
      () => this.#askOnce(request, limitBytes),
      ({ status }) => isPassing(status),
      ({ headers }) => headers['retry-after'],
    )
  }

  /**
   * The head of an answer whose body the caller reads or destroys; tried again as `ask`.
   * @throws what `refuse` makes of an answer of another status than the wanted ones
   */
  async open(
    request: RemoteRequest,
    wanted: readonly number[],
    refuse: (answer: TextAnswer) => StorageError,
  ): Promise<IncomingMessage> {
    const { opened, refused } = await this.again<{
      opened?: IncomingMessage
      refused?: TextAnswer
    }>(
      async () => {
        const answer = await this.send(request)
        const { statusCode: status = 0, headers } = answer
        if (wanted.includes(status)) return { opened: answer }
        return { refused: { status, headers, text: await this.text(answer) } }
      },
      (outcome) => isPassing(outcome.refused?.status ?? 0),
      (outcome) => outcome.refused?.headers['retry-after'],
    )
    if (opened !== undefined) return opened
    throw refused === undefined ? failureOf(undefined) : refuse(refused)
  }

  /** Runs `once` until its outcome is not `passing` or the tries are used up. */
  async again<T>(
    once: () => Promise<T>,
    passing: (outcome: T) => boolean,
    retryAfter: (outcome: T) => string | undefined,
  ): Promise<T> {
    for (let trial = 1; ; trial += 1) {
      let asked: string | undefined
      try {
        const outcome = await once()
        if (trial === tries || !passing(outcome)) return outcome
        asked = retryAfter(outcome)
      } catch (error) {
        if (trial === tries || !isBrokenConnection(error)) throw error
      }
      const backOffMs = this.#retryDelayMs * 2 ** (trial - 1) * (1 + Math.random())
      const askedMs = /^\d{1,3}$/.test(asked ?? '') ? Number(asked) * 1000 : 0
      await sleep(Math.min(longestWaitMs, Math.max(backOffMs, askedMs)))
    }
  }
}

/** Only what the network did may be tried again: a store that took too long would take too long again. */
const isBrokenConnection = (error: unknown): boolean =>
  error instanceof StorageError && error.failure === 'unavailable' && error.cause !== undefined

export const tooSlow = (): StorageError =>
  new StorageError('unavailable', 'The storage did not answer in time.')
