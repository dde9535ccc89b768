import type { IncomingMessage } from 'node:http'
import { addressKey, peerReader } from '#platform/http/client-address.ts'
import type { RestServerFlags } from './flags.ts'
import type { Htpasswd, PasswordAnswer } from './htpasswd.ts'

/** Who asks: the name of a user, or `` where everybody is let in. */
export type SignedIn = { readonly user: string }
export type SignInAnswer = SignedIn | 'unauthorized' | 'busy'

/** Tells whose a request is. */
export type SignIn = (req: IncomingMessage) => SignInAnswer | Promise<SignInAnswer>

type Credentials = { readonly user: string; readonly password: Uint8Array }

/** The user and password of an Authorization header; undefined for what is none of Basic. */
export const basicCredentials = (header: string | undefined): Credentials | undefined => {
  const encoded = /^basic ([A-Za-z0-9+/]*={0,2})$/i.exec(header ?? '')?.[1]
  if (encoded === undefined || encoded.length % 4 !== 0) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  const colon = bytes.indexOf(':')
  return colon === -1
    ? undefined
    : { user: bytes.toString('utf8', 0, colon), password: bytes.subarray(colon + 1) }
}

const answerOf = (user: string, answer: PasswordAnswer): SignInAnswer =>
  answer === 'busy' ? 'busy' : answer ? { user } : 'unauthorized'

/** The connection's own address: rest-server knows no list of proxies. */
const peerOf = peerReader([])

const byPassword =
  (htpasswd: Htpasswd): SignIn =>
  (req) => {
    const credentials = basicCredentials(req.headers.authorization)
    if (credentials === undefined) return 'unauthorized'
    const { user, password } = credentials
    const from = addressKey(peerOf(req).address)
    const answer = htpasswd.check(user, password, from)
    return answer instanceof Promise
      ? answer.then((known) => answerOf(user, known))
      : answerOf(user, answer)
  }

const byHeader =
  (name: string): SignIn =>
  (req) => {
    const values = req.headersDistinct[name] ?? []
    // Of two, one is the client's own: no proxy should let that pass, and there is no telling which it is.
    const [sent = ''] = values.length === 1 ? values : []
    // Node reads headers as Latin-1; names in paths are UTF-8.
    const user = Buffer.from(sent, 'latin1').toString('utf8')
    return user === '' ? 'unauthorized' : { user }
  }

/** @param htpasswd needed where passwords are asked for */
export const signInFor = (
  { auth }: Pick<RestServerFlags, 'auth'>,
  htpasswd: Htpasswd | undefined,
): SignIn => {
  if (auth.kind === 'none') return () => ({ user: '' })
  if (auth.kind === 'proxy') return byHeader(auth.header)
  if (htpasswd === undefined) throw new Error('passwords are asked for, and none are known')
  return byPassword(htpasswd)
}
