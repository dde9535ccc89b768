import { CliError } from '../cli-error.ts'
import { parseServerAddress } from '../home/server-address.ts'

/** A repository at a restic REST server. `user` and `secret` are empty where it asks for none. */
export type ResticAddress = {
  /** Scheme, host and port. */
  readonly origin: string
  /** With a slash at each end. */
  readonly path: string
  readonly user: string
  readonly secret: string
}

const unreadable = () =>
  new CliError(
    'usage',
    "The repository's address cannot be read.",
    'Give it as restic takes it: rest:https://host:8000/path/',
  )

/**
 * Reads `rest:https://user:secret@host:port/path/`. Throws a usage error that repeats nothing of it: an address holds a
 * secret. Plain http only leads to this computer, as everywhere here.
 */
export const parseResticAddress = (text: string): ResticAddress => {
  const [, bare] = /^rest:(.+)$/s.exec(text.trim()) ?? []
  if (bare === undefined || !URL.canParse(bare)) throw unreadable()
  const url = new URL(bare)
  if (!['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '')
    throw unreadable()
  try {
    return {
      origin: parseServerAddress(url.origin),
      path: url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`,
      user: decodeURIComponent(url.username),
      secret: decodeURIComponent(url.password),
    }
  } catch (error) {
    if (error instanceof URIError) throw unreadable()
    throw error
  }
}
