/** The shares that are open in this tab, kept up to date by the socket and by what other tabs tell. */
import { openSocket, type Socket } from '@hearthold/client'
import { listLogs, ProblemError } from '@hearthold/contract'
import {
  keepShare,
  listShareLogs,
  type LogAnswer,
  logPages,
  MethodGoneError,
  openShare,
  refresh,
  type Share,
  type Unlocked,
} from '@hearthold/member'
import { logKinds } from '@hearthold/model'
import type { AccountStore } from '../../store/account-store.ts'
import { type Desk, isOffline, sessionEnded } from './desk.ts'
import { codeOf } from './errors.ts'
import { withFreeLock } from './locks.ts'
import { socketOrigin } from './network.ts'

type Opened = { share: Share; seq: number; syncing: Promise<void> | undefined; again: boolean }

type Place = {
  readonly member: Unlocked
  readonly store: AccountStore
  readonly ended: AbortSignal
}

/** What is kept of a share is written this long after its last change, so that a start need not replay much. */
const keepAfterMs = 3_000
/** Changes beyond what is kept that make it worth writing a large share anew at once. */
const keepAfterEntries = 20
const largeShare = 20_000
/** The socket carries entries of this many shares at most; of all others the heads. */
const liveLimit = 64

const isIntegrity = (error: unknown): boolean =>
  error instanceof Error && error.name === 'IntegrityError'

export class OpenShares {
  readonly #desk: Desk
  readonly #place: Place
  readonly #opening = new Map<string, Promise<Opened>>()
  readonly #opened = new Map<string, Opened>()
  readonly #keptSeq = new Map<string, number>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  /** Ids that were listed, or heard of, so that one that is new is told. */
  readonly #known = new Set<string>()
  #listed = false
  /** Number of the account log's newest entry when its pages were last kept. */
  #accountSeq = 0
  #accountPages: readonly LogAnswer[] = []
  #socket: Socket | undefined

  constructor(desk: Desk, place: Place) {
    this.#desk = desk
    this.#place = place
  }

  /** The share as it stands on this device; opened, verified and brought up to date the first time. */
  async get(log: string): Promise<Share> {
    const known = this.#opening.get(log)
    if (known) return (await known).share
    const asked = this.#open(log)
    this.#opening.set(log, asked)
    asked.catch(() => this.#opening.delete(log))
    return (await asked).share
  }

  /** Ids of all shares that the server names; where one is kept back that another device has seen, that is told. */
  async ids(): Promise<string[]> {
    const shares = await this.#findIds()
    for (const log of shares) this.#known.add(log)
    this.#listed = true
    return shares
  }

  /** Another tab has changed a share, or made it. */
  async refresh(log: string): Promise<void> {
    const one = this.#opened.get(log)
    if (one) await this.#sync(one)
    else this.listChanged()
  }

  /** A share was made, or is no longer there. */
  listChanged(): void {
    this.#desk.events.tell({ type: 'shares-changed' })
  }

  /** Tells pages and other tabs that this tab has changed or made a share. */
  changedHere(log: string): void {
    const one = this.#opened.get(log)
    if (one) return this.#noteChange(one, true)
    this.#known.add(log)
    this.listChanged()
    this.#desk.tabs.tell({ news: 'shares-changed', account: this.#place.member.accountId })
  }

  /** Follows the server until the account is locked. */
  start(): void {
    const { ended } = this.#place
    this.#socket = openSocket({
      origin: socketOrigin(),
      WebSocket,
      onHeads: (heads) => this.#takeHeads(heads),
      // A page says that its log has news; they are read and verified by the one way that all entries take.
      onPage: () => this.#syncAll(),
      onLagged: (log) => this.#catchUp(log),
      onUnauthenticated: async () => {
        await sessionEnded(this.#desk)
        return false
      },
      onState: (state) => {
        if (state === 'connected') void this.#connected()
        else if (state === 'connecting') void this.#desk.network.probe()
      },
    })
    this.#socket.follow()
    const { account } = this.#place.member
    if (this.#desk.network.online) void this.#keepAccount(account.replica.position.seq)
    ended.addEventListener('abort', () => this.#socket?.close(), { once: true })
  }

  async #findIds(): Promise<string[]> {
    const { member, ended } = this.#place
    try {
      // Without the server there is no register to hold the list against.
      if (this.#desk.network.online) return await listShareLogs(member, ended)
    } catch (error) {
      if (!isIntegrity(error) && !isOffline(error)) throw error
      if (isIntegrity(error)) this.#tellLie(error, undefined)
    }
    const { logs } = await this.#desk.client.call(listLogs, { signal: ended })
    return logs.filter(({ kind }) => kind === logKinds.share).map(({ log }) => log)
  }

  async #open(log: string): Promise<Opened> {
    const { member, ended } = this.#place
    const share = await openShare(member, log, { signal: ended })
    const { seq } = share.replica.position
    const one: Opened = { share, seq, syncing: undefined, again: false }
    this.#opened.set(log, one)
    if (this.#opened.size <= liveLimit) this.#socket?.open(log, seq)
    this.#keepLater(one)
    return one
  }

  /** One question at a time; news that comes meanwhile is asked for once more. */
  #sync(one: Opened): Promise<void> {
    if (one.syncing) one.again = true
    one.syncing ??= this.#syncNow(one)
    return one.syncing
  }

  async #syncNow(one: Opened): Promise<void> {
    const { ended } = this.#place
    try {
      do {
        one.again = false
        await one.share.replica.sync(ended)
      } while (one.again)
    } catch (error) {
      // Signed out is told by itself; a lost way to the server is found again by the socket.
      if (!ended.aborted && isIntegrity(error)) this.#tellLie(error, one.share.log)
    } finally {
      one.syncing = undefined
    }
    // After a lie the share refuses all further use; what was shown stays.
    if (!ended.aborted && isUsable(one.share)) this.#noteChange(one, false)
  }

  #syncAll(): void {
    for (const one of this.#opened.values()) void this.#sync(one)
  }

  async #connected(): Promise<void> {
    await this.#desk.network.probe()
    this.#syncAll()
    // Also where no page asks: without the server its last answer is what can be shown.
    await this.ids().catch(() => undefined)
  }

  async #syncAccount(): Promise<void> {
    try {
      await refresh(this.#place.member)
    } catch (error) {
      // A method that is gone ends this session as well: the server says so a moment later.
      const passes =
        isOffline(error) || error instanceof ProblemError || error instanceof MethodGoneError
      if (!this.#place.ended.aborted && !passes) this.#tellLie(error, undefined)
    }
  }

  /** The account's own log as it is now: without the server it says how this device unlocks, and opens the keys. */
  async #keepAccount(seq: number): Promise<void> {
    const { member, store, ended } = this.#place
    const { log } = member.account
    this.#accountSeq = seq
    try {
      const pages = this.#accountPages.slice(0, -1)
      // The last page may have grown; those before it are full.
      const from = this.#accountPages.at(-1)?.after ?? 0
      for await (const page of logPages(this.#desk.client, log, from, ended)) pages.push(page)
      // What came from this device itself is kept already.
      if (!this.#desk.network.online || ended.aborted) return
      await store.putPages(log, pages)
      this.#accountPages = pages
    } catch {
      // The next head asks again.
      if (this.#accountSeq === seq) this.#accountSeq = 0
    }
  }

  #catchUp(log: string): void {
    const one = this.#opened.get(log)
    if (one) void this.#sync(one).then(() => this.#socket?.open(log, one.seq))
  }

  #takeHeads(heads: readonly { log: string; seq: number }[]): void {
    const { account } = this.#place.member
    for (const { log, seq } of heads) {
      const one = this.#opened.get(log)
      if (log === account.log) {
        if (seq > account.replica.position.seq) void this.#syncAccount()
        if (seq > this.#accountSeq) void this.#keepAccount(seq)
      } else if (one) {
        if (seq > one.seq) void this.#sync(one)
      } else if (!this.#known.has(log)) {
        this.#known.add(log)
        if (this.#listed) this.listChanged()
      }
    }
  }

  #tellLie(error: unknown, share: string | undefined): void {
    this.#desk.events.tell({ type: 'integrity', code: codeOf(error), share })
  }

  #noteChange(one: Opened, tellTabs: boolean): void {
    const { log, replica } = one.share
    const { seq } = replica.position
    if (seq === one.seq) return
    one.seq = seq
    this.#socket?.advance(log, seq)
    this.#desk.events.tell({ type: 'share-changed', share: log })
    const account = this.#place.member.accountId
    if (tellTabs) this.#desk.tabs.tell({ news: 'share-changed', account, share: log })
    this.#keepLater(one)
  }

  #keepLater(one: Opened): void {
    const { log } = one.share
    clearTimeout(this.#timers.get(log))
    const keep = (): void => {
      if (!this.#place.ended.aborted) void this.#keep(one).catch(() => undefined)
    }
    this.#timers.set(log, setTimeout(keep, keepAfterMs))
  }

  /** Writes the state, and the receipt of exactly that place, which is what reading without the server needs. */
  async #keep({ share }: Opened): Promise<void> {
    const { store, ended } = this.#place
    const { log, replica, view } = share
    const before = this.#keptSeq.get(log)
    const grown = replica.position.seq - (before ?? 0)
    if (before !== undefined && grown < keepAfterEntries && view.nodes.size > largeShare) return
    await withFreeLock(`keep/${log}`, async () => {
      await replica.sync(ended)
      const { seq } = replica.position
      await keepShare(share, true)
      const page = this.#desk.network.lastPage(log)
      if (page?.after === seq && replica.position.seq === seq) {
        await store.putPages(log, [page])
      }
      this.#keptSeq.set(log, seq)
    })
  }
}

/** False once the log was caught in a lie: it then throws at every use. */
const isUsable = ({ replica }: Share): boolean => {
  try {
    return replica.position.seq >= 0
  } catch {
    return false
  }
}
