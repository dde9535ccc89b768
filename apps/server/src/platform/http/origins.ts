import { ProblemError } from '@hearthold/contract'

/** The parts of a request that say who is calling from where. */
export type OriginHeaders = {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
}

export type OriginRules = {
  readonly publicUrl: string
  readonly corsOrigins: readonly string[]
  /** The port really listened on, for localhost under port 0 in tests and behind a mapped port. */
  readonly listeningPort: () => number | undefined
}

const localNames = ['localhost', '127.0.0.1', '[::1]'] as const

const isLocal = (url: URL): boolean => localNames.some((name) => name === url.hostname)

/** Taken apart once: it is asked for with every request. */
const publicUrls = new WeakMap<OriginRules, URL>()

const publicUrlOf = (rules: OriginRules): URL => {
  const known = publicUrls.get(rules)
  if (known) return known
  const url = new URL(rules.publicUrl)
  publicUrls.set(rules, url)
  return url
}

/**
 * Refuses a Host that is not the public URL's (OPS-14): another name may be an attacker's that was pointed at this
 * address (DNS rebinding), and links, cookies and passkeys would not work under it.
 * @throws ProblemError wrong_host with the remedy
 */
export const checkHost = (rules: OriginRules, { host }: OriginHeaders): void => {
  const url = publicUrlOf(rules)
  const given = host?.toLowerCase()
  if (given === url.host || given === `${url.hostname}:${portOf(url)}`) return
  if (isLocal(url)) {
    const ports = [Number(portOf(url)), rules.listeningPort()].filter((port) => port !== undefined)
    if (
      localNames.some((name) =>
        ports.some((port) => given === `${name}:${port}` || (port === 80 && given === name)),
      )
    )
      return
  }
  throw new ProblemError(
    'wrong_host',
    `This server is reached as ${rules.publicUrl}. If it should have another address, set HEARTHOLD_PUBLIC_URL; behind a proxy, pass the Host header on.`,
  )
}

const portOf = (url: URL): string => url.port || (url.protocol === 'https:' ? '443' : '80')

/** The web app's own origins: the public URL, and for a local one its other spellings. */
const isOwnOrigin = (rules: OriginRules, origin: string): boolean => {
  const url = publicUrlOf(rules)
  if (origin === url.origin) return true
  const port = rules.listeningPort()
  return (
    isLocal(url) &&
    localNames.some(
      (name) =>
        origin === `${url.protocol}//${name}:${portOf(url)}` ||
        origin === `${url.protocol}//${name}:${port}`,
    )
  )
}

/** True for an origin that the host listed for use with bearer tokens. */
export const isListedOrigin = (rules: OriginRules, origin: string): boolean =>
  rules.corsOrigins.includes(origin)

/** True if the request was made by our own page, as far as the browser says. `Sec-Fetch-Site` cannot be set by a page. */
const isOwnRequest = (rules: OriginRules, { origin, secFetchSite }: OriginHeaders): boolean =>
  secFetchSite === 'same-origin' || (origin !== undefined && isOwnOrigin(rules, origin))

/**
 * Cross-site request forgery (ID-11). A cookie travels by itself, so whoever sends it must show that it is our page; a
 * bearer token does not, and is all that pages of listed origins have (OPS-4). Without a session (sign-in, set-up) only a
 * browser that names another origin, or `null`, is refused.
 * @throws ProblemError csrf
 */
export const checkForgery = (
  rules: OriginRules,
  headers: OriginHeaders,
  credential: 'bearer' | 'cookie' | undefined,
): void => {
  if (credential === 'bearer' || isOwnRequest(rules, headers)) return
  const { origin, secFetchSite } = headers
  const isNamed = secFetchSite === 'cross-site' || secFetchSite === 'same-site'
  if (credential === undefined && (origin === undefined ? !isNamed : isListedOrigin(rules, origin)))
    return
  throw new ProblemError(
    'csrf',
    'This request was not made by the page of this server. Reload the page and try again.',
  )
}
