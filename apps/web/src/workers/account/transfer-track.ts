/** One upload or download as the page sees it: told at most ten times a second, with its speed over the last seconds. */
import type { Transfer } from './api.ts'
import type { Events } from './events.ts'

const tellEveryMs = 100
const speedOverMs = 4_000

type Sample = { readonly at: number; readonly bytes: number }

export type Track = {
  readonly transfer: Transfer
  /** Takes what has changed. A new state is told at once. */
  set(change: Partial<Transfer>): void
}

const ended: readonly Transfer['state'][] = ['done', 'cancelled', 'failed']

const speedOf = (samples: readonly Sample[]): number | undefined => {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last || last.at - first.at < 300) return undefined
  return Math.max(0, Math.round(((last.bytes - first.bytes) * 1000) / (last.at - first.at)))
}

/** Follows a transfer that begins as `start`; `now` is a clock in ms. */
export const trackTransfer = (events: Events, start: Transfer, now = Date.now): Track => {
  let transfer = start
  let toldAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let samples: Sample[] = []
  const tell = (): void => {
    clearTimeout(timer)
    timer = undefined
    toldAt = now()
    const bytesPerSecond = transfer.state === 'running' ? speedOf(samples) : undefined
    transfer = { ...transfer, bytesPerSecond }
    events.tell({ type: 'transfer', transfer })
  }
  const sample = (): void => {
    const at = now()
    const last = samples.at(-1)
    if (last && at - last.at < tellEveryMs) return
    samples = [
      ...samples.filter((one) => at - one.at <= speedOverMs),
      { at, bytes: transfer.bytes },
    ]
  }
  return {
    get transfer() {
      return transfer
    },
    set: (change) => {
      const before = transfer.state
      if (ended.includes(before)) return
      transfer = { ...transfer, ...change }
      sample()
      if (transfer.state !== before || now() - toldAt >= tellEveryMs) return tell()
      timer ??= setTimeout(tell, tellEveryMs - (now() - toldAt))
    },
  }
}

/** A transfer before anything has happened. */
export const blankTransfer = (
  of: Pick<Transfer, 'id' | 'direction' | 'share' | 'folder' | 'title'>,
): Transfer => ({
  ...of,
  state: 'waiting',
  files: 0,
  filesTotal: 0,
  bytes: 0,
  bytesTotal: 0,
  bytesPerSecond: undefined,
  complete: false,
  skipped: [],
  error: undefined,
})
