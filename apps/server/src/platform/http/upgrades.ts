import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Which requests may upgrade their connection. Node has no more to do with one that is: it neither cuts it when it is idle
 * nor when the server stops.
 */
export type Upgrades = {
  /** @param path of an endpoint, with its `:parameters` */
  allow(path: string): void
  /** True where the connection is to be upgraded; a request whose is not is answered as if it had not asked. */
  take(request: IncomingMessage): boolean
  /** Cuts all that were let through. */
  cut(): void
}

/** @param idleMs without a byte in either direction, until who took the connection over says otherwise */
export const createUpgrades = (idleMs: number): Upgrades => {
  const allowed: RegExp[] = []
  const taken = new Set<Socket>()
  return {
    allow: (path) => void allowed.push(new RegExp(`^${path.replaceAll(/:\w+/g, '\\w+')}$`)),
    take: ({ method, url = '', headers, socket }) => {
      const path = url.split('?', 1)[0]!
      // Of a request with a body Node would go on reading the connection itself.
      const hasBody = 'content-length' in headers || 'transfer-encoding' in headers
      if (method !== 'GET' || hasBody || !allowed.some((one) => one.test(path))) return false
      taken.add(socket)
      socket.once('close', () => taken.delete(socket))
      socket.setTimeout(idleMs, () => socket.destroy())
      return true
    },
    cut: () => {
      for (const socket of taken) socket.destroy()
    },
  }
}
