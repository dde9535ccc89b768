import {
  commonProblems,
  type Endpoint,
  type ProblemBody,
  type ProblemCode,
  ProblemError,
} from '@hearthold/contract'
import type { FastifyError, FastifyReply } from 'fastify'

export const problemMediaType = 'application/problem+json'

/** `wrong_host` -> `Wrong host`. */
const titleOf = (code: ProblemCode): string => {
  const words = code.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A problem as RFC 9457 writes it. */
export const problemBody = (problem: ProblemError, requestId?: string): ProblemBody => ({
  type: `urn:hearthold:problem:${problem.code}`,
  title: titleOf(problem.code),
  status: problem.status,
  code: problem.code,
  ...(problem.detail === undefined ? {} : { detail: problem.detail }),
  ...(requestId === undefined ? {} : { requestId }),
  ...(problem.extra === undefined ? {} : { extra: problem.extra }),
})

type Violation = NonNullable<FastifyError['validation']>[number]

const partNames: Readonly<Record<string, string>> = {
  body: 'body',
  params: 'path',
  querystring: 'query',
  headers: 'headers',
}

/**
 * Where a request departs from its schema, in the schema's own words. An unknown field is not named, because its
 * name is input.
 */
const violationInWords = (violation: Violation | undefined, part: string | undefined): string => {
  const where = partNames[part ?? ''] ?? 'request'
  if (violation === undefined) return `The ${where} is not as this endpoint expects.`
  const at =
    violation.instancePath === ''
      ? `the ${where}`
      : `${violation.instancePath.slice(1).replaceAll('/', '.')} in the ${where}`
  if (violation.keyword === 'additionalProperties') return `There is an unknown field in ${at}.`
  if (violation.keyword === 'required')
    return `The field ${String(violation.params['missingProperty'])} is missing in ${at}.`
  return `The value of ${at} is not as this endpoint expects (${violation.keyword}).`
}

const codeForStatus: Readonly<Record<number, ProblemCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'too_large',
  414: 'not_found',
  415: 'unsupported_media_type',
  503: 'unavailable',
}

const isFastifyError = (error: unknown): error is FastifyError =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  error.code.startsWith('FST_')

/**
 * Any error as a problem. Ours pass as they are; the framework's about the request are mapped without their text;
 * everything else is `internal` with the error as its cause.
 */
export const problemFrom = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error
  if (isFastifyError(error)) {
    if (error.validation !== undefined)
      return new ProblemError(
        'bad_request',
        violationInWords(error.validation[0], error.validationContext),
      )
    const status = error.statusCode ?? 500
    if (status < 500 || status === 503)
      return new ProblemError(codeForStatus[status] ?? 'bad_request')
  }
  return new ProblemError(
    'internal',
    'Something went wrong in the server. Its log has more under this request id.',
    { cause: error },
  )
}

/** True if the endpoint's contract allows this code to leave it. */
export const isListedProblem = (endpoint: Endpoint, code: ProblemCode): boolean =>
  endpoint.problems.includes(code) || commonProblems.some((common) => common === code)

/** Answers with a problem; headers set before stay. */
export const sendProblem = (
  reply: FastifyReply,
  problem: ProblemError,
  requestId: string,
): FastifyReply => {
  if (problem.retryAfterSeconds !== undefined)
    reply.header('retry-after', String(Math.max(1, Math.ceil(problem.retryAfterSeconds))))
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  // Serialised here: the route's schema is that of its answer.
  return reply
    .code(problem.status)
    .header('content-type', problemMediaType)
    .serializer((text: unknown) => text as string)
    .send(JSON.stringify(problemBody(problem, requestId)))
}
