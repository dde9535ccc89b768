import type { Static, TSchema } from 'typebox'
import type { ProblemCode } from './problem.ts'

/** Who may call: nobody signed in yet, anyone signed in, or a host. `set-up` works only before the instance is set up. */
export type Access = 'public' | 'set-up' | 'member' | 'host'

/** `bytes` bodies are `application/octet-stream` and handed to the handler as a stream or a buffer, by `bodyStream`. */
export type BodyKind = TSchema | 'bytes' | undefined
export type AnswerKind = TSchema | 'bytes' | undefined

/**
 * An endpoint as data: the server binds a handler to it, the client calls it, the tests walk all of them,
 * and the OpenAPI document is printed from it. Names are unique and stable.
 */
export type Endpoint<
  Params extends TSchema | undefined = TSchema | undefined,
  Query extends TSchema | undefined = TSchema | undefined,
  Body extends BodyKind = BodyKind,
  Answer extends AnswerKind = AnswerKind,
> = {
  readonly name: string
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Fastify path syntax: `/api/logs/:log/entries`. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  /** With `body: 'bytes'`: true hands the request stream on untouched (object uploads), false buffers up to the limit. */
  readonly bodyStream?: boolean
  readonly answer?: Answer
  readonly bodyLimitBytes: number
  /** The codes this endpoint may answer besides `commonProblems`; a test checks that no other leaves it. */
  readonly problems: readonly ProblemCode[]
}

/** Codes any endpoint may answer. */
export const commonProblems = [
  'bad_request',
  'unauthenticated',
  'csrf',
  'forbidden',
  'not_found',
  'method_not_allowed',
  'too_large',
  'unsupported_media_type',
  'wrong_host',
  'rate_limited',
  'internal',
  'not_set_up',
  'unavailable',
  // Even a failed sign-in is written down, so that it counts.
  'disk_full',
] as const satisfies readonly ProblemCode[]

export const defaultBodyLimitBytes = 64 * 1024

type Optional<T extends 'bodyLimitBytes' | 'problems'> = Partial<Pick<Endpoint, T>>

/** Declares an endpoint; fills in the body limit (64 KiB) and an empty list of problems. */
export const endpoint = <
  Params extends TSchema | undefined = undefined,
  Query extends TSchema | undefined = undefined,
  Body extends BodyKind = undefined,
  Answer extends AnswerKind = undefined,
>(
  definition: Omit<Endpoint<Params, Query, Body, Answer>, 'bodyLimitBytes' | 'problems'> &
    Optional<'bodyLimitBytes' | 'problems'>,
): Endpoint<Params, Query, Body, Answer> => ({
  bodyLimitBytes: defaultBodyLimitBytes,
  problems: [],
  ...definition,
})

type StaticOr<T, Otherwise> = T extends TSchema ? Static<T> : Otherwise

export type ParamsOf<E> =
  E extends Endpoint<infer P, infer _Q, infer _B, infer _A> ? StaticOr<P, undefined> : never
export type QueryOf<E> =
  E extends Endpoint<infer _P, infer Q, infer _B, infer _A> ? StaticOr<Q, undefined> : never
export type BodyOf<E> =
  E extends Endpoint<infer _P, infer _Q, infer B, infer _A>
    ? B extends 'bytes'
      ? Uint8Array
      : StaticOr<B, undefined>
    : never
export type AnswerOf<E> =
  E extends Endpoint<infer _P, infer _Q, infer _B, infer A>
    ? A extends 'bytes'
      ? Uint8Array
      : StaticOr<A, undefined>
    : never
