import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerStatus } from './answers.ts'

export type ReadLimits = {
  readonly totalBytes: number
  /** Of one reader, so that nobody's downloads keep out all others. */
  readonly perReaderBytes: number
  /** Who takes nothing for so long is cut off while others wait. */
  readonly stallMs: number
  /** Requests that may wait; each costs some 13 kB. */
  readonly waiting: number
  readonly waitingPerReader: number
  readonly lookEveryMs: number
}

const mebibyte = 2 ** 20
const standardLimits: ReadLimits = {
  totalBytes: 32 * mebibyte,
  perReaderBytes: 16 * mebibyte,
  // A piece of 256 KiB: 26 KiB/s.
  stallMs: 10_000,
  waiting: 256,
  waitingPerReader: 64,
  lookEveryMs: 1_000,
}

/** What a download of any size holds at most: two pieces, one on its way out and one that is read. */
export const largestHold = 512 * 1024

type Hold = {
  readonly res: ServerResponse
  readonly reader: string
  readonly bytes: number
  seenBytes: number
  seenAt: number
}
type Waiter = { readonly res: ServerResponse; readonly go: (isHeld: boolean) => void }

/**
 * The bytes that all downloads together hold in memory for readers who have not taken them yet. Whoever finds no room waits
 * before anything is read; readers take turns, and those who take nothing meanwhile are cut off.
 */
export class ReadBudget {
  readonly #limits: ReadLimits
  readonly #holds = new Set<Hold>()
  readonly #byReader = new Map<string, number>()
  /** Lanes take turns. */
  readonly #waiting = new Map<string, Waiter[]>()
  #waiters = 0
  #held = 0
  #timer: NodeJS.Timeout | undefined

  constructor(limits: Partial<ReadLimits> = {}) {
    this.#limits = { ...standardLimits, ...limits }
  }

  get heldBytes(): number {
    return this.#held
  }

  /** True where even small answers must wait. */
  get isTight(): boolean {
    return this.#waiting.size > 0 || this.#held + largestHold > this.#limits.totalBytes
  }

  /** Takes room until the answer is closed. @returns false where there is none, and nothing was taken */
  hold(res: ServerResponse, reader: string, bytes: number): boolean {
    if (this.isTight || !this.#fits(reader, bytes)) return false
    this.#take(res, reader, bytes)
    return true
  }

  /** For what is in memory already: takes room that may not be there. */
  holdUnsent(res: ServerResponse, reader: string, bytes: number): void {
    this.#take(res, reader, bytes)
  }

  /**
   * Waits for its turn. @returns true with room for `largestHold`; false where the client left, or was told to come again
   * since too many wait already
   */
  async wait(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    if (res.closed || res.destroyed) return false
    const reader = readerOf(req)
    const { waiting, waitingPerReader } = this.#limits
    const own = this.#waiting.get(reader)?.length ?? 0
    // One request of each always may, however many others wait.
    if (own === 0 || (own < waitingPerReader && this.#waiters < waiting))
      return this.#turn(res, reader)
    // A kept connection would cost as much as one that waits.
    answerStatus(req, res, 503, { headers: { 'retry-after': '5', connection: 'close' } })
    return false
  }

  #turn(res: ServerResponse, reader: string): Promise<boolean> {
    return new Promise((resolve) => {
      const onClose = (): void => this.#leave(reader, waiter)
      const waiter: Waiter = {
        res,
        go: (isHeld) => {
          res.off('close', onClose)
          resolve(isHeld)
        },
      }
      res.once('close', onClose)
      this.#waiting.set(reader, [...(this.#waiting.get(reader) ?? []), waiter])
      this.#waiters++
      this.#timer ??= setInterval(() => this.#cutStalled(), this.#limits.lookEveryMs).unref()
      this.#letIn()
    })
  }

  #fits(reader: string, bytes: number): boolean {
    const { totalBytes, perReaderBytes } = this.#limits
    return (
      this.#held + bytes <= totalBytes &&
      (this.#byReader.get(reader) ?? 0) + bytes <= perReaderBytes
    )
  }

  #take(res: ServerResponse, reader: string, bytes: number): void {
    if (res.closed) return
    const seenBytes = res.socket?.bytesWritten ?? 0
    const hold: Hold = { res, reader, bytes, seenBytes, seenAt: performance.now() }
    this.#holds.add(hold)
    this.#add(reader, bytes)
    res.once('close', () => {
      this.#holds.delete(hold)
      this.#add(reader, -bytes)
      this.#letIn()
    })
  }

  #add(reader: string, bytes: number): void {
    this.#held += bytes
    const sum = (this.#byReader.get(reader) ?? 0) + bytes
    if (sum === 0) this.#byReader.delete(reader)
    else this.#byReader.set(reader, sum)
  }

  /** One of each reader in turn, as long as there is room. */
  #letIn(): void {
    for (let passed = 0; passed < this.#waiting.size;) {
      const [reader, waiters] = this.#waiting.entries().next().value ?? ['', []]
      this.#waiting.delete(reader)
      const fits = this.#fits(reader, largestHold)
      const [first, ...others] = fits ? waiters : []
      const left = fits ? others : waiters
      if (left.length > 0) this.#waiting.set(reader, left)
      if (first === undefined) passed++
      else {
        this.#waiters--
        this.#take(first.res, reader, largestHold)
        first.go(true)
        passed = 0
      }
    }
    this.#restIfDone()
  }

  #leave(reader: string, waiter: Waiter): void {
    const left = (this.#waiting.get(reader) ?? []).filter((other) => other !== waiter)
    if (left.length > 0) this.#waiting.set(reader, left)
    else this.#waiting.delete(reader)
    this.#waiters--
    waiter.go(false)
    this.#restIfDone()
  }

  #restIfDone(): void {
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** As many as wait, those who took nothing for the longest first. */
  #cutStalled(): void {
    const now = performance.now()
    const stalled: Hold[] = []
    for (const hold of this.#holds) {
      const bytes = hold.res.socket?.bytesWritten ?? hold.seenBytes
      if (bytes !== hold.seenBytes) {
        hold.seenBytes = bytes
        hold.seenAt = now
      } else if (now - hold.seenAt >= this.#limits.stallMs) stalled.push(hold)
    }
    stalled.sort((one, other) => one.seenAt - other.seenAt)
    for (const { res } of stalled.slice(0, this.#waiters)) res.destroy()
  }
}

/** Memory is the process's, whatever is served from it. */
export const readsOfProcess = new ReadBudget()

/** Whose a request is, as far as the budget is concerned: who has the same name and password from the same address. */
export const readerOf = ({ headers, socket }: IncomingMessage): string =>
  `${socket.remoteAddress ?? ''} ${headers.authorization ?? ''}`
