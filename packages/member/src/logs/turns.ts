/** Runs one piece of work after the other, in the order asked: a log of one device is read and written in turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** A new queue. A piece that fails does not stop those after it. */
export const createTurns = (): Turns => {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    return mine
  }
}
