/** Where the person is: the path of the page, as state. Paths are the History API's; nothing secret stays in them. */

const read = () => ({ path: location.pathname, query: new URLSearchParams(location.search) })

const place = $state(read())

/** The place now; reading it in a component follows it. */
export const route = {
  get path(): string {
    return place.path
  },
  get query(): URLSearchParams {
    return place.query
  },
  /** The path between slashes, decoded: `/files/abc` is `['files', 'abc']`. */
  get parts(): string[] {
    return place.path
      .split('/')
      .filter((part) => part !== '')
      .map(decodePart)
  },
}

/** A path that somebody mistyped must not break the page. */
const decodePart = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const take = (): void => {
  Object.assign(place, read())
}

/** Questions asked before the page is left; false keeps the person where they are. */
const guards = new Set<() => boolean>()

/** Asks `mayLeave` before every change of place; returns what takes the question back. */
export const guardLeaving = (mayLeave: () => boolean): (() => void) => {
  guards.add(mayLeave)
  return () => void guards.delete(mayLeave)
}

/** Goes to a path of this app (with its query, if any). `replace` leaves no step behind. */
export const go = (path: string, { replace = false } = {}): void => {
  if (![...guards].every((mayLeave) => mayLeave())) return
  if (replace) history.replaceState(null, '', path)
  else history.pushState(null, '', path)
  take()
  if (!replace) scrollTo(0, 0)
}

/** The part behind `#`, once: tokens and keys come there, and must not stay in the address or the history. */
export const takeFragment = (): string => {
  const fragment = location.hash.slice(1)
  if (fragment !== '') history.replaceState(history.state, '', location.pathname + location.search)
  return fragment
}

/** For `<a href>` of this app: ordinary clicks stay on the page, all others are the browser's. */
export const followLink = (event: MouseEvent): void => {
  const link = (event.target as Element | null)?.closest('a')
  if (!link || link.target !== '' || link.hasAttribute('download')) return
  const plain =
    event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
  if (!plain || event.defaultPrevented || link.origin !== location.origin) return
  event.preventDefault()
  go(link.pathname + link.search)
}

addEventListener('popstate', take)
