/** The way to the server, and whether there is one now. */
import {
  fetchTransport,
  NetworkError,
  type Transport,
  type TransportResponse,
} from '@hearthold/client'

/** Answers kept from earlier, for while there is no way to the server; undefined where none is kept. */
export type KeptAnswers = (method: string, url: string) => Promise<Uint8Array | undefined>
/** Told of answers that are worth keeping. */
export type AnswerTaker = (method: string, url: string, bytes: Uint8Array) => void

export type Network = {
  readonly transport: Transport
  /** False from a failed request until one succeeds. */
  readonly online: boolean
  /** Set once the stores are open. */
  keepAnswers(kept: KeptAnswers, take: AnswerTaker): void
  /** Asks the server for a sign of life; true where there is one. */
  probe(): Promise<boolean>
}

const kinds = /^\/api\/(?:session|logs|logs\/[0-9a-f]{32}\/entries\?.*)$/

/** Whether an answer is one that reading without the server needs. */
const isKept = (method: string, url: string): boolean => method === 'GET' && kinds.test(url)

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const answerOf = (bytes: Uint8Array): TransportResponse => ({
  status: 200,
  headers: { 'content-length': String(bytes.length) },
  body: one(bytes),
  bytes: () => Promise.resolve(bytes),
  discard: () => undefined,
})

/** `onChange` is told when the way to the server is lost and when it is back. */
export const createNetwork = (onChange: (online: boolean) => void): Network => {
  const base = fetchTransport()
  let online = true
  let kept: KeptAnswers | undefined
  let take: AnswerTaker | undefined
  const become = (now: boolean): void => {
    if (now !== online) onChange((online = now))
  }
  const request: Transport['request'] = async (asked) => {
    const keeps = isKept(asked.method, asked.url)
    if (!online && keeps && kept) {
      const bytes = await kept(asked.method, asked.url)
      if (bytes) return answerOf(bytes)
    }
    try {
      const response = await base.request(asked)
      become(true)
      if (!keeps || response.status !== 200 || !take) return response
      const taking = take
      return {
        ...response,
        bytes: async (limit) => {
          const bytes = await response.bytes(limit)
          taking(asked.method, asked.url, bytes)
          return bytes
        },
      }
    } catch (error) {
      if (error instanceof NetworkError && error.passing && error.kind !== 'timeout') {
        become(false)
        const bytes = keeps ? await kept?.(asked.method, asked.url) : undefined
        if (bytes) return answerOf(bytes)
      }
      throw error
    }
  }
  return {
    transport: { streamsBodies: base.streamsBodies, request },
    get online() {
      return online
    },
    keepAnswers: (find, taker) => {
      kept = find
      take = taker
    },
    probe: async () => {
      try {
        const response = await base.request({ method: 'GET', url: '/healthz', headers: {} })
        response.discard()
        become(true)
        return true
      } catch {
        return false
      }
    },
  }
}
