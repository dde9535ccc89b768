type Listener = (sessionIds: readonly string[]) => void

/** How the rest of the server learns that sessions have ended: signed out, revoked, or their account suspended. */
export type SessionEvents = {
  /** Told by whoever ended them, after the commit. Ids are 32 hex digits. */
  ended(sessionIds: readonly string[]): void
  /** Calls back for every `ended`; answers how to stop. A listener must not throw. */
  onEnded(listener: Listener): () => void
}

/** Events of one process: what outlives a session (a socket) asks again by itself now and then. */
export const createSessionEvents = (): SessionEvents => {
  const listeners = new Set<Listener>()
  return {
    ended: (sessionIds) => {
      if (sessionIds.length === 0) return
      for (const listener of listeners) listener(sessionIds)
    },
    onEnded: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
