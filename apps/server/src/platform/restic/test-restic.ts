import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { standardTimeouts } from '../http/connections.ts'
import { createNodeServer } from '../http/server.ts'
import { openDiskStorage } from '../storage/disk/index.ts'
import { objectTypes, type RepositoryStorage, type RepositoryStore } from '../storage/storage.ts'
import { answerStatus, handleRestic, parseResticPath } from './index.ts'
import type { RepositoryCaller, RepositoryEvent } from './policy.ts'

/** For tests only: 64 hex digits. */
export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type TestRestic = {
  readonly folder: string
  readonly storage: RepositoryStorage
  readonly store: RepositoryStore
  readonly port: number
  readonly events: RepositoryEvent[]
  /** What the caller may do, and has room for; tests change it. */
  policy: Partial<RepositoryCaller>
  send(
    method: string,
    path: string,
    options?: { body?: Uint8Array; headers?: Record<string, string> },
  ): Promise<Answer>
  /** A connection of one's own, and all that came back on it when it ended. */
  raw(): { socket: Socket; answer: Promise<string> }
  close(): Promise<void>
}

/** For tests only: a server with one repository at `/r/`, over a disk. */
export const startRestic = async (
  over: (store: RepositoryStore) => RepositoryStore = (store) => store,
): Promise<TestRestic> => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-restic-'))
  const storage = openDiskStorage({ folder })
  const store = over(storage.open(['r']))
  // Without fsyncs and shards, which are made when they are needed: many tests start here.
  for (const type of objectTypes) mkdirSync(join(folder, 'r', type), { recursive: true })
  const events: RepositoryEvent[] = []
  const made: { policy: Partial<RepositoryCaller> } = { policy: {} }
  const caller = (): RepositoryCaller => ({
    store,
    may: (act, type) => made.policy.may?.(act, type) ?? true,
    verify: made.policy.verify ?? true,
    reserve: (ref, sizeBytes) =>
      made.policy.reserve?.(ref, sizeBytes) ?? { take: () => undefined, settle: () => undefined },
    remove: (ref) => made.policy.remove?.(ref) ?? store.remove(ref),
    onEvent: (event) => void events.push(event),
    ...(made.policy.reads === undefined ? {} : { reads: made.policy.reads }),
  })
  const server: Server = createNodeServer(
    () => undefined,
    standardTimeouts,
    undefined,
    (req, res) => {
      const target = parseResticPath(req.url?.split('?', 1)[0] ?? '', 2)
      if (target?.folder.join('/') !== 'r') answerStatus(req, res, 404)
      else void handleRestic(req, res, target.rest, caller())
      return true
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(made, {
    folder: join(folder, 'r'),
    storage,
    store,
    port,
    events,
    send: sender(port),
    raw: () => rawConnection(port),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await storage.close()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

const sender =
  (port: number): TestRestic['send'] =>
  (method, path, { body, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request({ port, method, path, headers, host: '127.0.0.1' }, (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject).on('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            body: Buffer.concat(chunks),
          }),
        )
      })
      sent.on('error', reject)
      if (body !== undefined && !('transfer-encoding' in headers))
        sent.setHeader('content-length', body.length)
      sent.end(body)
    })

const rawConnection = (port: number): { socket: Socket; answer: Promise<string> } => {
  const socket = connect(port, '127.0.0.1')
  const answer = new Promise<string>((resolve) => {
    let got = ''
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1')
    })
    socket.on('error', () => undefined).on('close', () => resolve(got))
  })
  return { socket, answer }
}
