/** Throws the reason where the signal has aborted. */
export const checkSignal = (signal: AbortSignal | undefined): void => signal?.throwIfAborted()

/** Lets at most `most` works run at once; the others wait their turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

export const createTurns = (most: number): Turns => {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // The place is handed on, so that nobody who comes just now gets it.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

/** Runs `work` for each, so many at once, and stops at the first error. Results in the order of `items`. */
export const eachOf = async <T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> => {
  const results: R[] = []
  let next = 0
  let failed = false
  const runner = async () => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        // The index is below the length.
        results[index] = await work(items[index] as T)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, runner))
  return results
}
