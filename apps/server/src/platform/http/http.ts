import { type Endpoint, type ProblemCode, ProblemError } from '@hearthold/contract'
import fastifyFactory, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { SessionLookup } from '../access/session.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { CertificateKeeper } from '../tls/keeper.ts'
import { admission, type Caller, setSecurityHeaders } from './admission.ts'
import { bodyBudget } from './body-budget.ts'
import { checkDeclaredLength, checkMediaType, declaredLength, parseJson, readBody } from './body.ts'
import { type Peer, peerReader } from './client-address.ts'
import { answerClientError, standardTimeouts, type Timeouts } from './connections.ts'
import type { OriginRules } from './origins.ts'
import { isListedProblem, problemFrom, sendProblem } from './problems.ts'
import { concurrencyLimit, memoryRateLimiter, type RateLimiter } from './rate-limiter.ts'
import { accessDetails, rawHandler, type RawRoute } from './raw-routes.ts'
import { requestIds } from './request-id.ts'
import { factsOf, type PathIndex, pathIndex, type RouteFacts } from './routes.ts'
import {
  createNodeServer,
  listen,
  type ListenAddress,
  portOf,
  type RawHandler,
  stopping,
} from './server.ts'
import { type CookieRules, cookieRules } from './session-cookie.ts'
import { dropUnread } from './unread-body.ts'
import { createUpgrades, type Upgrades } from './upgrades.ts'

export type HttpDeps = {
  readonly publicUrl: string
  readonly listen: ListenAddress
  readonly trustedProxies: readonly string[]
  readonly corsOrigins: readonly string[]
  /** With a certificate the server speaks TLS itself. */
  readonly certificate: CertificateKeeper | undefined
  /** True if that certificate is the host's own, not a self-signed one. */
  readonly ownCertificate: boolean
  /** True if plain HTTP is spoken beyond this machine for the listed proxies. */
  readonly onlyFromProxies: boolean
  readonly clock: Clock
  readonly log: Log
  /** One line a request: no query, headers or body. */
  readonly accessLog: Log | undefined
  /** With what Apache's format has besides: size of the answer, version, client. */
  readonly accessLogDetails?: boolean
  readonly sessions: SessionLookup
  readonly setUp: { needed(): boolean }
  readonly limiter?: RateLimiter
  readonly concurrentPerSession?: number
  readonly timeouts?: Partial<Timeouts>
  /**
   * Told when a code leaves an endpoint whose contract does not list it. Tests collect and fail; by default it is
   * logged. The problem is sent all the same.
   */
  readonly onUnlistedProblem?: (endpoint: Endpoint, code: ProblemCode) => void
}

/** The server's HTTP side. Endpoints are added by `bind`, everything else on `fastify` with `config: { facts }`. */
export type Http = {
  readonly fastify: FastifyInstance
  readonly log: Log
  readonly rules: OriginRules
  readonly cookie: CookieRules
  readonly paths: PathIndex
  /** See addRawRoute. */
  readonly rawRoutes: RawRoute[]
  readonly upgrades: Upgrades
  /** Who sent a request that was let in. */
  callerOf(request: FastifyRequest): Caller
  /** Where a raw request comes from (upgrades to a socket). */
  peerOf(request: IncomingMessage): Peer
  /** The port listened on; undefined before, and on a unix socket. */
  port(): number | undefined
  /** @throws Error that says what is in the way and what to do */
  listen(): Promise<void>
  /** Stops accepting, lets requests finish for some seconds, then cuts what is left. */
  close(): Promise<void>
}

const nobody = (peer: Peer): Caller => ({ peer, session: undefined })

/** Reads a body as its endpoint says. Unknown kinds are refused before they are read. */
const parseBody = async (request: FastifyRequest): Promise<unknown> => {
  const endpoint = factsOf(request)?.endpoint
  const { raw } = request
  if (endpoint?.body === undefined) {
    if (declaredLength(raw) === 0) return undefined
    throw new ProblemError('bad_request', 'This endpoint takes no body.')
  }
  checkMediaType(raw.headers['content-type'], endpoint.body)
  if (endpoint.problems.includes('length_required') && declaredLength(raw) === undefined) {
    throw new ProblemError('length_required', 'Say the length of the body in Content-Length.')
  }
  checkDeclaredLength(raw, endpoint.bodyLimitBytes)
  if (endpoint.bodyStream) return raw
  const bytes = await readBody(raw, endpoint.bodyLimitBytes)
  return endpoint.body === 'bytes' ? bytes : parseJson(bytes)
}

type ProblemAnswerer = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
) => FastifyReply

/** The one place where errors become answers. Unknown ones are logged here, once, with their cause. */
const problemAnswerer =
  ({ log, onUnlistedProblem }: HttpDeps): ProblemAnswerer =>
  (error, request, reply) => {
    const problem = problemFrom(error)
    const endpoint = factsOf(request)?.endpoint
    const where = { requestId: request.id, method: request.method, route: endpoint?.path ?? 'none' }
    if (problem.code === 'internal')
      log.error({ ...where, err: problem.cause ?? problem }, 'request failed')
    else if (problem.status >= 500 && problem.code !== 'not_set_up')
      log.warn({ ...where, code: problem.code, err: problem.cause }, 'request refused')
    if (endpoint !== undefined && !isListedProblem(endpoint, problem.code)) {
      if (onUnlistedProblem === undefined)
        log.error(
          { ...where, code: problem.code },
          'a problem left an endpoint that does not list it',
        )
      else onUnlistedProblem(endpoint, problem.code)
    }
    setSecurityHeaders(request, reply)
    return sendProblem(reply, problem, request.id)
  }

const createFastify = (
  deps: HttpDeps,
  timeouts: Timeouts,
  answerProblem: ProblemAnswerer,
  raw: RawHandler,
  upgrades: Upgrades,
): FastifyInstance => {
  const fastify = fastifyFactory({
    logger: false,
    return503OnClosing: false,
    genReqId: requestIds(),
    serverFactory: (handler) =>
      createNodeServer(handler, timeouts, deps.certificate, raw, upgrades),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void answerProblem(error, request, reply),
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: false,
      },
    },
    routerOptions: { maxParamLength: 200, caseSensitive: true, ignoreTrailingSlash: false },
  })
  fastify.setErrorHandler((error, request, reply) => answerProblem(error, request, reply))
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (request: FastifyRequest) => parseBody(request))
  return fastify
}

const accessLine = (
  log: Log,
  details: boolean,
  request: FastifyRequest,
  reply: FastifyReply,
  caller: Caller | undefined,
): void =>
  log.info(
    {
      requestId: request.id,
      method: request.method,
      path: pathOf(request).slice(0, 300),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      address: caller?.peer.address,
      account: caller?.session?.account,
      ...(details ? accessDetails(request.raw, reply.getHeader('content-length')) : {}),
    },
    'request',
  )

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? ''

const answerUnknownPaths = (fastify: FastifyInstance, paths: PathIndex): void => {
  fastify.setNotFoundHandler((request, reply) => {
    const methods = paths.methodsOf(pathOf(request))
    if (methods.length === 0) throw new ProblemError('not_found', 'There is nothing here.')
    reply.header('allow', methods.join(', '))
    throw new ProblemError('method_not_allowed', 'This address does not take that method.')
  })
}

const originRules = (deps: HttpDeps, fastify: FastifyInstance): OriginRules => {
  // Asked for every request, and the system for none but the first.
  let listeningPort: number | undefined
  return {
    publicUrl: deps.publicUrl,
    corsOrigins: deps.corsOrigins,
    listeningPort: () => (listeningPort ??= portOf(fastify)),
  }
}

const closeWithin = async (
  ms: number,
  fastify: FastifyInstance,
  upgrades: Upgrades,
): Promise<void> => {
  const cut = (): void => {
    fastify.server.closeAllConnections()
    upgrades.cut()
  }
  const timer = setTimeout(cut, ms)
  await fastify.close()
  clearTimeout(timer)
}

/** Builds the layer. Nothing listens yet; `fastify.inject` works at once. */
export const createHttp = (deps: HttpDeps): Http => {
  const timeouts = { ...standardTimeouts, ...deps.timeouts }
  const rawRoutes: RawRoute[] = []
  const upgrades = createUpgrades(timeouts.idleMs)
  const tryRaw: RawHandler = (...given) => answerRaw(...given)
  const fastify = createFastify(deps, timeouts, problemAnswerer(deps), tryRaw, upgrades)
  const paths = pathIndex()
  const peerOf = peerReader(deps.trustedProxies)
  const callers = new WeakMap<FastifyRequest, Caller>()
  const rules = originRules(deps, fastify)
  const cookie = cookieRules(deps.publicUrl)
  const admit = admission({
    rules,
    cookie,
    peerOf,
    sessions: deps.sessions,
    setUp: deps.setUp,
    limiter: deps.limiter ?? memoryRateLimiter(deps.clock),
    concurrency: concurrencyLimit(deps.concurrentPerSession),
    bodies: bodyBudget(),
    ownCertificate: deps.ownCertificate,
    onlyFromProxies: deps.onlyFromProxies,
  })
  let closing = false
  const rawDeps = { ...deps, ...timeouts, rules, peerOf, nextRequestId: requestIds() }
  const answerRaw = rawHandler({ ...rawDeps, isClosing: () => closing }, rawRoutes)

  fastify.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(request, reply)
    if (closing) throw stopping()
    const caller = await admit(request, reply)
    if (caller === undefined) return reply
    callers.set(request, caller)
  })
  fastify.addHook('onResponse', async (request, reply) => {
    const { raw } = request
    if (closing) raw.socket.end()
    else dropUnread(raw, timeouts.lingerMs)
    if (deps.accessLog !== undefined)
      accessLine(
        deps.accessLog,
        deps.accessLogDetails === true,
        request,
        reply,
        callers.get(request),
      )
  })
  answerUnknownPaths(fastify, paths)

  return {
    fastify,
    log: deps.log,
    rules,
    cookie,
    paths,
    rawRoutes,
    upgrades,
    peerOf,
    callerOf: (request) => callers.get(request) ?? nobody(peerOf(request.raw)),
    port: () => portOf(fastify),
    listen: () => listen(fastify, deps.listen),
    close: async () => {
      closing = true
      await closeWithin(timeouts.shutdownMs, fastify, upgrades)
    },
  }
}

/** Registers a route that is no endpoint of the contract: pages and probes. */
export const addPlainRoute = (
  http: Http,
  path: string,
  facts: RouteFacts,
  handler: (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>,
): void => {
  http.paths.add('GET', path)
  http.fastify.route({
    method: 'GET',
    url: path,
    config: { facts },
    handler: async (request, reply) => handler(request, reply),
  })
}

/** Registers addresses that are answered before Fastify, for the real listener only: `fastify.inject` does not see them. */
export const addRawRoute = (http: Http, route: RawRoute): void => void http.rawRoutes.push(route)
