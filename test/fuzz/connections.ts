/** Connections of clients that are slow, rude or gone; spoken by hand, since no library would. */
import { connect, type Socket } from 'node:net'

export type Rude = {
  /** Everything that came back, as text. */
  answer(): string
  /** Resolves when the server has ended the connection. */
  readonly closed: Promise<void>
  write(text: string | Uint8Array): void
  end(): void
}

/** Connects and says what is given, byte for byte. */
export const speak = (port: number, text: string | Uint8Array = ''): Promise<Rude> =>
  new Promise((done, fail) => {
    const socket: Socket = connect({ port, host: '127.0.0.1' })
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    const closed = new Promise<void>((gone) => socket.once('close', () => gone()))
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      socket.on('error', () => {})
      if (text.length > 0) socket.write(text)
      done({
        answer: () => Buffer.concat(chunks).toString('latin1'),
        closed,
        write: (more) => void (socket.writable && socket.write(more)),
        end: () => void socket.destroy(),
      })
    })
  })

/** The status of each answer that came. */
export const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))

/** Ways to hold a connection without ever asking anything. */
export const slowBeginnings = (token: string): string[] => [
  '',
  'GET /api/instance HTTP/1.1\r\nHost: localhost',
  'POST /api/sign-in/password/start HTTP/1.1\r\nHost: localhost:8765\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"name":',
  `POST /api/objects/bundle HTTP/1.1\r\nHost: localhost:8765\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 16000000\r\n\r\nx`,
  'PUT /api/registers HTTP/1.1\r\nHost: localhost:8765\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
  'GET /api/socket HTTP/1.1\r\nHost: localhost:8765\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
]

/**
 * Opens that many slow connections; each sends one more byte now and then.
 * @returns how many are still open, and what ends them all
 */
export const holdSlow = async (
  port: number,
  count: number,
  token: string,
  beginnings: readonly string[] = slowBeginnings(token),
) => {
  const open = new Set<Rude>()
  const all: Rude[] = []
  for (let made = 0; made < count; made += 100)
    await Promise.all(
      Array.from({ length: Math.min(100, count - made) }, async (_none, at) => {
        const rude = await speak(port, beginnings[(made + at) % beginnings.length]).catch(
          () => undefined,
        )
        if (rude === undefined) return
        all.push(rude)
        open.add(rude)
        void rude.closed.then(() => open.delete(rude))
      }),
    )
  const timer = setInterval(() => open.forEach((rude) => rude.write('a')), 700)
  return {
    held: () => open.size,
    stop: () => {
      clearInterval(timer)
      for (const rude of all) rude.end()
    },
  }
}
