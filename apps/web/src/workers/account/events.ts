import type { WorkerEvent } from './api.ts'

export type Listener = (event: WorkerEvent) => void

/** Tells all pages that listen. A page that is gone is left out without a word. */
export const createEvents = () => {
  const listeners = new Set<Listener>()
  return {
    subscribe: (listener: Listener): void => void listeners.add(listener),
    tell: (event: WorkerEvent): void => {
      for (const listener of listeners) {
        // Comlink's proxies answer by promises, also where the type says nothing.
        void Promise.resolve(listener(event) as unknown).catch(() => listeners.delete(listener))
      }
    },
  }
}

export type Events = ReturnType<typeof createEvents>
