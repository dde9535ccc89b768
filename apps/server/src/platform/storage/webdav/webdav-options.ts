import type { RemoteTuning } from '../remote/remote-client.ts'

export type WebDavOptions = {
  /** The folder's address; checked by `webDavUrl`. */
  readonly url: string
  readonly user: string
  readonly password: string
  readonly tuning?: RemoteTuning
  /** Ms since 1970. */
  readonly now?: () => number
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)

/**
 * The folder that an address names, with a slash at its end. Undefined where it is none, carries a query or a name and
 * password, or would send the password readable over a network.
 */
export const webDavUrl = (text: string): URL | undefined => {
  const url = URL.parse(text)
  if (url === null || url.search !== '' || url.hash !== '') return undefined
  if (url.username !== '' || url.password !== '') return undefined
  const isPrivate =
    url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  if (!isPrivate) return undefined
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
