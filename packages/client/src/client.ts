import {
  ProblemError,
  type AnswerOf,
  type BodyOf,
  type Endpoint,
  type ParamsOf,
  type QueryOf,
} from '@hearthold/contract'
import { AnswerMismatch, readAnswer } from './answer-schema.ts'
import { NetworkError } from './network-error.ts'
import { readProblem } from './problem-answer.ts'
import { backoffMs, defaultRetry, realWaiting, type RetryPolicy, type Waiting } from './retry.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'
import type { UploadSockets } from './upload-socket.ts'

type Part<Name extends string, Value> = [Value] extends [undefined]
  ? { readonly [N in Name]?: undefined }
  : { readonly [N in Name]: Value }

/** What a call takes: the parts that the endpoint declares, and no other. */
export type CallInput<E extends Endpoint> = Part<'params', ParamsOf<E>> &
  Part<'query', QueryOf<E>> &
  Part<'body', BodyOf<E>> & { readonly signal?: AbortSignal | undefined }

type CallArguments<Input> = {} extends Input ? [input?: Input] : [input: Input]

/** A call whose body or answer streams. */
export type OpenInput = {
  readonly params?: Readonly<Record<string, unknown>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: Uint8Array | Blob | AsyncIterable<Uint8Array>
  readonly bodyLength?: number
  readonly headers?: Readonly<Record<string, string>>
  /** See `TransportRequest`. */
  readonly blockBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export type Client = {
  /**
   * Calls an endpoint and returns its checked answer. Throws `ProblemError` for a problem, `NetworkError` when the way failed,
   * and the reason of `signal` when it aborts. Repeats where that is harmless: see `isRepeatable`.
   */
  call<E extends Endpoint>(endpoint: E, ...input: CallArguments<CallInput<E>>): Promise<AnswerOf<E>>
  /** One attempt whose body or answer streams; problems are thrown, the caller resumes. Renews the session like `call` where the body can be sent again. */
  open(endpoint: Endpoint, input: OpenInput): Promise<TransportResponse>
  readonly retry: RetryPolicy
  readonly waiting: Waiting
  readonly streamsBodies: boolean
  /** A way for uploads that costs less than requests, where there is one. */
  readonly uploadSockets?: UploadSockets | undefined
}

export type ClientOptions = {
  readonly transport: Transport
  /** A path before every endpoint's, for a server below a path; without a slash at the end. */
  readonly baseUrl?: string
  /** The bearer token, asked at each request; undefined where a cookie signs in or nobody is signed in. */
  readonly token?: () => string | undefined
  /**
   * Called once when a member's call is answered `unauthenticated`, however many calls wait for it; true when signed in again, and then they are repeated.
   * It gets a client that never renews, so that it cannot wait for itself.
   */
  readonly onUnauthenticated?: (client: Client) => Promise<boolean>
  readonly retry?: Partial<RetryPolicy>
  readonly waiting?: Waiting
  /** For large uploads in browsers, signed in by a cookie; what it cannot carry goes by requests. */
  readonly uploadSockets?: UploadSockets | undefined
}

/** Largest buffered answer: a full bundle or page with room to spare. */
const answerLimitBytes = 32 * 1024 * 1024

/** POSTs that the server recognises when they come again (logs: same log, device and counter; objects: same bytes). */
const repeatablePosts: readonly string[] = [
  'appendLogs',
  'putBundle',
  'getBundle',
  'createUpload',
  'renewSession',
]

/** True where sending the request twice has the effect of sending it once. */
export const isRepeatable = (endpoint: Endpoint): boolean =>
  ['GET', 'HEAD', 'PUT', 'DELETE'].includes(endpoint.method) ||
  repeatablePosts.includes(endpoint.name)

/** The token goes only where it is needed. */
const signsIn = (endpoint: Endpoint): boolean =>
  endpoint.access === 'member' || endpoint.access === 'host'

/** The path of an endpoint with its parameters and query; undefined query members are left out. */
export const urlOf = (
  endpoint: Endpoint,
  params: Readonly<Record<string, unknown>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string => {
  const path = endpoint.path.replace(/:(\w+)/g, (_, name: string) => {
    if (!Object.hasOwn(params, name))
      throw new TypeError(`${endpoint.name} needs the parameter ${name}`)
    return encodeURIComponent(String(params[name]))
  })
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  if (given.length === 0) return path
  return `${path}?${given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`).join('&')}`
}

const bodyOf = (endpoint: Endpoint, body: unknown): { body?: Uint8Array; type?: string } => {
  if (body === undefined) return {}
  if (endpoint.body === 'bytes')
    return { body: body as Uint8Array, type: 'application/octet-stream' }
  return { body: new TextEncoder().encode(JSON.stringify(body)), type: 'application/json' }
}

const readBody = async (endpoint: Endpoint, response: TransportResponse): Promise<unknown> => {
  const bytes = await response.bytes(answerLimitBytes)
  if (endpoint.answer === 'bytes') return bytes
  if (endpoint.answer === undefined) return undefined
  try {
    return readAnswer(
      endpoint.answer,
      JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)),
    )
  } catch (error) {
    // Nothing of the answer goes into the message or the cause: it may hold a token.
    const where =
      error instanceof AnswerMismatch ? ` (${endpoint.name}, ${error.path})` : ` (${endpoint.name})`
    throw new NetworkError(
      'protocol',
      `The server's answer is not of the form that this version expects${where}.`,
    )
  }
}

const isUnauthenticated = (error: unknown): boolean =>
  error instanceof ProblemError && error.code === 'unauthenticated'

/** The wait before another attempt, or undefined to give up. */
const waitFor = (
  error: unknown,
  attempt: number,
  repeatable: boolean,
  policy: RetryPolicy,
  random: () => number,
) => {
  if (attempt >= policy.attempts) return undefined
  const own = backoffMs(policy, attempt, random)
  if (error instanceof NetworkError)
    return error.passing && (repeatable || !error.sent) ? own : undefined
  if (!(error instanceof ProblemError)) return undefined
  // `locked_out` is 429 too, but waiting would only guess again; it is for the person to read.
  const turnedAway = error.code === 'rate_limited'
  const busy =
    error.code === 'unavailable' ||
    (error.code === 'internal' && [429, 502, 503, 504].includes(error.status))
  if (!turnedAway && !(busy && repeatable)) return undefined
  const asked = (error.retryAfterSeconds ?? 0) * 1000
  return asked > policy.retryAfterLimitMs ? undefined : Math.max(asked, own)
}

type Attempt = {
  readonly endpoint: Endpoint
  readonly input: OpenInput
  readonly type: string | undefined
}

/** Sends one request and throws for every status but success. */
const createSender =
  (options: ClientOptions) => async (attempt: Attempt, token: string | undefined) => {
    const { endpoint, input, type } = attempt
    const headers: Record<string, string> = {
      accept:
        endpoint.answer === 'bytes'
          ? 'application/octet-stream, application/problem+json'
          : 'application/json, application/problem+json',
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...input.headers,
    }
    const request: TransportRequest = {
      method: endpoint.method,
      url: (options.baseUrl ?? '') + urlOf(endpoint, input.params, input.query),
      headers,
      signal: input.signal,
      ...(input.body === undefined ? {} : { body: input.body }),
      ...(input.bodyLength === undefined ? {} : { bodyLength: input.bodyLength }),
      ...(input.blockBytes === undefined ? {} : { blockBytes: input.blockBytes }),
    }
    const response = await options.transport.request(request)
    if (response.status >= 200 && response.status < 300) return response
    if (response.status >= 400) throw await readProblem(response, Date.now())
    response.discard()
    if (response.status >= 300 || response.status === 0) {
      throw new NetworkError(
        'redirect',
        'The address answers with a redirect, which is never followed: give the address of the server itself.',
      )
    }
    throw new NetworkError(
      'protocol',
      `The server answered with the unexpected status ${response.status}.`,
    )
  }

/** Runs `work` with the token; after `unauthenticated` renews the session, together with all who wait for the same, and runs it once more. */
const createRenewal = (options: ClientOptions, bare: () => Client) => {
  let pending: Promise<boolean> | undefined
  return async <T>(
    withToken: boolean,
    work: (token: string | undefined) => Promise<T>,
  ): Promise<T> => {
    const token = withToken ? options.token?.() : undefined
    try {
      return await work(token)
    } catch (error) {
      if (!withToken || !options.onUnauthenticated || !isUnauthenticated(error)) throw error
      // Another call may have renewed the session while this one was under way.
      if (options.token === undefined || options.token() === token) {
        pending ??= options.onUnauthenticated(bare()).finally(() => (pending = undefined))
        if (!(await pending)) throw error
      }
      return work(options.token?.())
    }
  }
}

/** Creates a client; see `ClientOptions`. Nothing is sent before the first call. */
export const createClient = (options: ClientOptions): Client => {
  const retry = { ...defaultRetry, ...options.retry }
  const waiting = options.waiting ?? realWaiting
  const send = createSender(options)
  const bare = (): Client => {
    const { onUnauthenticated: _, ...rest } = options
    return createClient(rest)
  }
  const renewing = createRenewal(options, bare)

  const perform = async (attempt: Attempt): Promise<unknown> => {
    const { endpoint, input } = attempt
    const repeatable = isRepeatable(endpoint)
    for (let count = 1; ; count++) {
      try {
        return await renewing(signsIn(endpoint), async (token) =>
          readBody(endpoint, await send(attempt, token)),
        )
      } catch (error) {
        if (input.signal?.aborted) throw error
        const wait = waitFor(error, count, repeatable, retry, waiting.random)
        if (wait === undefined) throw error
        await waiting.sleep(wait, input.signal)
      }
    }
  }

  return {
    retry,
    waiting,
    streamsBodies: options.transport.streamsBodies,
    uploadSockets: options.uploadSockets,
    call: async <E extends Endpoint>(endpoint: E, ...[input]: CallArguments<CallInput<E>>) => {
      const { body: given, ...rest } = (input ?? {}) as { body?: unknown } & Omit<OpenInput, 'body'>
      const { body, type } = bodyOf(endpoint, given)
      const attempt = {
        endpoint,
        type,
        input: { ...rest, ...(body === undefined ? {} : { body }) },
      }
      return (await perform(attempt)) as AnswerOf<E>
    },
    open: async (endpoint, input) => {
      const attempt = {
        endpoint,
        input,
        type: input.body === undefined ? undefined : 'application/octet-stream',
      }
      const once = input.body !== undefined && Symbol.asyncIterator in input.body
      if (once) return send(attempt, options.token?.())
      return renewing(signsIn(endpoint), (token) => send(attempt, token))
    },
  }
}
