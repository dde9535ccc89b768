/** The liar as a server on a port of its own, for processes that know nothing of transports. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TransportRequest } from '@hearthold/client'
import { nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { type Lie, readBytes, truth } from './answers.ts'

export type LyingServer = {
  readonly origin: string
  /** Another lie from now on. */
  tell(lie: Lie): void
  stop(): Promise<void>
}

const ownHeaders = new Set(['host', 'connection', 'content-length', 'accept-encoding'])

const requestOf = async (message: IncomingMessage): Promise<TransportRequest> => {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part as Buffer)
  const headers = Object.entries(message.headers).filter(([name]) => !ownHeaders.has(name))
  return {
    method: message.method!,
    url: message.url!,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    ...(parts.length === 0 ? {} : { body: Buffer.concat(parts) }),
  }
}

/** Listens on loopback; asks the server at `origin` and lies about its answers. */
export const startLyingServer = async (origin: string): Promise<LyingServer> => {
  const transport = nodeTransport({ origin })
  let lie = truth
  const server: Server = createServer((message, response) => {
    const answer = async (): Promise<void> => {
      const request = await requestOf(message)
      const answered = await lie(transport.request.bind(transport))(request)
      const bytes = await readBytes(answered)
      const { connection: _, 'transfer-encoding': __, ...headers } = answered.headers
      response.writeHead(answered.status, { ...headers, 'content-length': String(bytes.length) })
      response.end(bytes)
    }
    answer().catch(() => response.destroy())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    tell: (next) => (lie = next),
    stop: async () => {
      transport.close()
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
