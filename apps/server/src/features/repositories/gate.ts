import type { IncomingMessage } from 'node:http'
import { ProblemError } from '@hearthold/contract'
import { addressKey } from '#platform/http/client-address.ts'
import type { RawRequest, RawRoute } from '#platform/http/index.ts'
import { concurrencyLimit, memoryRateLimiter } from '#platform/http/rate-limiter.ts'
import {
  answerStatus,
  handleRestic,
  parseResticPath,
  type ResticTarget,
  signInHeaders,
} from '#platform/restic/index.ts'
import type { RepositoryStore } from '#platform/storage/storage.ts'
import { opens, type ProtocolParts, repositoryCaller } from './caller.ts'
import type { CredentialHasher } from './credential-secrets.ts'
import type { Credential } from './credential-store.ts'
import type { Live } from './live.ts'
import { type MemberRoom, memberRoom, roomIn, unlimited } from './quota.ts'

/** Where the protocol is served: see `path` of Repository. Pages of the web app have no slash after the name. */
const mount = '/repositories'
const mounted = /^\/repositories\/([0-9a-f]{32})\/([^/]+)\//

/**
 * Wrong credentials per minute and address. A right one is let in all the same: nobody guesses 130 bits, so this is
 * only against the noise, and must not lock out whoever shares an address.
 */
export const refusedPerMinute = 30
/** Requests of one credential at a time; restic makes five, and some dozens where it is told to. */
export const requestsAtATime = 64
const usedEveryMs = 60_000

export type GateDeps = ProtocolParts & {
  readonly hasher: CredentialHasher
  readonly onRefusedSignIn: () => void
}

type Named = { readonly name: string; readonly secret: string }

/** The user name and password of an Authorization header; undefined for another scheme, and for what is none. */
export const basicCredentials = (header: string | undefined): Named | undefined => {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1]
  if (encoded === undefined || encoded.length > 400) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { name: text.slice(0, colon), secret: text.slice(colon + 1) }
}

const credentialOf = (
  { catalogue, hasher }: GateDeps,
  request: IncomingMessage,
): Credential | undefined => {
  const given = basicCredentials(request.headers.authorization)
  if (given === undefined) return undefined
  const { name, secret } = given
  const credential = catalogue.credential(name)
  // An unknown name is compared too, so that the answer takes as long.
  const stored = { version: credential?.pepperVersion, hash: credential?.secretHash }
  return hasher.matches(name, secret, stored) ? credential : undefined
}

/** Lets in who has a credential of the repository, and hands them to the protocol. */
export const repositoryGate = (parts: GateDeps): RawRoute => {
  const { deps, catalogue } = parts
  const refusals = memoryRateLimiter(deps.clock, refusedPerMinute)
  const concurrency = concurrencyLimit(requestsAtATime)

  const refuse = async ({ req, res, peer }: RawRequest): Promise<void> => {
    parts.onRefusedSignIn()
    await refusals.take(addressKey(peer.address), 'repository')
    answerStatus(req, res, 401, {
      text: 'This user name and password open nothing here.',
      headers: signInHeaders,
    })
  }

  const serve = async (raw: RawRequest): Promise<void> => {
    const { req, res } = raw
    if (deps.setUpNeeded()) throw new ProblemError('not_set_up', 'This server is not set up yet.')
    const credential = credentialOf(parts, req)
    if (credential === undefined) return refuse(raw)
    const live = catalogue.any(credential.repository)
    if (!opens(parts, credential, live)) return refuse(raw)
    const leave = concurrency.enter(credential.name)
    try {
      await answer(raw, credential, live)
    } finally {
      // Neither who leaves early nor who reads slowly makes room for more.
      if (res.closed) leave()
      else res.once('close', leave)
    }
  }

  const answer = async (raw: RawRequest, credential: Credential, live: Live): Promise<void> => {
    const { req, res, path } = raw
    raw.named(credential.name)
    noteUse(credential, deps.clock.now())
    const [, account, name] = mounted.exec(path) ?? []
    if (live.facts.account !== account || live.facts.name !== name)
      return answerStatus(req, res, 403, { text: 'This credential is for another repository.' })
    const target = parseResticPath(path.slice(mount.length), 2)
    if (target === undefined) return answerStatus(req, res, 404)
    const store = await live.store()
    const room = await roomFor(parts, live, store, target.rest, req)
    const caller = repositoryCaller(parts, credential, live, store, room)
    await handleRestic(req, res, target.rest, caller, deps.log)
  }

  return {
    takes: (path) => mounted.test(path),
    handle: async (raw) => {
      try {
        await serve(raw)
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        const status = error.code === 'rate_limited' ? 429 : 503
        answerStatus(raw.req, raw.res, status, {
          text: error.detail ?? error.code,
          headers: { 'retry-after': String(error.retryAfterSeconds ?? 30) },
        })
      }
    },
  }
}

/** Written down at most once a minute, by the flush. */
const noteUse = (credential: Credential, now: number): void => {
  if (Math.abs(now - (credential.lastUsedAt ?? 0)) < usedEveryMs) return
  credential.lastUsedAt = now
  credential.dirty = true
}

/**
 * Before anything changes, the numbers are exact: see [Note: counting]. Reading needs none. Who sends again what is there
 * (an answer got lost) needs no room for it, also where none is left; the storage is asked only where it does not fit.
 */
const roomFor = async (
  { deps, catalogue }: GateDeps,
  live: Live,
  store: RepositoryStore,
  target: ResticTarget,
  { method, headers }: IncomingMessage,
): Promise<MemberRoom> => {
  if (method !== 'POST' && method !== 'DELETE') return unlimited
  await live.count()
  const room = await memberRoom(deps, catalogue, live.facts.account)
  if (method !== 'POST' || target.kind !== 'object') return room
  if (!(Number(headers['content-length']) > roomIn(catalogue, live, room))) return room
  const there = await live.guard(async () => store.stat(target.ref))
  return there === undefined ? room : { ...room, thereBytes: there.sizeBytes }
}
