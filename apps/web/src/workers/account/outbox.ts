/**
 * Acts are kept, sealed, before they are sent, and sent again until the server has taken or refused them: after a
 * reload, a crash, or a time without a way to the server. One tab at a time sends, in the order of the acts.
 */
import { NetworkError } from '@hearthold/client'
import { ProblemError } from '@hearthold/contract'
import { doAct, type ShareAct, type Unlocked } from '@hearthold/member'
import type { AccountStore } from '../../store/account-store.ts'
import { randomId } from './bytes.ts'
import { type Desk, isOffline, tellUsage } from './desk.ts'
import { errorOnWire } from './errors.ts'
import { withFreeLock, withLock } from './locks.ts'
import type { OpenShares } from './open-shares.ts'

type KeptAct = { readonly share: string; readonly act: ShareAct }

export type Outbox = {
  /**
   * Does an act and resolves once it is durable. Without a way to the server it stays kept, is sent later, and this
   * throws KeptForLaterError; what the server refuses is thrown and no longer kept.
   */
  do(share: string, act: ShareAct): Promise<void>
  /** Sends what is kept, soon, and whenever the way to the server is back. */
  replayLater(): void
}

/** The act is kept on this device and will be sent. */
export class KeptForLaterError extends Error {
  readonly code = 'kept_for_later'

  constructor(cause: unknown) {
    super('The server cannot be reached: this is kept here and done once it can.', { cause })
    this.name = 'NetworkError'
  }
}

/** Refused for now: the same act may be taken later. */
const mayWorkLater = (error: unknown): boolean =>
  isOffline(error) ||
  error instanceof NetworkError ||
  (error instanceof ProblemError &&
    ['unavailable', 'rate_limited', 'internal', 'unauthenticated'].includes(error.code)) ||
  (error instanceof Error && error.name === 'AbortError')

const firstWaitMs = 2_000
const longestWaitMs = 60_000

type Place = { member: Unlocked; store: AccountStore; shares: OpenShares; ended: AbortSignal }

const away = () => new NetworkError('dropped', 'The server cannot be reached.')

let count = 0

/** In the order of the acts: the time, then a count, then chance. */
const nextKey = (): string =>
  `${String(Date.now()).padStart(15, '0')}-${String(count++).padStart(6, '0')}-${randomId()}`

export const createOutbox = (desk: Desk, { member, store, shares, ended }: Place): Outbox => {
  const kept = store.outbox<KeptAct>()
  const lock = `outbox/${member.accountId}`
  let timer: ReturnType<typeof setTimeout> | undefined
  let waitMs = firstWaitMs

  const send = async ({ share, act }: KeptAct): Promise<void> => {
    await doAct(await shares.get(share), act, ended)
    shares.changedHere(share)
    if (act.act === 'erase') void tellUsage(desk)
  }

  const replay = async (): Promise<boolean> => {
    for (const [key, one] of await kept.all()) {
      if (ended.aborted) return true
      try {
        await send(one)
      } catch (error) {
        if (ended.aborted) return true
        if (mayWorkLater(error)) return false
        const { code, message } = errorOnWire(error)
        desk.events.tell({ type: 'act-refused', code, message })
      }
      await kept.remove(key)
    }
    return true
  }

  const replayNow = async (): Promise<void> => {
    try {
      const done = await withFreeLock(lock, replay)
      if (done !== false) {
        waitMs = firstWaitMs
        return
      }
      waitMs = Math.min(2 * waitMs, longestWaitMs)
    } catch {
      waitMs = longestWaitMs
    }
    replayLater(waitMs)
  }
  const replayLater = (afterMs = 0): void => {
    if (ended.aborted) return
    clearTimeout(timer)
    timer = setTimeout(() => void replayNow(), afterMs)
  }
  addEventListener('online', () => replayLater(), { signal: ended })

  return {
    do: async (share, act) => {
      const key = nextKey()
      const one: KeptAct = { share, act }
      await kept.put(key, one)
      try {
        if (!desk.network.online && !(await desk.network.probe())) throw away()
        await withLock(lock, () => send(one))
      } catch (error) {
        if (mayWorkLater(error)) {
          replayLater(firstWaitMs)
          throw isOffline(error) ? new KeptForLaterError(error) : error
        }
        await kept.remove(key)
        throw error
      }
      await kept.remove(key)
    },
    replayLater: () => replayLater(),
  }
}
