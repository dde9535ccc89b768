import { encodeHeads } from '@hearthold/contract'
import { toHex } from '@hearthold/crypto'
import type { LogHead } from '#platform/logs/index.ts'
import type { SocketLimits } from './limits.ts'
import type { Wire } from './wire.ts'

type Head = Pick<LogHead, 'log' | 'seq' | 'chain' | 'at'>

/** Heads of one socket's account: one frame for all logs that changed, at most so often. */
export class HeadsFeed {
  readonly #wire: Wire
  readonly #limits: SocketLimits
  #following = false
  #changed = new Map<string, Head>()
  #timer: NodeJS.Timeout | undefined
  /** By the process's own clock: it never goes back. */
  #lastSentMs = Number.NEGATIVE_INFINITY

  constructor(wire: Wire, limits: SocketLimits) {
    this.#wire = wire
    this.#limits = limits
  }

  follow(): void {
    this.#following = true
  }

  /** A log's newest head, sent soon if this socket follows. */
  note(head: Head): void {
    if (!this.#following) return
    const { log, seq, chain, at } = head
    // What was read before a commit must not hide the commit.
    if ((this.#changed.get(log)?.seq ?? -1) > seq) return
    this.#changed.set(log, { log, seq, chain, at })
    this.#schedule(this.#lastSentMs + this.#limits.headsEveryMs - performance.now())
  }

  /** Sends at once, also where nothing was noted: the answer to `follow`. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const heads = Array.from(this.#changed.values(), ({ log, seq, chain, at }) => ({
      ...{ log, seq, at },
      chainStart: toHex(chain.subarray(0, 4)),
    }))
    this.#changed = new Map()
    this.#lastSentMs = performance.now()
    this.#wire.sendHeads(encodeHeads(heads))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#following = false
  }

  #schedule(delayMs: number): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        // A reader that is behind gets the newest heads when it has caught up, not each of them.
        if (this.#wire.bufferedBytes() > this.#limits.bufferedBytes) {
          this.#schedule(this.#limits.headsEveryMs)
        } else this.flush()
      },
      Math.max(0, delayMs),
    )
  }
}
