import net from 'node:net'
import tls from 'node:tls'
import { NetworkError } from '@hearthold/client'
import { toNetworkError } from './network-failure.ts'
import { pinOf, type ServerPin } from './server-pin.ts'

/** Whom to believe: the system's authorities, only these (PEM), or exactly one key. There is no way to believe everybody. */
export type Trust =
  | { readonly kind: 'system' }
  | { readonly kind: 'authority'; readonly pem: string }
  | { readonly kind: 'pin'; readonly pin: ServerPin }

export type Target = {
  readonly secure: boolean
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
  readonly trust: Trust
  readonly timeoutMs: number
}

/** Large enough that one 256 KiB segment is on its way while the next is being sealed. */
const highWaterMark = 1024 * 1024

const tlsOptions = ({ host, trust }: Target): tls.ConnectionOptions => ({
  ALPNProtocols: ['http/1.1'],
  minVersion: 'TLSv1.2',
  // A name for SNI must not be an address (RFC 6066).
  ...(net.isIP(host) ? {} : { servername: host }),
  ...(trust.kind === 'authority' ? { ca: trust.pem } : {}),
  // With a pin the certificate's chain, name and dates say nothing; `checkPin` decides alone, before a byte is sent.
  rejectUnauthorized: trust.kind !== 'pin',
})

const checkPin = (socket: tls.TLSSocket, target: Target): void => {
  if (target.trust.kind !== 'pin') return
  const certificate = socket.getPeerX509Certificate()
  if (certificate && pinOf(certificate.publicKey) === target.trust.pin) return
  throw new NetworkError(
    'pin',
    `The server at ${target.host} does not have the pinned key, so nothing was sent to it.`,
    { sent: false },
  )
}

/**
 * The names of this computer are never asked for: the answer could lead elsewhere, by plain HTTP. 127.0.0.1 comes first, where
 * servers listen: under the same port of [::1] any other user of this computer could wait for tokens.
 */
const lookUpHere: net.LookupFunction = (_, { all }, done) => {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  if (all) done(null, addresses)
  else done(null, '127.0.0.1', 4)
}

/** Where the system puts what is read, and what is told then; the socket has no `data` events with it. */
export type ReadInto = {
  readonly buffer: () => Uint8Array
  /** False: no more is read before `resume`. */
  readonly callback: (count: number) => boolean
}

const addressOptions = ({ host, port, timeoutMs }: Target) => ({
  host,
  port,
  highWaterMark,
  // Only a refusal leads on to [::1], not a moment's delay.
  ...(host === 'localhost' || host.endsWith('.localhost')
    ? { lookup: lookUpHere, autoSelectFamilyAttemptTimeout: timeoutMs }
    : {}),
})

const open = (target: Target, onread: ReadInto | undefined): net.Socket => {
  const options = { ...addressOptions(target), ...(onread ? { onread } : {}) }
  return target.secure
    ? // `highWaterMark` and `onread` reach the stream but are missing from the types.
      tls.connect({ ...tlsOptions(target), ...options } as tls.ConnectionOptions)
    : net.connect(options as net.NetConnectOpts)
}

/**
 * Opens a connection and hands it over only when it may be used: for TLS after the handshake and the check of certificate or pin.
 * With `onread` bytes are read into its memory. Throws `NetworkError` with `sent: false`.
 */
export const dial = (target: Target, onread?: ReadInto): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = open(target, onread)
    const fail = (error: unknown) => {
      clearTimeout(timer)
      socket.destroy()
      reject(toNetworkError(error, target, false))
    }
    const timer = setTimeout(
      () =>
        fail(
          new NetworkError('timeout', `${target.host} did not answer in time.`, { sent: false }),
        ),
      target.timeoutMs,
    )
    socket.setNoDelay(true)
    socket.once('error', fail)
    socket.once('close', () =>
      fail(
        new NetworkError('dropped', `${target.host} closed the connection at once.`, {
          sent: false,
        }),
      ),
    )
    socket.once(target.secure ? 'secureConnect' : 'connect', () => {
      try {
        if (target.secure) checkPin(socket as tls.TLSSocket, target)
      } catch (error) {
        return fail(error)
      }
      clearTimeout(timer)
      socket.removeAllListeners('error').removeAllListeners('close')
      resolve(socket)
    })
  })
