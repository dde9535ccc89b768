import type { SessionEvents } from '../access/session-events.ts'
import type { Connection, SocketLogs } from './connection.ts'

/** All signed-in sockets of this process, by account: commits and ended sessions find them here. */
export type Hub = {
  /** False if the account has as many sockets as it may have. */
  add(connection: Connection): boolean
  remove(connection: Connection): void
  /** Ends those whose session has expired. */
  check(): Promise<void>
  count(): number
  stop(): void
}

/**
 * @param sessionLives whether a session still counts; asking is no use of it
 */
export const createHub = (
  logs: Pick<SocketLogs, 'onCommit'>,
  events: SessionEvents,
  socketsPerAccount: number,
  sessionLives: (sessionId: string) => Promise<boolean>,
): Hub => {
  const byAccountLog = new Map<string, Set<Connection>>()

  const remove = (connection: Connection): void => {
    const { log } = connection.session
    const others = byAccountLog.get(log)
    others?.delete(connection)
    if (others?.size === 0) byAccountLog.delete(log)
  }
  const all = (): Connection[] => [...byAccountLog.values()].flatMap((some) => [...some])
  const end = (connection: Connection): void => {
    remove(connection)
    connection.end('unauthenticated')
  }

  const stopCommits = logs.onCommit((commit) => {
    for (const connection of byAccountLog.get(commit.owner) ?? []) connection.take(commit)
  })
  const stopEvents = events.onEnded((sessionIds) => {
    const ended = new Set(sessionIds)
    for (const connection of all()) if (ended.has(connection.session.sessionId)) end(connection)
  })

  return {
    add: (connection) => {
      const { log } = connection.session
      const others = byAccountLog.get(log) ?? new Set()
      if (others.size >= socketsPerAccount) return false
      byAccountLog.set(log, others.add(connection))
      return true
    },
    remove,
    check: async () => {
      for (const connection of all()) {
        if (!(await sessionLives(connection.session.sessionId))) end(connection)
      }
    },
    count: () => all().length,
    stop: () => {
      stopCommits()
      stopEvents()
      for (const connection of all()) {
        remove(connection)
        connection.end()
      }
    },
  }
}
