import type { LogCommit, LogService } from '#platform/logs/index.ts'
import type { SocketLimits } from './limits.ts'
import { binaryFrame, type Wire } from './wire.ts'

/** Frames of commits, each built once for all sockets that have its log open. */
const frames = new WeakMap<LogCommit, Uint8Array>()

const frameOf = (commit: LogCommit): Uint8Array => {
  const known = frames.get(commit)
  if (known) return known
  const frame = binaryFrame(commit.page())
  frames.set(commit, frame)
  return frame
}

type OpenLog = {
  readonly log: string
  /** The client has been sent all entries up to this number. */
  at: number
  /** Numbers beyond `at` exist, and are sent by pages; otherwise commits are sent as they come. */
  behind: boolean
  /** The newest number heard of while behind. */
  newest: number
}

/** The logs that a socket has open: entries from a number on, then each commit, without a gap or a doubled entry. */
export class OpenLogs {
  readonly #logs = new Map<string, OpenLog>()
  readonly #wire: Wire
  readonly #readPage: LogService['readPage']
  readonly #limits: SocketLimits
  #pumping = false

  constructor(wire: Wire, readPage: LogService['readPage'], limits: SocketLimits) {
    this.#wire = wire
    this.#readPage = readPage
    this.#limits = limits
  }

  has(log: string): boolean {
    return this.#logs.has(log)
  }

  ids(): Iterable<string> {
    return this.#logs.keys()
  }

  /** False if no further log may be open. */
  hasRoomFor(log: string): boolean {
    return this.#logs.has(log) || this.#logs.size < this.#limits.openLogs
  }

  /** Begins after a number, or begins again if the log is open already. */
  open(log: string, after: number): void {
    this.#logs.set(log, { log, at: after, behind: true, newest: after })
    void this.#pump()
  }

  close(log: string): void {
    this.#logs.delete(log)
  }

  /** A commit to an open log. Answers false if the socket is too slow for it: the log is closed then. */
  take(commit: LogCommit): boolean {
    const open = this.#logs.get(commit.log)
    if (!open || commit.seq <= open.at) return true
    if (open.behind || commit.after !== open.at) {
      // Also where a page has ended inside this commit: pages bring the rest.
      open.newest = Math.max(open.newest, commit.seq)
      open.behind = true
      void this.#pump()
      return true
    }
    if (this.#wire.bufferedBytes() > this.#limits.bufferedBytes) {
      this.#logs.delete(commit.log)
      return false
    }
    open.at = commit.seq
    this.#wire.sendReady(frameOf(commit))
    return true
  }

  /** One page at a time for the whole socket, log after log in turn: a reader of 256 backlogs costs one page of memory. */
  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    try {
      for (let open = this.#nextBehind(); open; open = this.#nextBehind())
        await this.#sendNext(open)
    } finally {
      this.#pumping = false
    }
  }

  #nextBehind(): OpenLog | undefined {
    if (this.#wire.ended()) return undefined
    for (const open of this.#logs.values()) if (open.behind) return open
    return undefined
  }

  async #sendNext(open: OpenLog): Promise<void> {
    const { log, at: after } = open
    const limitBytes = this.#limits.backlogPageBytes
    const page = await this.#readPage({ log, after, limitBytes }).catch(() => undefined)
    // Closed, or opened anew, while the page was read.
    if (this.#logs.get(log) !== open) return
    if (!page) {
      this.#logs.delete(log)
      this.#wire.sendFrame({ frame: 'problem', code: 'unavailable', log })
      return
    }
    open.at = page.lastSeq
    await this.#wire.sendPage(page.bytes)
    open.behind = page.lastSeq < page.headSeq || open.newest > open.at
    if (!open.behind || this.#logs.get(log) !== open) return
    // To the end of the row.
    this.#logs.delete(log)
    this.#logs.set(log, open)
  }
}
