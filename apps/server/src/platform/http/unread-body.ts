import type { IncomingMessage } from 'node:http'

/**
 * To be called when a request is answered whose body was not read to its end: what still comes is thrown away for a
 * moment, so that the client reads the answer instead of a reset, and then the connection is cut.
 */
export const dropUnread = (request: IncomingMessage, lingerMs: number): void => {
  // Injected requests know the second only.
  if (request.complete || request.readableEnded) return
  request.on('error', () => undefined)
  request.resume()
  setTimeout(() => request.complete || request.destroy(), lingerMs).unref()
}
