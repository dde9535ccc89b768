import { NetworkError, type NetworkErrorKind } from '@hearthold/client'

type Where = { readonly host: string; readonly port: number }

const kinds: Readonly<Record<string, NetworkErrorKind>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EADDRNOTAVAIL: 'refused',
  ENOTFOUND: 'name',
  EAI_AGAIN: 'name',
  ETIMEDOUT: 'timeout',
  EPROTO: 'tls',
  CERT_HAS_EXPIRED: 'certificate',
  CERT_NOT_YET_VALID: 'certificate',
  CERT_UNTRUSTED: 'certificate',
  CERT_REVOKED: 'certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate',
  HOSTNAME_MISMATCH: 'certificate',
  INVALID_CA: 'certificate',
  INVALID_PURPOSE: 'certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate',
}

const messages: Readonly<Record<NetworkErrorKind, (where: string) => string>> = {
  refused: (where) => `No connection to ${where}.`,
  name: (where) => `The name of ${where} is not known.`,
  timeout: (where) => `${where} did not answer in time.`,
  dropped: (where) => `The connection to ${where} ended early.`,
  certificate: (where) => `The certificate of ${where} is not trusted here.`,
  pin: (where) => `${where} does not have the pinned key.`,
  tls: (where) => `No encrypted connection could be agreed with ${where}.`,
  redirect: (where) => `${where} answers with a redirect.`,
  protocol: (where) => `${where} does not answer as a Hearthold server does.`,
}

/** Several addresses were tried (localhost as ::1 and 127.0.0.1); the last one's failure stands for all. */
const unwrap = (error: unknown): unknown =>
  error instanceof AggregateError && error.errors.length > 0 ? error.errors.at(-1) : error

const kindOf = (error: unknown): NetworkErrorKind => {
  const given: unknown = (error as { code?: unknown } | null | undefined)?.code
  const code = typeof given === 'string' ? given : ''
  if (Object.hasOwn(kinds, code)) return kinds[code] as NetworkErrorKind
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) return 'tls'
  if (code.startsWith('HPE_')) return 'protocol'
  return 'dropped'
}

/** The `NetworkError` for what node:net, node:tls or node:http threw; `sent` says whether bytes of the request may have left. */
export const toNetworkError = (
  error: unknown,
  { host, port }: Where,
  sent: boolean,
): NetworkError => {
  if (error instanceof NetworkError) return error
  const kind = kindOf(unwrap(error))
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return new NetworkError(kind, messages[kind](where), { sent, cause: error })
}
