/** The shares that are open in this tab, kept up to date by the socket and by what other tabs tell. */
import { openSocket, type Socket } from '@hearthold/client'
import { type AnswerOf, listLogs, ProblemError } from '@hearthold/contract'
import {
  keepShare,
  listShareLogs,
  openShare,
  refresh,
  type Share,
  type Unlocked,
} from '@hearthold/member'
import { logKinds } from '@hearthold/model'
import { type Desk, isOffline, sessionEnded } from './desk.ts'
import { withFreeLock } from './locks.ts'

type LogRow = AnswerOf<typeof listLogs>['logs'][number]

export type OpenShares = {
  /** The share as it stands on this device; opened, verified and brought up to date the first time. */
  get(share: string): Promise<Share>
  /** Ids of all shares that the server names. */
  ids(): Promise<string[]>
  /** Asks the server for news of a share, once at a time; pages are told where there are some. */
  refresh(share: string): Promise<void>
  /** A share was made, or is no longer there. */
  listChanged(): Promise<void>
  /** To be told to pages and other tabs: this tab has changed a share. */
  changedHere(share: string): void
  start(): void
}

type Opened = { share: Share; seq: number; refreshing: Promise<void> | undefined; again: boolean }

/** What is kept of a share is written this long after its last change, so that a start need not replay much. */
const keepAfterMs = 3_000
/** Entries beyond what is kept that make it worth writing anew. */
const keepAfterEntries = 20
/** The socket carries entries of this many shares at most; all others by their heads. */
const liveLimit = 64

const socketOrigin = (): string => location.origin.replace(/^http/, 'ws')

const codeOf = (error: unknown): string =>
  error instanceof Error ? String((error as { code?: unknown }).code ?? error.name) : 'other'

type Place = { member: Unlocked; ended: AbortSignal }

export const createOpenShares = (desk: Desk, { member, ended }: Place): OpenShares => {
  const opening = new Map<string, Promise<Opened>>()
  const opened = new Map<string, Opened>()
  const keptSeq = new Map<string, number>()
  let socket: Socket | undefined

  /** Writes the state, and the receipt at exactly that place, which is what reading without the server needs. */
  const keep = async ({ share }: Opened): Promise<void> => {
    const { seq } = share.replica.position
    const before = keptSeq.get(share.log)
    if (before !== undefined && seq - before < keepAfterEntries && share.unkept < 200) return
    await withFreeLock(`keep/${share.log}`, async () => {
      await keepShare(share, true)
      keptSeq.set(share.log, seq)
    })
  }
  const timers = new Map<string, ReturnType<typeof setTimeout>>()
  const keepLater = (one: Opened): void => {
    clearTimeout(timers.get(one.share.log))
    timers.set(
      one.share.log,
      setTimeout(() => {
        if (!ended.aborted) void keep(one).catch(() => undefined)
      }, keepAfterMs),
    )
  }

  const noteChange = (one: Opened, tellTabs: boolean): void => {
    const { log, replica } = one.share
    if (replica.position.seq === one.seq) return
    one.seq = replica.position.seq
    socket?.advance(log, one.seq)
    desk.events.tell({ type: 'share-changed', share: log })
    if (tellTabs)
      desk.tabs.tell({ news: 'share-changed', account: desk.current?.account ?? '', share: log })
    keepLater(one)
  }

  const open = async (log: string): Promise<Opened> => {
    const share = await openShare(member, log, { signal: ended })
    const one: Opened = {
      share,
      seq: share.replica.position.seq,
      refreshing: undefined,
      again: false,
    }
    opened.set(log, one)
    if (opened.size <= liveLimit) socket?.open(log, one.seq)
    keepLater(one)
    return one
  }

  const get = (log: string): Promise<Opened> => {
    const known = opening.get(log)
    if (known) return known
    const asked = open(log)
    opening.set(log, asked)
    asked.catch(() => opening.delete(log))
    return asked
  }

  /** One question at a time; news that comes meanwhile is asked for once more. */
  const sync = (one: Opened): Promise<void> => {
    if (one.refreshing) {
      one.again = true
      return one.refreshing
    }
    const work = async (): Promise<void> => {
      do {
        one.again = false
        await one.share.replica.sync(ended)
      } while (one.again)
    }
    one.refreshing = work()
      .catch((error: unknown) => {
        if (ended.aborted || isOffline(error)) return
        if (error instanceof Error && error.name === 'IntegrityError') {
          desk.events.tell({ type: 'integrity', code: codeOf(error), share: one.share.log })
          return
        }
        // Signed out is told by itself; anything else shows when the share is next asked for.
      })
      .finally(() => {
        one.refreshing = undefined
        if (!ended.aborted) noteChange(one, false)
      })
    return one.refreshing
  }

  /** All ids; where one is kept back that another device has seen that is told, and the others are shown. */
  const findIds = async (): Promise<string[]> => {
    try {
      return await listShareLogs(member, ended)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'IntegrityError') throw error
      desk.events.tell({ type: 'integrity', code: codeOf(error), share: undefined })
      const { logs } = await desk.client.call(listLogs, { signal: ended })
      return logs.filter(({ kind }: LogRow) => kind === logKinds.share).map(({ log }) => log)
    }
  }

  const listChanged = (): Promise<void> => {
    desk.events.tell({ type: 'shares-changed' })
    return Promise.resolve()
  }

  const syncAccount = async (): Promise<void> => {
    try {
      await refresh(member)
    } catch (error) {
      if (ended.aborted || isOffline(error)) return
      if (error instanceof ProblemError) return
      desk.events.tell({ type: 'integrity', code: codeOf(error), share: undefined })
    }
  }

  const onHeads = (heads: readonly { log: string; seq: number }[]): void => {
    for (const { log, seq } of heads) {
      if (log === member.account.log) {
        if (seq > member.account.replica.position.seq) void syncAccount()
        continue
      }
      const one = opened.get(log)
      if (one) {
        if (seq > one.share.replica.position.seq) void sync(one)
      } else if (!known.has(log)) {
        known.add(log)
        if (listed) void listChanged()
      }
    }
  }
  const known = new Set<string>()
  let listed = false

  const start = (): void => {
    socket = openSocket({
      origin: socketOrigin(),
      WebSocket,
      onHeads,
      // A page says that its log has news; they are read and verified by the one way that all entries take.
      onPage: () => {
        for (const one of opened.values()) if (!one.refreshing) void sync(one)
      },
      onLagged: (log) => {
        const one = opened.get(log)
        if (one) void sync(one).then(() => socket?.open(log, one.seq))
      },
      onUnauthenticated: async () => {
        await sessionEnded(desk)
        return false
      },
      onState: (state) => {
        if (state === 'connected') void desk.network.probe()
      },
    })
    socket.follow()
    ended.addEventListener('abort', () => socket?.close(), { once: true })
  }

  return {
    get: async (log) => (await get(log)).share,
    ids: async () => {
      const shares = await findIds()
      for (const log of shares) known.add(log)
      listed = true
      return shares
    },
    refresh: async (log) => {
      const one = opened.get(log)
      if (one) await sync(one)
      else await listChanged()
    },
    listChanged,
    changedHere: (log) => {
      const one = opened.get(log)
      if (one) noteChange(one, true)
      else {
        desk.events.tell({ type: 'shares-changed' })
        known.add(log)
        desk.tabs.tell({ news: 'shares-changed', account: desk.current?.account ?? '' })
      }
    },
    start,
  }
}
