import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { CombinedLog } from '#platform/combined-log.ts'
import type { Log } from '#platform/log.ts'
import type { BlobCounters, Metrics } from '#platform/metrics.ts'
import {
  answerStatus,
  handleRestic,
  parseResticPath,
  signInHeaders,
} from '#platform/restic/index.ts'
import type { RepositoryStorage } from '#platform/storage/storage.ts'
import type { RestServerFlags } from './flags.ts'
import { repositoryCaller } from './repository-caller.ts'
import type { SignedIn, SignIn } from './sign-in.ts'
import type { TotalQuota } from './total-quota.ts'

export type HandlerDeps = {
  readonly flags: RestServerFlags
  readonly storage: RepositoryStorage
  readonly signIn: SignIn
  readonly quota: TotalQuota | undefined
  readonly metrics: { readonly all: Metrics; readonly blobs: BlobCounters } | undefined
  readonly accessLog: CombinedLog | undefined
  readonly log: Log
  /** True once the server stops. */
  readonly isStopping: () => boolean
}

/** Repositories are `/`, `/a` and `/a/b`, as rest-server has them. */
const mostFolders = 2
/** A server under attack says so once a minute, not once a request. */
const busyNoteEveryMs = 60_000

const refuse = (req: IncomingMessage, res: ServerResponse, status: 401 | 404 | 500 | 503): void => {
  const headers = { 401: signInHeaders, 404: {}, 500: {}, 503: { 'retry-after': '2' } }[status]
  answerStatus(req, res, status, { headers })
}

/** The path as it was sent, without the query; of a request in the form for proxies, what follows the host. */
const pathOf = (url: string): string => {
  const path = (url.split('?', 1)[0] ?? '').replace(/^https?:\/\/[^/]*/i, '')
  return path === '' ? '/' : path
}

const sendMetrics = async (res: ServerResponse, metrics: Metrics): Promise<void> => {
  const text = await metrics.text()
  res.writeHead(200, { 'Content-Type': metrics.contentType })
  res.end(text)
}

/** Answers every request to `hearthold rest-server`. */
export const requestHandler = (deps: HandlerDeps): RequestListener => {
  const { flags, storage, log, metrics } = deps
  let busyNotedAt = -Infinity
  const noteBusy = (): void => {
    if (performance.now() - busyNotedAt < busyNoteEveryMs) return
    busyNotedAt = performance.now()
    log.warn({}, 'more wrong passwords come than can be looked at; some are told to ask later')
  }
  const signedIn = async (
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<SignedIn | undefined> => {
    const asked = deps.signIn(req)
    const answer = asked instanceof Promise ? await asked : asked
    if (typeof answer !== 'string') return answer
    if (answer === 'busy') noteBusy()
    refuse(req, res, answer === 'busy' ? 503 : 401)
    return undefined
  }
  const serve = async (
    req: IncomingMessage,
    res: ServerResponse,
    know: (user: string) => void,
  ): Promise<void> => {
    const path = pathOf(req.url ?? '')
    const isMetrics = metrics !== undefined && path === '/metrics'
    if (isMetrics && flags.metrics === 'for-everybody') return sendMetrics(res, metrics.all)
    const person = await signedIn(req, res)
    if (person === undefined) return
    const { user } = person
    know(user)
    const isPrivate = flags.privateRepos
    if (isMetrics)
      return isPrivate && user !== 'metrics' ? refuse(req, res, 401) : sendMetrics(res, metrics.all)
    const target = parseResticPath(path, mostFolders)
    if (target === undefined) return refuse(req, res, 404)
    const { folder, rest } = target
    if (isPrivate && flags.auth.kind !== 'none' && folder[0] !== user) return refuse(req, res, 401)
    const callerDeps = { flags, quota: deps.quota, counters: metrics?.blobs }
    const store = storage.open(folder)
    await handleRestic(req, res, rest, repositoryCaller(callerDeps, store, user, folder.join('/')))
  }
  return (req, res) => {
    let user: string | undefined
    if (deps.isStopping()) res.shouldKeepAlive = false
    res.once('finish', () => {
      if (!deps.isStopping()) return
      // A client that keeps its end open does not hold up the stop, unless it still sends what nobody reads.
      if (req.complete) req.socket.destroySoon()
      else req.socket.end()
    })
    deps.accessLog?.watch(req, res, () => user)
    log.debug({ method: req.method, path: pathOf(req.url ?? '') }, 'request')
    serve(req, res, (name) => (user = name)).catch((error: unknown) => {
      log.error({ err: error }, 'a request failed')
      refuse(req, res, 500)
    })
  }
}
