/** One clock for all times on the page: it moves every half minute, and when the page is looked at again. */
import { createSubscriber } from 'svelte/reactivity'

const stepMs = 30_000

const follow = createSubscriber((update) => {
  const timer = setInterval(update, stepMs)
  const whenSeen = (): void => {
    if (document.visibilityState === 'visible') update()
  }
  document.addEventListener('visibilitychange', whenSeen)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', whenSeen)
  }
})

/** The time now, in ms since 1970; a component that reads it is drawn again as time passes. */
export const timeNow = (): number => {
  follow()
  return Date.now()
}
