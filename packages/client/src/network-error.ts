/**
 * What failed on the way:
 * `refused` no connection, `name` the host name is unknown, `timeout` nothing came for too long, `dropped` the connection ended early,
 * `certificate` the certificate is not trusted, `pin` it is not the pinned key, `tls` no TLS could be agreed,
 * `redirect` the address points elsewhere, `protocol` the answer makes no sense here.
 */
export type NetworkErrorKind =
  | 'refused'
  | 'name'
  | 'timeout'
  | 'dropped'
  | 'certificate'
  | 'pin'
  | 'tls'
  | 'redirect'
  | 'protocol'

const passing: readonly NetworkErrorKind[] = ['refused', 'name', 'timeout', 'dropped']

/** The way to the server failed. The message is ours: it holds at most the host's name, never a path, header or token. */
export class NetworkError extends Error {
  readonly kind: NetworkErrorKind
  /** False when surely no byte of the request reached the server, so that repeating anything is harmless. */
  readonly sent: boolean

  constructor(
    kind: NetworkErrorKind,
    message: string,
    options: { sent?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'NetworkError'
    this.kind = kind
    this.sent = options.sent ?? true
  }

  /** True where the same request may well succeed a moment later. */
  get passing(): boolean {
    return passing.includes(this.kind)
  }
}
