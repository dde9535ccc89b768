import type { ClientFrame, ProblemCode } from '@hearthold/contract'
import type { SessionContext } from '../access/session.ts'
import type { LogCommit, LogService } from '#platform/logs/index.ts'
import { HeadsFeed } from './heads-feed.ts'
import type { SocketLimits } from './limits.ts'
import { OpenLogs } from './open-logs.ts'
import type { Wire } from './wire.ts'

/** What a socket asks of the log service. */
export type SocketLogs = Pick<LogService, 'mayRead' | 'listFor' | 'readPage' | 'onCommit'>

/** A signed-in socket: what it has open, and whether it follows. */
export class Connection {
  readonly session: SessionContext
  readonly #wire: Wire
  readonly #logs: SocketLogs
  readonly #open: OpenLogs
  readonly #heads: HeadsFeed
  /** Frames are answered one after the other, in the order in which they came. */
  #work: Promise<void> = Promise.resolve()

  constructor(session: SessionContext, wire: Wire, logs: SocketLogs, limits: SocketLimits) {
    this.session = session
    this.#wire = wire
    this.#logs = logs
    this.#open = new OpenLogs(wire, logs.readPage, limits)
    this.#heads = new HeadsFeed(wire, limits)
  }

  welcome(): void {
    this.#wire.sendFrame({ frame: 'welcome', session: this.session.sessionId })
  }

  handle(frame: ClientFrame): void {
    this.#work = this.#work.then(() => this.#answer(frame)).catch(() => this.end('internal'))
  }

  async #answer(frame: ClientFrame): Promise<void> {
    if (this.#wire.ended()) return
    switch (frame.frame) {
      case 'open':
        return this.#openLog(frame.log, frame.after)
      case 'close':
        return this.#open.close(frame.log)
      case 'follow':
        return this.#follow()
      case 'ping':
        return this.#wire.sendFrame({ frame: 'pong' })
      case 'hello':
        // A second one would be another session's.
        return this.end('bad_request')
    }
  }

  async #openLog(log: string, after: number): Promise<void> {
    if (!(await this.#logs.mayRead(this.session.log, log))) this.#refuse('not_found', log)
    else if (!this.#open.hasRoomFor(log)) this.#refuse('rate_limited', log)
    else this.#open.open(log, after)
  }

  #refuse(code: ProblemCode, log: string): void {
    this.#wire.sendFrame({ frame: 'problem', code, log })
  }

  async #follow(): Promise<void> {
    // Before the list is read: a commit meanwhile is noted too.
    this.#heads.follow()
    for (const head of await this.#logs.listFor(this.session.log)) this.#heads.note(head)
    this.#heads.flush()
  }

  /** A commit to a log that this socket's account may read. */
  take(commit: LogCommit): void {
    if (this.#wire.ended()) return
    if (!this.#open.has(commit.log)) return this.#heads.note(commit)
    if (this.#open.take(commit)) return
    this.#wire.sendFrame({ frame: 'lagged', log: commit.log })
    this.#heads.follow()
    this.#heads.note(commit)
  }

  /** Ends the socket, with a problem if there is one. */
  end(code?: ProblemCode): void {
    this.stop()
    this.#wire.end(code && { frame: 'problem', code })
  }

  /** The socket is gone. */
  stop(): void {
    this.#heads.stop()
    for (const log of [...this.#open.ids()]) this.#open.close(log)
  }
}
