import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { chmodSync, rmSync } from 'node:fs'
import { ProblemError } from '@hearthold/contract'
import type { FastifyInstance } from 'fastify'
import type { CertificateKeeper } from '../tls/keeper.ts'
import { inOrder, isStale, serverOptions, type Timeouts } from './connections.ts'
import type { Upgrades } from './upgrades.ts'

/** Tried before Fastify. True: the request is answered by it. */
export type RawHandler = (req: IncomingMessage, res: ServerResponse) => boolean

/** Where to listen. Port 0 lets the system choose. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** Above what a home or a club needs; each idle connection costs some 20 kB. */
const connectionLimit = 8_192

/**
 * The HTTP/1.1 server: HTTP/2 costs two to three times the CPU for bytes. With a certificate it speaks TLS 1.2 or newer,
 * and takes each renewed certificate without a restart.
 * @param raw tried first; it writes `100 Continue` itself where a client waits for that
 * @param upgrades without it no connection is upgraded
 */
export const createNodeServer = (
  handler: RequestListener,
  timeouts: Timeouts,
  certificate: CertificateKeeper | undefined,
  raw: RawHandler = () => false,
  upgrades?: Upgrades,
): Server | TlsServer => {
  const options: ServerOptions = {
    ...serverOptions(timeouts),
    shouldUpgradeCallback: (request) => upgrades?.take(request) === true,
  }
  const listener = inOrder((req, res) => {
    if (!raw(req, res)) handler(req, res)
  })
  const server =
    certificate === undefined
      ? createServer(options, listener)
      : tlsServer(listener, options, certificate)
  // Who waits for a word before sending a body gets it from Node, or from the raw handler when it wants the body.
  const continued = inOrder((req, res) => {
    if (raw(req, res)) return
    res.writeContinue()
    handler(req, res)
  })
  server.on('checkContinue', continued)
  server.timeout = timeouts.idleMs
  server.maxConnections = connectionLimit
  return server
}

const tlsServer = (
  handler: RequestListener,
  options: ServerOptions,
  certificate: CertificateKeeper,
): TlsServer => {
  const material = ({ certPem, keyPem }: { certPem: string; keyPem: string }) => ({
    cert: certPem,
    key: keyPem,
  })
  const fixed = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const
  const server = createTlsServer(
    { ...options, ...fixed, ...material(certificate.current()), handshakeTimeout: 10_000 },
    handler,
  )
  certificate.watch((fresh) => server.setSecureContext({ ...fixed, ...material(fresh) }))
  return server
}

const isInUse = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

/** The system's refusal to listen, in words that say what to do. */
const listenProblem = (error: unknown, address: ListenAddress): Error => {
  const where = address.kind === 'unix' ? address.path : `port ${address.port} on ${address.host}`
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use. Stop the other program, or choose another with HEARTHOLD_LISTEN (and HEARTHOLD_PUBLIC_URL).`,
    EACCES: `${where} may not be used by this user. Choose a port above 1023 with HEARTHOLD_LISTEN.`,
    EADDRNOTAVAIL: `${where}: this machine has no such address. Correct HEARTHOLD_LISTEN.`,
    ENOTFOUND: `${where}: this name is unknown. Correct HEARTHOLD_LISTEN.`,
  }
  return new Error(words[code] ?? `Cannot listen: ${where} (${code || 'unknown error'})`, {
    cause: error,
  })
}

const listenOn = (fastify: FastifyInstance, address: ListenAddress): Promise<string> => {
  const listenTextResolver = (): string => 'listening'
  return address.kind === 'unix'
    ? fastify.listen({ path: address.path, listenTextResolver })
    : fastify.listen({ host: address.host, port: address.port, backlog: 1024, listenTextResolver })
}

/**
 * Begins to listen.
 * @throws Error that says what is in the way and what to do
 */
export const listen = async (fastify: FastifyInstance, address: ListenAddress): Promise<void> => {
  try {
    await listenOn(fastify, address).catch(async (error: unknown) => {
      if (address.kind === 'unix' && isInUse(error) && (await isStale(address.path))) {
        rmSync(address.path)
        return listenOn(fastify, address)
      }
      // A machine without IPv6 has no [::], which stands for every address.
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (address.kind === 'tcp' && address.host === '::' && code === 'EAFNOSUPPORT') {
        return listenOn(fastify, { ...address, host: '0.0.0.0' })
      }
      throw error
    })
  } catch (error) {
    throw listenProblem(error, address)
  }
  // The folder decides who may come near; the group is for the proxy's user.
  if (address.kind === 'unix' && process.platform !== 'win32') chmodSync(address.path, 0o660)
}

/** The port that is listened on; undefined before, and on a unix socket. */
export const portOf = (fastify: FastifyInstance): number | undefined => {
  const address = fastify.server.address()
  return address === null || typeof address === 'string' ? undefined : address.port
}

/** For requests that come on a kept connection while the server stops. */
export const stopping = (): ProblemError =>
  new ProblemError('unavailable', 'This server is stopping.', { retryAfterSeconds: 5 })
