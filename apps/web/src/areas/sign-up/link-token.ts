/** What a set-up or invitation link carries behind its `#`: a token, and after a point the pin of the server's key. */

/** The token of a link, of its fragment, or of itself; undefined for anything else. A browser has no use for the pin. */
export const tokenOf = (given: string): string | undefined => {
  const text = given.trim()
  const fragment = text.includes('#') ? text.slice(text.lastIndexOf('#') + 1) : text
  const token = fragment.split('.')[0] ?? ''
  return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined
}
