import { chmodSync, existsSync, fstatSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { ListenOptions } from 'node:net'
import { dirname } from 'node:path'
import {
  answerClientError,
  inOrder,
  isStale,
  serverOptions,
  type Timeouts,
} from '#platform/http/connections.ts'
import type { CertificateKeeper } from '#platform/tls/keeper.ts'
import type { Listen } from '../config/parse.ts'

/** Those of TLS 1.3 are all good; of TLS 1.2 only those that agree on a key anew and seal with it. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

export type ServerTls = {
  readonly certificate: CertificateKeeper
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
}

const tlsServer = (timeouts: Timeouts, { certificate, minVersion }: ServerTls): Server => {
  const fixed = { minVersion, ciphers, honorCipherOrder: true }
  const material = ({ certPem, keyPem }: { certPem: string; keyPem: string }) => ({
    cert: certPem,
    key: keyPem,
  })
  const server = createTlsServer({
    ...serverOptions(timeouts),
    ...fixed,
    ...material(certificate.current()),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: timeouts.headersMs,
  })
  certificate.watch((fresh) => server.setSecureContext({ ...fixed, ...material(fresh) }))
  return server
}

/** The HTTP/1.1 server. A connection without a byte for some time is closed, whoever is slow. */
export const restServerOver = (
  handler: RequestListener,
  timeouts: Timeouts,
  tls: ServerTls | undefined,
): Server => {
  const server =
    tls === undefined ? createServer(serverOptions(timeouts)) : tlsServer(timeouts, tls)
  server.timeout = timeouts.idleMs
  server.maxConnections = 8_192
  server.on('clientError', answerClientError)
  const listener = inOrder(handler)
  server.on('request', listener)
  // Who asks before sending a body is told to go on by the protocol, or refused before a byte of it is sent.
  server.on('checkContinue', listener)
  return server
}

const firstPassedFd = 3

/**
 * The socket that systemd passed to this process, as sd_listen_fds has it: only what is meant for this very process
 * counts. The variables are taken away, so that nothing started from here believes that they are for it.
 * @throws Error where there is more than one, or none although one was promised
 */
export const passedSocket = (env: NodeJS.ProcessEnv, pid: number): number | undefined => {
  const { LISTEN_PID, LISTEN_FDS } = env
  delete env['LISTEN_PID']
  delete env['LISTEN_FDS']
  delete env['LISTEN_FDNAMES']
  const count = Number(LISTEN_FDS)
  if (LISTEN_PID !== String(pid) || !(count > 0)) return undefined
  if (count !== 1) throw new Error(`systemd passed ${count} sockets, and there must be one`)
  try {
    if (fstatSync(firstPassedFd).isSocket()) return firstPassedFd
  } catch {
    // Said below.
  }
  throw new Error(
    'The socket that systemd passed was lost on the way. Start the Node of Hearthold itself in ExecStart: see docs/operating/rest-server.md.',
  )
}

const words: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use. Stop the other program, or choose another with --listen',
  EACCES: 'may not be used by this user. Choose another with --listen, or let systemd pass it',
  EADDRNOTAVAIL: ': this machine has no such address. Correct --listen',
  ENOTFOUND: ': this name is unknown. Correct --listen',
  ENOENT: ': there is no such folder. Correct --listen',
}

/** For a socket in a folder that is not there, Node says that access is denied. */
const unixCode = (path: string, code: string): string =>
  code === 'EACCES' && !existsSync(dirname(path)) ? 'ENOENT' : code

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

const listenProblem = (error: unknown, address: Listen): Error => {
  const isUnix = address.kind === 'unix'
  const where = isUnix ? address.path : `Port ${address.port} on ${address.host}`
  const code = isUnix ? unixCode(address.path, codeOf(error)) : codeOf(error)
  const reason = words[code] ?? `cannot be listened on (${code || 'no code'})`
  return new Error(`${where}${reason.startsWith(':') ? '' : ' '}${reason}.`, { cause: error })
}

const listenOn = async (
  server: Server,
  options: ListenOptions | { readonly fd: number },
): Promise<void> => {
  server.listen(options)
  await once(server, 'listening')
}

const addressOf = (server: Server): string => {
  const address = server.address()
  if (address === null || typeof address === 'string') return address ?? ''
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`
}

const listenOnUnix = async (server: Server, path: string): Promise<void> => {
  await listenOn(server, { path }).catch(async (error: unknown) => {
    if (codeOf(error) !== 'EADDRINUSE' || !(await isStale(path))) throw error
    rmSync(path)
    await listenOn(server, { path })
  })
  // The folder decides who may come near; the group is for the proxy's user.
  chmodSync(path, 0o660)
}

/**
 * Begins to listen. Node removes the file of a unix socket when the server is closed.
 * @param passed the socket of systemd, which goes before the address
 * @returns the address in words, for the log
 * @throws Error that says what is in the way and what to do
 */
export const startListening = async (
  server: Server,
  address: Listen,
  passed: number | undefined,
): Promise<string> => {
  try {
    if (passed !== undefined) {
      await listenOn(server, { fd: passed })
      return 'the socket of systemd'
    }
    if (address.kind === 'unix') {
      await listenOnUnix(server, address.path)
      return address.path
    }
    const { host, port } = address
    await listenOn(server, { host, port, backlog: 1024 }).catch((error: unknown) => {
      // A machine without IPv6 has no [::], which stands for every address.
      if (host !== '::' || codeOf(error) !== 'EAFNOSUPPORT') throw error
      return listenOn(server, { host: '0.0.0.0', port, backlog: 1024 })
    })
    return addressOf(server)
  } catch (error) {
    throw listenProblem(error, address)
  }
}
