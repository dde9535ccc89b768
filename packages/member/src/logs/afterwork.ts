/** What is done after an act, never as a part of it: it delays nothing and fails nothing. */
import type { Unlocked } from '../account/unlock.ts'

/** Pieces of work that wait, by a name of their own, so that each waits once. */
type Queue = {
  readonly waiting: Map<string, () => Promise<void>>
  running: Promise<void>
  timer: { readonly clear: () => void } | undefined
}

const queues = new WeakMap<Unlocked, Queue>()

const queueOf = (member: Unlocked): Queue => {
  const found = queues.get(member)
  if (found) return found
  const made: Queue = { waiting: new Map(), running: Promise.resolve(), timer: undefined }
  queues.set(member, made)
  return made
}

/** A timer that lets a Node process end. */
const startTimer = (work: () => void, ms: number): Queue['timer'] => {
  const timer = setTimeout(work, ms)
  const { unref } = timer as unknown as { unref?: () => void }
  unref?.call(timer)
  return { clear: () => clearTimeout(timer) }
}

/** Without a call of `settle` waiting work is done this long after the last act, and at the latest after `latestMs`. */
const quietMs = 15_000
const latestMs = 60_000

const runAll = (queue: Queue): Promise<void> => {
  queue.timer?.clear()
  queue.timer = undefined
  const work = [...queue.waiting.values()]
  queue.waiting.clear()
  for (const one of work) {
    // Whatever fails is tried again after a later act.
    queue.running = queue.running.then(one).catch(() => undefined)
  }
  return queue.running
}

const firstAt = new WeakMap<Queue, number>()

/** Puts work off until nothing has been put off for a while; work of the same name takes the place of the earlier. */
export const doLater = (member: Unlocked, name: string, work: () => Promise<void>): void => {
  const queue = queueOf(member)
  const now = performance.now()
  if (queue.waiting.size === 0) firstAt.set(queue, now)
  queue.waiting.set(name, work)
  queue.timer?.clear()
  const left = latestMs - (now - firstAt.get(queue)!)
  queue.timer = startTimer(() => void runAll(queue), Math.max(0, Math.min(quietMs, left)))
}

/**
 * Does now what was put off under this account (checkpoints of shares, the register of known heads) and resolves when
 * it is done or has failed, at the latest after `withinMs`. Never throws. For the end of a command, or of a session.
 */
export const settle = async (member: Unlocked, withinMs = 30_000): Promise<void> => {
  const done = runAll(queueOf(member))
  let timer: Queue['timer']
  const late = new Promise<void>((resolve) => (timer = startTimer(resolve, withinMs)))
  await Promise.race([done, late])
  timer?.clear()
}
