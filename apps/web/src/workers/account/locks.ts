/** One tab at a time, by Web Locks; where the browser has none, each tab by itself. */

const hasLocks = (): boolean => 'locks' in navigator

/** Runs `work` while no other tab of this origin runs work of the same name. */
export const withLock = async <T>(name: string, work: () => Promise<T>): Promise<T> =>
  hasLocks() ? navigator.locks.request(`hearthold/${name}`, () => work()) : work()

/** The same, but undefined at once where another tab is at it. */
export const withFreeLock = async <T>(
  name: string,
  work: () => Promise<T>,
): Promise<T | undefined> =>
  hasLocks()
    ? navigator.locks.request(`hearthold/${name}`, { ifAvailable: true }, (lock) =>
        lock ? work() : undefined,
      )
    : work()

/** Names that some tab holds now. */
export const heldLocks = async (): Promise<Set<string>> => {
  if (!hasLocks()) return new Set()
  const { held = [] } = await navigator.locks.query()
  return new Set(held.map(({ name = '' }) => name.replace(/^hearthold\//, '')))
}

/** Holds a name until the function in the answer is called, or the tab ends. */
export const holdLock = (name: string): (() => void) => {
  if (!hasLocks()) return () => undefined
  let release = (): void => undefined
  const until = new Promise<void>((resolve) => (release = resolve))
  void navigator.locks.request(`hearthold/${name}`, () => until)
  return () => release()
}
