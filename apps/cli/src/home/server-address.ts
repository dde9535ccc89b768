import { CliError } from '../cli-error.ts'
import { parseServerPin, type ServerPin } from '../transport/server-pin.ts'

const isLoopback = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  /^127(\.\d{1,3}){3}$/.test(host)

const advice =
  'Give scheme, name and port, like https://hearth.example:8765; without a scheme https is meant, and http for this computer.'

const parseUrl = (text: string): URL | undefined => {
  const bare = text.trim()
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(bare)) return URL.canParse(bare) ? new URL(bare) : undefined
  if (!URL.canParse(`https://${bare}`)) return undefined
  const secure = new URL(`https://${bare}`)
  return isLoopback(secure.hostname) ? new URL(`http://${bare}`) : secure
}

/**
 * The origin of a server (its public URL) as people write it. Throws a usage error, without repeating the text, since a link holds a token.
 * Plain http leaves this computer under no circumstances: there is no flag for it.
 */
export const parseServerAddress = (text: string): string => {
  const url = parseUrl(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
    throw new CliError('usage', "The server's address cannot be read.", advice)
  }
  if (
    url.username !== '' ||
    url.password !== '' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new CliError(
      'usage',
      "The server's address has more than scheme, name and port.",
      `${advice} Links with a token belong in a file.`,
    )
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new CliError(
      'usage',
      'Plain http is used only for a server on this computer.',
      'Use https; for a self-signed certificate add --server-pin or --ca-file.',
    )
  }
  return url.origin
}

export type ServerLink = {
  /** Absent where only the token was given. */
  readonly origin: string | undefined
  /** 43 characters of base64url. */
  readonly token: string
  readonly pin: ServerPin | undefined
}

/**
 * Reads a set-up or invitation link (`https://name/invite#token.pin`), or a bare token with or without a pin.
 * Throws a usage error that repeats nothing of it.
 */
export const parseServerLink = (text: string): ServerLink => {
  const unreadable = () =>
    new CliError(
      'usage',
      'The link or token cannot be read.',
      'Give the whole link as it was shown, in a file or by standard input.',
    )
  const [address = '', fragment] = text.includes('#')
    ? text.trim().split('#', 2)
    : [undefined, text.trim()]
  const [, token, pinText] = /^([A-Za-z0-9_-]{43})(?:\.([^.]+))?$/.exec(fragment ?? '') ?? []
  if (token === undefined) throw unreadable()
  const pin = pinText === undefined ? undefined : parseServerPin(pinText)
  if (pinText !== undefined && pin === undefined) throw unreadable()
  if (address === '') return { origin: undefined, token, pin }
  if (!URL.canParse(address)) throw unreadable()
  return { origin: parseServerAddress(new URL(address).origin), token, pin }
}
