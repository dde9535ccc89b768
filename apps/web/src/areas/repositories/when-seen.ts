/** Asks anew when somebody comes back to the page, and now and then while they look at it. */

const everyMs = 60_000

/** Calls `ask` each minute while the page is seen, and when it is seen again; returns what ends that. */
export const whenSeen = (ask: () => void, ms = everyMs): (() => void) => {
  const isSeen = (): boolean => document.visibilityState === 'visible'
  const look = (): void => {
    if (isSeen()) ask()
  }
  const timer = setInterval(look, ms)
  document.addEventListener('visibilitychange', look)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', look)
  }
}
