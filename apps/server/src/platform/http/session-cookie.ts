/**
 * The session cookie (ID-11). Over HTTPS it carries the `__Host-` prefix, which a browser accepts only as Secure,
 * for the whole host and without a Domain. On plain-HTTP loopback some browsers refuse both, so both are dropped.
 */
export type CookieRules = { readonly name: string; readonly attributes: string }

export const cookieRules = (publicUrl: string): CookieRules =>
  publicUrl.startsWith('https:')
    ? { name: '__Host-hearthold', attributes: '; Path=/; HttpOnly; SameSite=Strict; Secure' }
    : { name: 'hearthold', attributes: '; Path=/; HttpOnly; SameSite=Strict' }

const tokenPattern = /^[A-Za-z0-9_-]{43}$/
const bearerPattern = /^bearer +([a-z0-9_-]{43}) *$/i

/** The Set-Cookie of a new session; without `maxAgeSeconds` it ends with the browser. */
export const sessionCookie = (
  rules: CookieRules,
  tokenB64: string,
  maxAgeSeconds?: number,
): string => {
  if (!tokenPattern.test(tokenB64)) throw new TypeError('a session token is 32 bytes as base64url')
  const age =
    maxAgeSeconds === undefined ? '' : `; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}`
  return `${rules.name}=${tokenB64}${rules.attributes}${age}`
}

/** The Set-Cookie that makes a browser forget the session. */
export const clearedCookie = (rules: CookieRules): string =>
  `${rules.name}=${rules.attributes}; Max-Age=0`

/** The token of the session cookie; undefined where there is none of the right form. */
export const tokenFromCookie = (
  rules: CookieRules,
  header: string | undefined,
): string | undefined => {
  for (const part of header?.split(';') ?? []) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === rules.name) {
      const token = part.slice(at + 1).trim()
      return tokenPattern.test(token) ? token : undefined
    }
  }
  return undefined
}

/**
 * The token of `Authorization: Bearer`. An empty string stands for a header that is there but no such token: it
 * finds no session, and the cookie is not tried in its place.
 */
export const tokenFromAuthorization = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined
  return bearerPattern.exec(header)?.[1] ?? ''
}
