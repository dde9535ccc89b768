import { encodeHeads } from '@hearthold/contract'
import { describe, expect, it } from 'vitest'
import { openSocket, type SocketOptions } from './socket.ts'
import type { SocketLike } from './socket-connection.ts'

const logA = 'a'.repeat(32)
const logB = 'b'.repeat(32)
const token = 'T'.repeat(43)

/** A WebSocket played by the test. */
class FakeSocket implements SocketLike {
  static readonly all: FakeSocket[] = []
  readonly url: string
  binaryType = 'blob'
  readonly sent: unknown[] = []
  closed = false
  private readonly listeners = new Map<string, (event: object) => void>()

  constructor(url: string) {
    this.url = url
    FakeSocket.all.push(this)
  }
  addEventListener(type: string, listener: (event: object) => void) {
    this.listeners.set(type, listener)
  }
  send(data: string) {
    this.sent.push(JSON.parse(data))
  }
  close() {
    this.closed = true
  }
  emit(type: string, event: object = {}) {
    this.listeners.get(type)?.(event)
  }
  answer(frame: unknown) {
    this.emit('message', { data: typeof frame === 'string' ? frame : JSON.stringify(frame) })
  }
}

const welcome = { frame: 'welcome', session: 'c'.repeat(32) }
const turn = () => new Promise((resolve) => setTimeout(resolve, 0))
const latest = () => FakeSocket.all.at(-1) as FakeSocket

const start = (options: Partial<SocketOptions> = {}) => {
  FakeSocket.all.length = 0
  const events: unknown[][] = []
  const note =
    (name: string) =>
    (...values: unknown[]) =>
      void events.push([name, ...values])
  const socket = openSocket({
    origin: 'wss://host:1',
    token: () => token,
    WebSocket: FakeSocket,
    waiting: { sleep: () => Promise.resolve(), random: () => 0 },
    onHeads: note('heads'),
    onPage: note('page'),
    onLagged: note('lagged'),
    onProblem: note('problem'),
    onState: note('state'),
    ...options,
  })
  return { socket, events }
}

const connectFirst = () => {
  latest().emit('open')
  latest().answer(welcome)
}

describe('openSocket', () => {
  it('says hello with the token in the first frame, never in the address, and asks only after welcome', () => {
    const { socket, events } = start()
    socket.open(logA, 5)
    expect(latest().url).toBe('wss://host:1/api/socket')
    expect(latest().binaryType).toBe('arraybuffer')
    latest().emit('open')
    expect(latest().sent).toEqual([{ frame: 'hello', token }])
    latest().answer(welcome)
    expect(latest().sent.slice(1)).toEqual([{ frame: 'open', log: logA, after: 5 }])
    expect(events).toEqual([
      ['state', 'connecting'],
      ['state', 'connected'],
    ])
    socket.close()
    expect(latest().closed).toBe(true)
    expect(events.at(-1)).toEqual(['state', 'closed'])
  })

  it('emits heads and pages, and ignores frames that it does not know', () => {
    const { socket, events } = start({ onState: () => undefined })
    connectFirst()
    const head = { log: logA, seq: 3, at: 9, chainStart: 'd'.repeat(8) }
    const frame = encodeHeads([head])
    latest().emit('message', { data: frame.buffer })
    latest().emit('message', { data: Uint8Array.of(1, 2).buffer })
    latest().answer({ frame: 'future', x: 1 })
    latest().answer('{')
    latest().answer({ frame: 'problem', code: 7 })
    latest().emit('message', { data: frame.slice(0, -1).buffer })
    latest().answer({ frame: 'pong' })
    expect(events).toEqual([
      ['heads', [head]],
      ['page', Uint8Array.of(1, 2)],
    ])
    socket.close()
  })

  it('asks again from where each log stood after a drop', async () => {
    const { socket, events } = start()
    socket.open(logA, 5)
    socket.open(logB, 1)
    socket.follow()
    connectFirst()
    socket.advance(logA, 9)
    socket.advance(logA, 7)
    socket.closeLog(logB)
    latest().emit('close')
    latest().emit('error')
    await turn()
    expect(FakeSocket.all).toHaveLength(2)
    connectFirst()
    expect(latest().sent).toEqual([
      { frame: 'hello', token },
      { frame: 'follow' },
      { frame: 'open', log: logA, after: 9 },
    ])
    expect(events.filter(([name]) => name === 'state').map(([, state]) => state)).toEqual([
      'connecting',
      'connected',
      'connecting',
      'connected',
    ])
    socket.close()
  })

  it('stops asking for a log that lagged or was refused', async () => {
    const { socket, events } = start({ onState: () => undefined })
    socket.open(logA, 0)
    socket.open(logB, 0)
    connectFirst()
    latest().answer({ frame: 'lagged', log: logA })
    latest().answer({ frame: 'problem', code: 'not_found', log: logB })
    latest().answer({ frame: 'problem', code: 'something_new' })
    expect(events).toEqual([
      ['lagged', logA],
      ['problem', 'not_found', logB],
      ['problem', 'internal', undefined],
    ])
    latest().emit('close')
    await turn()
    connectFirst()
    expect(latest().sent).toEqual([{ frame: 'hello', token }])
    socket.close()
  })

  it('closes for good when nobody can sign in again, and goes on when somebody can', async () => {
    const ended = start()
    latest().emit('open')
    latest().answer({ frame: 'problem', code: 'unauthenticated' })
    await turn()
    expect(FakeSocket.all).toHaveLength(1)
    expect(ended.events.slice(-2)).toEqual([
      ['problem', 'unauthenticated', undefined],
      ['state', 'closed'],
    ])
    const renewed = start({ onUnauthenticated: () => Promise.resolve(true) })
    latest().emit('open')
    latest().answer({ frame: 'problem', code: 'unauthenticated' })
    await turn()
    expect(FakeSocket.all).toHaveLength(2)
    renewed.socket.close()
  })

  it('waits longer after each failure in a row, and hears nothing after close', async () => {
    const waits: number[] = []
    const { socket, events } = start({
      retry: { attempts: 5 },
      waiting: { random: () => 0.999_999, sleep: (ms) => Promise.resolve(void waits.push(ms)) },
    })
    for (let index = 0; index < 4; index++) {
      latest().emit('error')
      await turn()
    }
    expect(waits).toEqual([500, 1000, 2000, 4000])
    latest().emit('error')
    await turn()
    expect(events.at(-1)).toEqual(['state', 'closed'])
    const before = events.length
    latest().answer(welcome)
    socket.close()
    expect(events).toHaveLength(before)
  })

  it('pings into silence and gives a dead connection up', async () => {
    const { socket } = start({
      silenceMs: 20,
      waiting: { random: () => 0, sleep: () => new Promise(() => undefined) },
    })
    connectFirst()
    await new Promise((resolve) => setTimeout(resolve, 70))
    expect(latest().sent).toContainEqual({ frame: 'ping' })
    expect(latest().closed).toBe(true)
    socket.close()
  })

  it("holds to the contract's number of open logs", () => {
    const { socket } = start()
    for (let index = 0; index < 256; index++) socket.open(index.toString(16).padStart(32, '0'), 0)
    expect(() => socket.open(logA, 0)).toThrow(RangeError)
    socket.open('0'.repeat(32), 4)
    socket.close()
  })
})
