/** The way to the server, whether there is one now, and what is answered from this device while there is none. */
import {
  fetchTransport,
  NetworkError,
  type Transport,
  type TransportResponse,
} from '@hearthold/client'
import type { LogAnswer } from '@hearthold/member'

/** Scheme, host and port for sockets. */
export const socketOrigin = (): string => location.origin.replace(/^http/, 'ws')

/** Where answers lie for reading without the server. `name` is `session` or `logs`. */
export type AnswerStore = {
  answer(name: string): Promise<Uint8Array | undefined>
  putAnswer(name: string, bytes: Uint8Array): Promise<void>
  /** The page of a log (id in hex) that begins after that entry number. */
  page(log: string, after: number): Promise<Uint8Array | undefined>
}

export type Network = {
  readonly transport: Transport
  /** False from a failed request until one succeeds. */
  readonly online: boolean
  keepAnswersIn(store: AnswerStore): void
  /** Somebody signed out: nothing that still comes in is kept, and nothing kept is answered. */
  forget(): void
  /** The newest page that came of a log (id in hex) in this run. */
  lastPage(log: string): LogAnswer | undefined
  /** Asks the server for a sign of life; true where there is one. */
  probe(): Promise<boolean>
}

type Kept =
  | { readonly kind: 'answer'; readonly name: string }
  | { readonly kind: 'page'; readonly log: string; readonly after: number }

/** What reading without the server needs; undefined for all other requests. */
const keptOf = (method: string, url: string): Kept | undefined => {
  if (method !== 'GET') return undefined
  if (url === '/api/session' || url === '/api/logs') return { kind: 'answer', name: url.slice(5) }
  const page = /^\/api\/logs\/([0-9a-f]{32})\/entries\?after=(\d+)$/.exec(url)
  return page ? { kind: 'page', log: page[1]!, after: Number(page[2]) } : undefined
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const responseOf = (bytes: Uint8Array): TransportResponse => ({
  status: 200,
  headers: { 'content-length': String(bytes.length) },
  body: once(bytes),
  bytes: () => Promise.resolve(bytes),
  discard: () => undefined,
})

/** A server that stands before ours says in its own words that ours is away; ours always says why. */
const isAway = ({ status, headers }: TransportResponse): boolean =>
  status >= 502 && status <= 504 && !headers['content-type']?.startsWith('application/problem+json')

const refuseAway = (response: TransportResponse): void => {
  if (!isAway(response)) return
  response.discard()
  throw new NetworkError('dropped', 'The server does not answer.')
}

const isLost = (error: unknown): boolean =>
  error instanceof NetworkError && error.kind === 'dropped'

/** A sign of life from the server. */
const isThere = async (base: Transport): Promise<boolean> => {
  try {
    const response = await base.request({ method: 'GET', url: '/healthz', headers: {} })
    response.discard()
    return response.status < 500
  } catch {
    return false
  }
}

/** `onChange` is told when the way to the server is lost and when it is back. */
export const createNetwork = (onChange: (online: boolean) => void): Network => {
  const base = fetchTransport()
  const pages = new Map<string, LogAnswer>()
  let online = true
  let store: AnswerStore | undefined
  const become = (now: boolean): void => {
    if (now !== online) onChange((online = now))
  }
  const find = async (kept: Kept): Promise<TransportResponse | undefined> => {
    if (kept.kind === 'answer') {
      const bytes = await store?.answer(kept.name)
      return bytes && responseOf(bytes)
    }
    const page = await store?.page(kept.log, kept.after)
    return page && responseOf(page)
  }
  const take = (kept: Kept, bytes: Uint8Array): void => {
    if (kept.kind === 'page') pages.set(kept.log, { after: kept.after, bytes })
    else void store?.putAnswer(kept.name, bytes)
  }
  const taking = (kept: Kept, response: TransportResponse): TransportResponse => ({
    ...response,
    bytes: async (limit) => {
      const bytes = await response.bytes(limit)
      take(kept, bytes)
      return bytes
    },
  })
  const request: Transport['request'] = async (asked) => {
    const kept = keptOf(asked.method, asked.url)
    const early = kept && !online ? await find(kept) : undefined
    if (early) return early
    try {
      const response = await base.request(asked)
      refuseAway(response)
      become(true)
      return kept && response.status === 200 ? taking(kept, response) : response
    } catch (error) {
      if (!isLost(error)) throw error
      become(false)
      const late = kept && (await find(kept))
      if (late) return late
      throw error
    }
  }
  return {
    transport: { streamsBodies: base.streamsBodies, request },
    get online() {
      return online
    },
    keepAnswersIn: (given) => void (store = given),
    forget: () => {
      store = undefined
      pages.clear()
    },
    lastPage: (log) => pages.get(log),
    probe: async () => {
      const there = await isThere(base)
      become(there)
      return there
    },
  }
}
