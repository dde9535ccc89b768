import {
  type AnswerOf,
  type BodyOf,
  type Endpoint,
  type ParamsOf,
  ProblemError,
  type QueryOf,
} from '@hearthold/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { SessionContext } from '../access/session.ts'
import { type Caller, originHeadersOf } from './admission.ts'
import { type BytesAnswer, sendBytes } from './answers.ts'
import { coerceTexts } from './body.ts'
import type { Http } from './http.ts'
import { checkForgery } from './origins.ts'
import { factsOfEndpoint } from './routes.ts'
import { clearedCookie, sessionCookie } from './session-cookie.ts'

/** What a handler may know of the request beyond its typed parts. */
export type RequestFacts = {
  /** Also in the log and in problems. */
  readonly id: string
  /** The caller's address; see peerReader. */
  readonly address: string
  /** The User-Agent header, at most 200 characters; empty when there is none. */
  readonly client: string
  /** A header by its lower-case name. */
  header(name: string): string | undefined
  /** Aborted when the client goes away before the answer. */
  readonly signal: AbortSignal
}

/** What a handler may do to the answer besides returning it. */
export type ResponseFacts = {
  header(name: string, value: string): void
  /** Sets the session cookie; without an age it ends with the browser. */
  setSessionCookie(tokenB64: string, maxAgeSeconds?: number): void
  clearSessionCookie(): void
}

export type HandlerInput<E, Body = BodyOf<E>> = {
  readonly params: ParamsOf<E>
  readonly query: QueryOf<E>
  readonly body: Body
  /** Who is signed in. Public and set-up endpoints have nobody: reading it there is a mistake and throws. */
  readonly session: SessionContext
  readonly request: RequestFacts
  readonly response: ResponseFacts
}

/** What may be returned: the typed answer; for bytes also a BytesAnswer with status, headers or pieces. */
export type HandlerAnswer<E> =
  AnswerOf<E> extends Uint8Array ? Uint8Array | BytesAnswer : AnswerOf<E>

export type Handler<E, Body = BodyOf<E>> = (
  input: HandlerInput<E, Body>,
) => HandlerAnswer<E> | Promise<HandlerAnswer<E>>

/**
 * Binds a handler to an endpoint of the contract. The handler gets checked input and returns the answer or throws a
 * ProblemError that the endpoint lists. For endpoints with `bodyStream` use bindStream.
 */
export const bind = <E extends Endpoint>(http: Http, endpoint: E, handler: Handler<E>): void => {
  if (endpoint.bodyStream) throw new Error(`${endpoint.name} streams its body: use bindStream`)
  addRoute(http, endpoint, handler as LooseHandler)
}

/**
 * The same for an endpoint whose body is handed on as the request itself, unread. Its declared length is checked
 * against the endpoint's limit; bytes beyond what the handler reads are dropped with the connection.
 */
export const bindStream = <E extends Endpoint>(
  http: Http,
  endpoint: E,
  handler: Handler<E, IncomingMessage>,
): void => {
  if (!endpoint.bodyStream) throw new Error(`${endpoint.name} does not stream its body: use bind`)
  addRoute(http, endpoint, handler as LooseHandler)
}

/**
 * What takes a connection over: called before the upgrade, it may still refuse; what it returns is called once the
 * connection is its own, to send the answer to the upgrade and all that follows.
 */
export type Upgrade<E> = (input: HandlerInput<E>, request: IncomingMessage) => () => void

/**
 * The same for an endpoint that is reached by an upgrade of the connection. Who, may, limits and forgery are seen to before, as
 * for a request that changes something; what `handler` throws refuses the upgrade. (That upgrades
 * come as requests at all is the doing of the plugin that platform/socket registers.) Without an upgrade its answer is the answer.
 */
export const bindUpgrade = <E extends Endpoint>(
  http: Http,
  endpoint: E,
  handler: Handler<E>,
  upgrade: Upgrade<E>,
): void => addRoute(http, endpoint, handler as LooseHandler, upgrade)

type LooseInput = {
  params: unknown
  query: unknown
  body: unknown
  session: SessionContext
  request: RequestFacts
  response: ResponseFacts
}
type LooseHandler = (input: LooseInput) => unknown

/** What an endpoint does not know is refused there too: a mistyped name must not pass for a wish fulfilled. */
const noFields = { type: 'object', additionalProperties: false } as const

const schemaOf = (endpoint: Endpoint): Record<string, unknown> => ({
  ...(endpoint.params === undefined ? {} : { params: endpoint.params }),
  querystring: endpoint.query ?? noFields,
  ...(endpoint.body === undefined || endpoint.body === 'bytes' ? {} : { body: endpoint.body }),
  ...(endpoint.answer === undefined || endpoint.answer === 'bytes'
    ? {}
    : { response: { 200: endpoint.answer } }),
})

const isUpgrade = (raw: IncomingMessage): boolean =>
  (raw as IncomingMessage & { readonly upgrade?: boolean | null }).upgrade === true

/** Hands the connection over; its response is never sent, but closes with it. */
const handOver = (
  http: Http,
  input: LooseInput,
  request: FastifyRequest,
  reply: FastifyReply,
  upgrade: Upgrade<never>,
): FastifyReply => {
  checkForgery(http.rules, originHeadersOf(request), input.session.kind)
  const begin = upgrade(input as never, request.raw)
  reply.hijack()
  const { socket } = request.raw
  // Who left meanwhile will not be heard to leave again.
  if (socket.destroyed || socket.readableEnded) socket.destroy()
  else begin()
  return reply
}

const addRoute = (
  http: Http,
  endpoint: Endpoint,
  handler: LooseHandler,
  upgrade?: Upgrade<never>,
): void => {
  const facts = factsOfEndpoint(endpoint)
  const coerce = async (request: FastifyRequest): Promise<void> => {
    if (endpoint.params !== undefined) request.params = coerceTexts(endpoint.params, request.params)
    if (endpoint.query !== undefined) request.query = coerceTexts(endpoint.query, request.query)
  }
  http.paths.add(endpoint.method, endpoint.path)
  if (upgrade !== undefined) http.upgrades.allow(endpoint.path)
  http.fastify.route({
    method: endpoint.method,
    url: endpoint.path,
    schema: schemaOf(endpoint),
    config: { facts },
    ...(endpoint.params === undefined && endpoint.query === undefined
      ? {}
      : { preValidation: coerce }),
    // Node reads no other request from a connection that was to be upgraded.
    ...(upgrade === undefined
      ? {}
      : { onResponse: async ({ raw }) => void (isUpgrade(raw) && raw.socket.destroySoon()) }),
    handler: async (request, reply) => {
      if (endpoint.body === 'bytes' && request.body === undefined) {
        throw new ProblemError(
          'unsupported_media_type',
          'This endpoint takes application/octet-stream.',
        )
      }
      const input = inputFor(http, http.callerOf(request), request, reply)
      const answer = await handler(input)
      if (upgrade !== undefined && isUpgrade(request.raw))
        return handOver(http, input, request, reply, upgrade)
      if (endpoint.answer === 'bytes') {
        return sendBytes(request, reply, answer as Uint8Array | BytesAnswer, (error) =>
          http.log.error(
            { err: error, requestId: request.id, endpoint: endpoint.name },
            'an answer broke off',
          ),
        )
      }
      return answer === undefined ? reply.code(204).send() : reply.send(answer)
    },
  })
}

const inputFor = (
  http: Http,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): LooseInput => ({
  params: request.params,
  query: request.query,
  body: request.body,
  get session(): SessionContext {
    if (caller.session === undefined) throw new Error('this endpoint has no session')
    return caller.session
  },
  request: requestFacts(caller, request, reply),
  response: {
    header: (name, value) => void reply.header(name, value),
    setSessionCookie: (tokenB64, maxAgeSeconds) =>
      void reply.header('set-cookie', sessionCookie(http.cookie, tokenB64, maxAgeSeconds)),
    clearSessionCookie: () => void reply.header('set-cookie', clearedCookie(http.cookie)),
  },
})

const requestFacts = (
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): RequestFacts => {
  let controller: AbortController | undefined
  return {
    id: request.id,
    address: caller.peer.address,
    client: (request.headers['user-agent'] ?? '').slice(0, 200),
    header: (name) => {
      const value = request.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    // Most handlers never ask, so it is made when one does.
    get signal(): AbortSignal {
      if (controller === undefined) {
        const made = new AbortController()
        controller = made
        if (reply.raw.destroyed) made.abort()
        else reply.raw.once('close', () => reply.raw.writableFinished || made.abort())
      }
      return controller.signal
    },
  }
}
