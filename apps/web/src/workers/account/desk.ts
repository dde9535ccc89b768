/** What all parts of the worker share: the way to the server, the store, and who is unlocked. */
import { type Client, createClient, createUploadSockets, NetworkError } from '@hearthold/client'
import { getUsage, ProblemError } from '@hearthold/contract'
import type { Unlocked } from '@hearthold/member'
import type { AccountStore } from '../../store/account-store.ts'
import { openProfileStore, type ProfileStore } from '../../store/profile-store.ts'
import type { Me, WorkerEvent } from './api.ts'
import { createEvents, type Events } from './events.ts'
import { createNetwork, type Network, socketOrigin } from './network.ts'
import type { OpenShares } from './open-shares.ts'
import type { Outbox } from './outbox.ts'
import { tidyStaged } from '../staged-files.ts'
import { createTabs, type TabNews, type Tabs } from './tabs.ts'

/** An account that is unlocked in this tab. */
export type Current = {
  readonly member: Unlocked
  readonly account: string
  readonly store: AccountStore
  readonly shares: OpenShares
  readonly outbox: Outbox
  /** Aborted when the keys are dropped: whatever is under way ends. */
  readonly ended: AbortSignal
  me: Me
  /** Drops what is open; the keys go with the last reference. */
  end(): void
}

export type Desk = {
  readonly client: Client
  readonly network: Network
  readonly events: Events
  readonly tabs: Tabs
  profile(): Promise<ProfileStore>
  current: Current | undefined
  /** How often an account (id in hex) was signed out since this worker began: whoever is unlocking it meanwhile gives up. */
  departures(account: string): number
  /** Counts one. */
  depart(account: string): void
  /** Throws ProblemError('unauthenticated') while nobody is unlocked here. */
  unlocked(): Current
  onStoreUnavailable(): void
}

const reasonOf = (news: Extract<TabNews, { news: 'signed-out' }>) =>
  ({ type: 'signed-out', reason: 'other-tab', account: news.account }) as const

/** Drops the keys of this tab, and what they opened on its way to the disk. True where there were any. */
export const dropKeys = (desk: Desk): boolean => {
  const { current } = desk
  desk.current = undefined
  if (!current) return false
  desk.depart(current.account)
  desk.network.forget()
  current.end()
  void tidyStaged('all').catch(() => undefined)
  return true
}

/** The server says that the session is over: the keys go from all tabs, and so does what would unlock by itself. */
export const sessionEnded = async (desk: Desk): Promise<void> => {
  const account = desk.current?.account
  if (account === undefined || !dropKeys(desk)) return
  desk.events.tell({ type: 'signed-out', reason: 'revoked' })
  desk.tabs.tell({ news: 'signed-out', account })
  await (await desk.profile()).forgetSession()
}

const hear = (desk: Desk, news: TabNews): void => {
  const { current } = desk
  if (news.news === 'signed-out') {
    desk.depart(news.account)
    if (current?.account === news.account && dropKeys(desk)) {
      const { type, reason } = reasonOf(news)
      desk.events.tell({ type, reason })
    }
    return
  }
  if (news.news === 'signed-in') {
    // The page asks for the status again; what it finds is the other tab's session.
    if (!current) desk.events.tell({ type: 'signed-in-elsewhere' })
    return
  }
  if (current?.account !== news.account) return
  if (news.news === 'share-changed') void current.shares.refresh(news.share)
  else current.shares.listChanged()
}

/** The worker's desk; nothing is opened or sent before it is asked for. */
export const createDesk = (): Desk => {
  const events = createEvents()
  const tell = (event: WorkerEvent): void => events.tell(event)
  let opening: Promise<ProfileStore> | undefined
  let toldStore = false
  const departed = new Map<string, number>()
  const network = createNetwork((online) => {
    tell({ type: 'online', online })
    if (online) desk.current?.outbox.replayLater()
  })
  const desk: Desk = {
    network,
    client: createClient({
      transport: network.transport,
      uploadSockets: createUploadSockets({ origin: socketOrigin(), WebSocket }),
      retry: { attempts: 6 },
      onUnauthenticated: async () => {
        await sessionEnded(desk)
        return false
      },
    }),
    events,
    tabs: createTabs(
      (news) => hear(desk, news),
      (account) => {
        const { current } = desk
        if (current?.account !== account) return undefined
        const { type, id, secret } = current.member.unlockedBy
        return { type, id, secret }
      },
    ),
    profile: () => {
      opening ??= openProfileStore(desk.onStoreUnavailable)
      return opening
    },
    current: undefined,
    departures: (account) => departed.get(account) ?? 0,
    depart: (account) => void departed.set(account, (departed.get(account) ?? 0) + 1),
    unlocked: () => {
      if (desk.current) return desk.current
      throw new ProblemError('unauthenticated', 'Nobody is unlocked here.')
    },
    onStoreUnavailable: () => {
      if (!toldStore) tell({ type: 'store-unavailable' })
      toldStore = true
    },
  }
  return desk
}

/** Bytes used have changed by what this tab did: pages show them anew. */
export const tellUsage = async ({ client, events }: Desk): Promise<void> => {
  try {
    const { usedBytes, quotaBytes } = await client.call(getUsage)
    events.tell({ type: 'usage', usage: { usedBytes, quotaBytes } })
  } catch {
    // The next act tells it.
  }
}

/** No way to the server; the same may work a moment later. */
export const isOffline = (error: unknown): boolean => error instanceof NetworkError && error.passing
