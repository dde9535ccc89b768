import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { binaryFrame, type RawSocket, wireOf } from './wire.ts'

/** A socket that writes what it is told, as `ws` does without compression. */
const pair = () => {
  const stream = new PassThrough()
  const socket = {
    readyState: 1,
    get bufferedAmount() {
      return stream.writableLength
    },
    send: (data: string | Uint8Array) => void stream.write(data),
    close: () => undefined,
    terminate: () => undefined,
    ping: () => undefined,
    on: () => undefined,
  }
  const raw: RawSocket = socket
  return { stream, socket, wire: wireOf(raw, stream) }
}
/** All that was written, once nothing more comes. */
const written = async (stream: PassThrough): Promise<string> => {
  stream.end()
  return Buffer.concat(await stream.toArray()).toString('hex')
}

describe('binaryFrame', () => {
  it.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ])('says a length of %i as RFC 6455 does, and is not masked', (length, head) => {
    const payload = new Uint8Array(length).fill(7)
    const frame = Buffer.from(binaryFrame(payload))
    expect(frame.subarray(0, head.length / 2).toString('hex')).toBe(head)
    expect(frame.subarray(head.length / 2).equals(payload)).toBe(true)
  })
})

describe('sendReady', () => {
  it('keeps the order among other frames', async () => {
    const { stream, wire } = pair()
    wire.sendHeads(Uint8Array.of(1))
    wire.sendReady(binaryFrame(Uint8Array.of(2)))
    wire.sendHeads(Uint8Array.of(3))
    expect(await written(stream)).toBe('0182010203')
  })

  it('sends nothing after a goodbye of either side', async () => {
    const ours = pair()
    ours.wire.end()
    ours.wire.sendReady(binaryFrame(Uint8Array.of(2)))
    expect(await written(ours.stream)).toBe('')
    const theirs = pair()
    theirs.socket.readyState = 2
    theirs.wire.sendReady(binaryFrame(Uint8Array.of(2)))
    expect(await written(theirs.stream)).toBe('')
  })
})
