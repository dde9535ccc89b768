import { getSetUp, ProblemError } from '@hearthold/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Credential, SessionContext, SessionLookup } from '../access/session.ts'
import { type BodyBudget, heldBytes } from './body-budget.ts'
import { addressKey, type Peer, type PeerReader } from './client-address.ts'
import {
  checkForgery,
  checkHost,
  isListedOrigin,
  type OriginHeaders,
  type OriginRules,
} from './origins.ts'
import type { Concurrency, RateLimiter } from './rate-limiter.ts'
import { factsOf, type RouteFacts } from './routes.ts'
import { securityHeaders, strictTransportSecurity } from './security-headers.ts'
import { type CookieRules, tokenFromAuthorization, tokenFromCookie } from './session-cookie.ts'

/** Who calls, as found out before the body is read. */
export type Caller = { readonly peer: Peer; readonly session: SessionContext | undefined }

export type AdmissionDeps = {
  readonly rules: OriginRules
  readonly cookie: CookieRules
  readonly peerOf: PeerReader
  readonly sessions: SessionLookup
  readonly setUp: { needed(): boolean }
  readonly limiter: RateLimiter
  readonly concurrency: Concurrency
  readonly bodies: BodyBudget
  /** True where the certificate is the host's own, which browsers accept. */
  readonly ownCertificate: boolean
  /** True where plain HTTP is spoken because a proxy stands in front: others may not come past it. */
  readonly onlyFromProxies: boolean
}

const header = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** RFC 9112 3.2: of two hosts a proxy may take the one and we the other, so that neither is believed. */
const namesTwoHosts = ({ raw }: FastifyRequest): boolean => {
  let hosts = 0
  for (let at = 0; at < raw.rawHeaders.length; at += 2)
    if (raw.rawHeaders[at]?.toLowerCase() === 'host') hosts++
  return hosts > 1
}

/** The headers that tell where a request was made. */
export const originHeadersOf = (request: FastifyRequest): OriginHeaders => ({
  host: header(request, 'host'),
  origin: header(request, 'origin'),
  secFetchSite: header(request, 'sec-fetch-site'),
})

/** Bearer before cookie: a wrong bearer token is not made good by a cookie. */
const credentialOf = (request: FastifyRequest, cookie: CookieRules): Credential | undefined => {
  const bearer = tokenFromAuthorization(header(request, 'authorization'))
  if (bearer !== undefined) return { kind: 'bearer', tokenB64: bearer }
  const tokenB64 = tokenFromCookie(cookie, header(request, 'cookie'))
  return tokenB64 === undefined ? undefined : { kind: 'cookie', tokenB64 }
}

const corsMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const corsHeaders = 'authorization, content-type, range, if-match, if-none-match'
const corsExposed = 'content-range, accept-ranges, etag, retry-after, x-request-id'

/**
 * Cross-origin calls by explicit origins, with a bearer token only: credentials are never allowed, so a cookie of
 * this server is no use to another page (OPS-4).
 * @returns true if the request was a preflight and is answered
 */
const answerCors = (request: FastifyRequest, reply: FastifyReply, rules: OriginRules): boolean => {
  if (rules.corsOrigins.length === 0) return false
  reply.header('vary', 'Origin')
  const origin = header(request, 'origin')
  if (origin === undefined || !isListedOrigin(rules, origin)) return false
  reply
    .header('access-control-allow-origin', origin)
    .header('access-control-expose-headers', corsExposed)
  if (
    request.method !== 'OPTIONS' ||
    header(request, 'access-control-request-method') === undefined
  )
    return false
  reply
    .header('access-control-allow-methods', corsMethods)
    .header('access-control-allow-headers', corsHeaders)
    .header('access-control-max-age', '600')
    .code(204)
    .send()
  return true
}

const checkSetUp = (facts: RouteFacts | undefined, needed: boolean): void => {
  if (facts?.access === 'open' || facts?.endpoint === getSetUp) return
  if (needed && facts?.access !== 'set-up') {
    throw new ProblemError(
      'not_set_up',
      'This server is not set up yet. Its terminal shows the address to open.',
    )
  }
  if (!needed && facts?.access === 'set-up')
    throw new ProblemError('set_up_done', 'This server is set up already.')
}

const isUnsafe = (method: string): boolean =>
  method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'

const needsSession = (facts: RouteFacts | undefined): boolean =>
  facts?.access === 'member' || facts?.access === 'host'

/** Lets go of a place when the answer is sent or the client left, whichever comes first. */
const leaveWithResponse = (reply: FastifyReply, leave: () => void): void => {
  reply.raw.once('finish', leave).once('close', leave)
}

/**
 * Everything that is decided before a byte of the body is read, from the cheapest to the dearest: host, origin,
 * set-up, session, limits, rights, forgery. Throws a ProblemError, or tells who is calling.
 */
export const admission = (deps: AdmissionDeps) => {
  const { rules, peerOf } = deps

  const findSession = async (request: FastifyRequest): Promise<SessionContext | undefined> => {
    const credential = credentialOf(request, deps.cookie)
    return credential === undefined || credential.tokenB64 === ''
      ? undefined
      : deps.sessions.find(credential)
  }

  const checkLimits = async (
    facts: RouteFacts | undefined,
    caller: Caller,
    reply: FastifyReply,
  ): Promise<void> => {
    if (facts?.access === 'open' && facts.anyHost) return
    const { session, peer } = caller
    if (session !== undefined && facts?.bulk)
      leaveWithResponse(reply, deps.concurrency.enter(session.sessionId))
    else
      await deps.limiter.take(
        session === undefined
          ? `address:${addressKey(peer.address)}`
          : `session:${session.sessionId}`,
        'ordinary',
      )
  }

  const checkRights = (
    facts: RouteFacts | undefined,
    session: SessionContext | undefined,
  ): void => {
    if (!needsSession(facts)) return
    if (session === undefined) throw new ProblemError('unauthenticated', 'Sign in first.')
    if (facts?.access === 'host' && session.role !== 'host')
      throw new ProblemError('forbidden', 'Only a host may do this.')
  }

  /** @returns undefined if the request was answered here (a preflight) */
  return async (request: FastifyRequest, reply: FastifyReply): Promise<Caller | undefined> => {
    const facts = factsOf(request)
    const peer = peerOf(request.raw)
    if (peer.secure && (deps.ownCertificate || peer.viaProxy))
      reply.header('strict-transport-security', strictTransportSecurity)
    if (namesTwoHosts(request)) throw new ProblemError('bad_request', 'A request names one host.')
    if (!facts?.anyHost) {
      if (deps.onlyFromProxies && !peer.viaProxy && !peer.local) {
        throw new ProblemError(
          'wrong_host',
          `This port is for the listed proxies. Open ${rules.publicUrl}.`,
        )
      }
      checkHost(rules, originHeadersOf(request))
    }
    if (answerCors(request, reply, rules)) return undefined
    checkSetUp(facts, deps.setUp.needed())
    const session = needsSession(facts) ? await findSession(request) : undefined
    const caller = { peer, session }
    await checkLimits(facts, caller, reply)
    checkRights(facts, session)
    if (isUnsafe(request.method) && facts !== undefined)
      checkForgery(rules, originHeadersOf(request), session?.kind)
    const bodyBytes = heldBytes(facts?.endpoint, request.raw)
    if (session !== undefined && bodyBytes > 0)
      leaveWithResponse(reply, deps.bodies.take(session.account, bodyBytes))
    return caller
  }
}

/** Set first, so that every answer has them, a refusal too. */
export const setSecurityHeaders = (request: FastifyRequest, reply: FastifyReply): void => {
  reply.headers(securityHeaders).header('x-request-id', request.id)
}
