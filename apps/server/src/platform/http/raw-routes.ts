import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProblemError } from '@hearthold/contract'
import type { Log } from '../log.ts'
import type { Peer, PeerReader } from './client-address.ts'
import { checkHost, type OriginRules } from './origins.ts'
import { problemBody, problemMediaType } from './problems.ts'
import { strictTransportSecurity } from './security-headers.ts'
import { type RawHandler, stopping } from './server.ts'
import { dropUnread } from './unread-body.ts'

/** A request that Fastify never sees. */
export type RawRequest = {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** As it was sent, without the query. */
  readonly path: string
  readonly peer: Peer
  readonly requestId: string
  /** For the access log: whose request it is, once that is known. */
  named(account: string): void
}

/**
 * Addresses that are answered before Fastify, for what moves many bytes or many small ones: its hooks and its reply cost more than
 * the whole of such an answer. Host, proxies, transport security, shutdown and the access log are seen to as for every
 * other request; sign-in, limits and rights are the route's own.
 */
export type RawRoute = {
  /** Asked for each request of the server, so that it must be cheap. */
  takes(path: string): boolean
  /** Answers in any case. */
  handle(request: RawRequest): void | Promise<void>
}

export type RawDeps = {
  readonly rules: OriginRules
  readonly peerOf: PeerReader
  readonly onlyFromProxies: boolean
  readonly ownCertificate: boolean
  readonly nextRequestId: () => string
  readonly isClosing: () => boolean
  readonly lingerMs: number
  readonly log: Log
  readonly accessLog: Log | undefined
  readonly accessLogDetails?: boolean
}

/** For answers that are no page and never become one. */
const rawHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; sandbox; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** @param routes may grow until the server listens */
export const rawHandler = (deps: RawDeps, routes: readonly RawRoute[]): RawHandler => {
  return (req, res) => {
    if (routes.length === 0) return false
    const path = pathOf(req.url ?? '')
    const route = routes.find(({ takes }) => takes(path))
    if (route === undefined) return false
    answer(deps, route, req, res, path)
    return true
  }
}

const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

const answer = (
  deps: RawDeps,
  route: RawRoute,
  req: IncomingMessage,
  res: ServerResponse,
  path: string,
): void => {
  const requestId = deps.nextRequestId()
  const peer = deps.peerOf(req)
  let account: string | undefined
  if (deps.accessLog !== undefined)
    logWhenClosed(deps.accessLog, res, () => ({
      requestId,
      method: req.method,
      path: path.slice(0, 300),
      status: res.statusCode,
      address: peer.address,
      account,
      ...(deps.accessLogDetails ? accessDetails(req, res.getHeader('content-length')) : {}),
    }))
  if (peer.secure && (deps.ownCertificate || peer.viaProxy))
    res.setHeader('strict-transport-security', strictTransportSecurity)
  for (const name in rawHeaders) res.setHeader(name, rawHeaders[name] ?? '')
  res.setHeader('x-request-id', requestId)
  res.once('finish', () => deps.isClosing() && req.socket.end())
  const refusal = refusalOf(deps, req, peer)
  if (refusal !== undefined) return refuse(deps, req, res, refusal, requestId)
  const named = (name: string): void => {
    account = name
  }
  void settle(deps, req, res, () => route.handle({ req, res, path, peer, requestId, named }))
}

/** A route that fails has a fault; its client must not wait for ever. */
const settle = async (
  { log }: RawDeps,
  req: IncomingMessage,
  res: ServerResponse,
  work: () => void | Promise<void>,
): Promise<void> => {
  try {
    await work()
  } catch (error) {
    log.error({ err: error, method: req.method }, 'request failed')
    if (res.headersSent) res.destroy()
    else res.writeHead(500, { 'content-length': 0 }).end()
  }
}

const refusalOf = (
  { rules, onlyFromProxies, isClosing }: RawDeps,
  req: IncomingMessage,
  peer: Peer,
): ProblemError | undefined => {
  try {
    if (isClosing()) throw stopping()
    if ((req.headersDistinct['host']?.length ?? 0) > 1)
      throw new ProblemError('bad_request', 'A request names one host.')
    if (onlyFromProxies && !peer.viaProxy && !peer.local)
      throw new ProblemError(
        'wrong_host',
        `This port is for the listed proxies. Use ${rules.publicUrl}.`,
      )
    checkHost(rules, { host: req.headers.host, origin: undefined, secFetchSite: undefined })
    return undefined
  } catch (error) {
    if (error instanceof ProblemError) return error
    throw error
  }
}

const refuse = (
  { lingerMs }: RawDeps,
  req: IncomingMessage,
  res: ServerResponse,
  problem: ProblemError,
  requestId: string,
): void => {
  const body = Buffer.from(JSON.stringify(problemBody(problem, requestId)))
  if (problem.retryAfterSeconds !== undefined)
    res.setHeader('retry-after', String(problem.retryAfterSeconds))
  res.writeHead(problem.status, {
    'content-type': problemMediaType,
    'content-length': body.length,
  })
  res.end(req.method === 'HEAD' ? undefined : body)
  dropUnread(req, lingerMs)
}

/** What an access log has besides where it is asked for: see HttpDeps. */
export const accessDetails = (
  { method, httpVersion, headers }: IncomingMessage,
  contentLength: unknown,
): Record<string, unknown> => ({
  bodyBytes: method === 'HEAD' ? 0 : Number(contentLength ?? 0),
  httpVersion,
  client: headers['user-agent'],
})

const logWhenClosed = (
  log: Log,
  res: ServerResponse,
  fields: () => Record<string, unknown>,
): void => {
  const begun = performance.now()
  res.once('close', () =>
    log.info({ ...fields(), ms: Math.round(performance.now() - begun) }, 'request'),
  )
}
