import websocket from '@fastify/websocket'
import {
  ClientFrame,
  type ProblemCode,
  ProblemError,
  socketFrameLimitBytes,
  socketPath,
} from '@hearthold/contract'
import type { FastifyRequest } from 'fastify'
import type { SessionEvents } from '../access/session-events.ts'
import type { Credential, SessionLookup } from '../access/session.ts'
import {
  checkForgery,
  type Http,
  originHeadersOf,
  type RouteFacts,
  tokenFromAuthorization,
  tokenFromCookie,
} from '../http/index.ts'
import { Connection, type SocketLogs } from './connection.ts'
import { createHub, type Hub } from './hub.ts'
import { type SocketLimits, standardSocketLimits } from './limits.ts'
import { type RawSocket, type Wire, wireOf } from './wire.ts'

export type SocketDeps = {
  readonly http: Http
  readonly logs: SocketLogs
  readonly sessions: SessionLookup
  /** Whether a session still counts; asking is no use of it. */
  readonly sessionLives: (sessionId: string) => Promise<boolean>
  readonly events: SessionEvents
  readonly limits?: Partial<SocketLimits>
}

export type SocketServer = {
  /** Signed-in sockets. */
  count(): number
  /** Says goodbye to all. */
  stop(): void
}

type Check = (frame: unknown) => boolean

/** Tokens of `hello` first, then of the upgrade request's headers; a cookie only from our own page. */
const credentialOf = (
  http: Http,
  request: FastifyRequest,
  token?: string,
): Credential | undefined => {
  if (token !== undefined) return { kind: 'bearer', tokenB64: token }
  const bearer = tokenFromAuthorization(request.headers.authorization)
  if (bearer !== undefined) return bearer === '' ? undefined : { kind: 'bearer', tokenB64: bearer }
  const tokenB64 = tokenFromCookie(http.cookie, request.headers.cookie)
  if (tokenB64 === undefined) return undefined
  checkForgery(http.rules, originHeadersOf(request), 'cookie')
  return { kind: 'cookie', tokenB64 }
}

/** A frame as the contract has it; undefined for anything else. */
const readFrame = (data: Buffer, isBinary: boolean, check: Check): ClientFrame | undefined => {
  if (isBinary) return undefined
  try {
    const frame: unknown = JSON.parse(data.toString('utf8'))
    return check(frame) ? (frame as ClientFrame) : undefined
  } catch {
    return undefined
  }
}

/** How many frames a client may still send; a bucket that fills with time. */
const frameBudget = ({ frameBurst, framesPerSecond }: SocketLimits): (() => boolean) => {
  let left = frameBurst
  let filledMs = performance.now()
  return () => {
    const nowMs = performance.now()
    left = Math.min(frameBurst, left + ((nowMs - filledMs) / 1000) * framesPerSecond)
    filledMs = nowMs
    if (left < 1) return false
    left--
    return true
  }
}

type Guest = {
  readonly deps: SocketDeps
  readonly limits: SocketLimits
  readonly hub: Hub
  readonly request: FastifyRequest
  readonly wire: Wire
}

/** The first frame says who it is. @throws ProblemError `unauthenticated`, `csrf`, `rate_limited` */
const welcome = async (guest: Guest, frame: ClientFrame): Promise<Connection> => {
  const { deps, limits, hub, request, wire } = guest
  const unauthenticated = new ProblemError('unauthenticated')
  if (frame.frame !== 'hello') throw unauthenticated
  const credential = credentialOf(deps.http, request, frame.token)
  const session = credential && (await deps.sessions.find(credential))
  if (!session || wire.ended()) throw unauthenticated
  const connection = new Connection(session, wire, deps.logs, limits)
  if (!hub.add(connection)) throw new ProblemError('rate_limited')
  // It may have ended after it was found and before the hub knew of this socket.
  if (!(await deps.sessionLives(session.sessionId))) {
    hub.remove(connection)
    throw unauthenticated
  }
  connection.welcome()
  return connection
}

const codeOf = (error: unknown): ProblemCode =>
  error instanceof ProblemError ? error.code : 'internal'

/** Serves one socket from its opening to its end. */
const serve = (guest: Guest, socket: RawSocket, check: Check): void => {
  const { hub, limits, wire } = guest
  const mayAsk = frameBudget(limits)
  let connection: Promise<Connection> | undefined
  const refuse = (code: ProblemCode): void => {
    wire.end({ frame: 'problem', code })
  }
  const late = setTimeout(() => refuse('unauthenticated'), limits.helloMs)
  const gone = async (): Promise<void> => {
    clearTimeout(late)
    wire.end()
    const found = await connection?.catch(() => undefined)
    found?.stop()
    if (found) hub.remove(found)
  }
  socket.on('close', () => void gone())
  socket.on('message', (data, isBinary) => {
    if (wire.ended()) return
    const frame = readFrame(data, isBinary, check)
    if (!frame) return refuse('bad_request')
    if (!mayAsk()) return refuse('rate_limited')
    if (!connection) {
      connection = welcome(guest, frame)
      connection.then(() => clearTimeout(late)).catch((error: unknown) => refuse(codeOf(error)))
      return
    }
    void connection.then((found) => found.handle(frame)).catch(() => undefined)
  })
}

/** Cuts sockets that give no sign of life: a phone that went out of reach does not say goodbye. */
const watchSilence = (limits: SocketLimits): { watch(socket: RawSocket): void; check(): void } => {
  const heardMs = new Map<RawSocket, number>()
  return {
    watch: (socket) => {
      const hear = (): void => void heardMs.set(socket, performance.now())
      hear()
      socket.on('message', hear)
      socket.on('pong', hear)
      socket.on('close', () => void heardMs.delete(socket))
    },
    check: () => {
      for (const [socket, ms] of heardMs) {
        if (performance.now() - ms > limits.silenceMs) socket.terminate()
        else socket.ping()
      }
    },
  }
}

/** Before sign-in like any public endpoint: who it is comes with the first frame. */
const facts: RouteFacts = { access: 'public' }

/** Adds the one socket to the HTTP layer. Call it before that listens. */
export const addSocket = (deps: SocketDeps): SocketServer => {
  const limits = { ...standardSocketLimits, ...deps.limits }
  const { http } = deps
  const hub = createHub(deps.logs, deps.events, limits.socketsPerAccount, deps.sessionLives)
  const silence = watchSilence(limits)
  const timer = setInterval(() => {
    silence.check()
    hub.check().catch((error: unknown) => http.log.error({ err: error }, 'socket check failed'))
  }, limits.checkEveryMs).unref()

  http.paths.add('GET', socketPath)
  http.upgrades.allow(socketPath)
  void http.fastify.register(async (scope) => {
    await scope.register(websocket, {
      options: { maxPayload: socketFrameLimitBytes, perMessageDeflate: false },
      errorHandler: (_error: unknown, socket: { terminate(): void }) => socket.terminate(),
    })
    scope.route({
      method: 'GET',
      url: socketPath,
      config: { facts },
      handler: () => {
        throw new ProblemError('not_found', 'This address is a WebSocket.')
      },
      wsHandler: (socket: unknown, request: FastifyRequest) => {
        const raw = socket as RawSocket
        const check = request.compileValidationSchema(ClientFrame) as Check
        silence.watch(raw)
        serve({ deps, limits, hub, request, wire: wireOf(raw, request.raw.socket) }, raw, check)
      },
    })
  })

  return {
    count: () => hub.count(),
    stop: () => {
      clearInterval(timer)
      hub.stop()
    },
  }
}
