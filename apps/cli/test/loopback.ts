import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import type { AddressInfo } from 'node:net'
import { nodeTransport, type NodeTransportOptions } from '../src/transport/node-transport.ts'

const closing: (() => void)[] = []

/** Closes all that the functions below opened; for `afterEach`. */
export const closeAll = (): void => {
  for (const close of closing.splice(0)) close()
}

/** Listens on a free port of this machine until `closeAll`. */
export const listen = async (server: net.Server, host = '127.0.0.1'): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  closing.push(() => {
    if (server instanceof http.Server || server instanceof https.Server)
      server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
/** A plain server with this handler, and a transport to it. */
export const plain = async (
  handler: http.RequestListener,
  options: Partial<NodeTransportOptions> = {},
) => {
  const port = await listen(http.createServer(handler))
  return transportTo(`http://127.0.0.1:${port}`, options)
}
/** A transport until `closeAll`. */
export const transportTo = (origin: string, options: Partial<NodeTransportOptions> = {}) => {
  const transport = nodeTransport({ origin, ...options })
  closing.push(() => transport.close())
  return transport
}

/** What a promise rejects with; undefined where it resolves. */
export const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
