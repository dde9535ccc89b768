import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ControlOpcode, FrameReader } from './frame-reader.ts'
import { clientFrame } from './test-frames.ts'

const limitBytes = 1000

const read = (chunks: readonly Uint8Array[]) => {
  const data: number[] = []
  const controls: { opcode: ControlOpcode; payload: number[] }[] = []
  const reader = new FrameReader(
    {
      data: (part) => void data.push(...part),
      control: (opcode, payload) => void controls.push({ opcode, payload: [...payload] }),
    },
    limitBytes,
  )
  for (const chunk of chunks) reader.take(chunk)
  return { data, controls }
}

const bytes = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255)

describe('frames of a client', () => {
  it('give their bytes in order, wherever the network cuts them, also around pings', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            length: fc.nat(limitBytes),
            mask: fc.uint8Array({ minLength: 4, maxLength: 4 }),
            last: fc.boolean(),
            ping: fc.option(fc.nat(125)),
          }),
          { maxLength: 8 },
        ),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
        fc.nat(7),
        (frames, cuts, shift) => {
          const sent: number[] = []
          const pings: number[][] = []
          const wire: Uint8Array[] = []
          let inMessage = false
          for (const { length, mask, last, ping } of frames) {
            sent.push(...bytes(length))
            wire.push(clientFrame((last ? 0x80 : 0) | (inMessage ? 0 : 2), bytes(length), mask))
            inMessage = !last
            if (ping === null) continue
            pings.push([...bytes(ping)])
            wire.push(clientFrame(0x89, bytes(ping), mask))
          }
          const whole = Buffer.concat(wire)
          const chunks: Uint8Array[] = []
          for (let at = 0, cut = 0; at < whole.length; cut++) {
            const end = at + cuts[cut % cuts.length]!
            // In memory that begins anywhere: words are flipped only where they lie well.
            const chunk = new Uint8Array(shift + Math.min(end, whole.length) - at)
            chunk.set(whole.subarray(at, end), shift)
            chunks.push(chunk.subarray(shift))
            at = end
          }
          const { data, controls } = read(chunks)
          expect(data).toEqual(sent)
          expect(controls).toEqual(pings.map((payload) => ({ opcode: 9, payload })))
        },
      ),
    )
  })

  const binary = 0x82
  const masked = (first: number, length: number) => clientFrame(first, bytes(length))
  it.each([
    ['text', [masked(0x81, 5)], 1003],
    ['longer than it may be', [masked(binary, limitBytes + 1)], 1009],
    ['of an extension', [masked(0xc2, 5)], 1002],
    ['unmasked', [Uint8Array.of(binary, 1, 7)], 1002],
    ['of no known kind', [masked(0x83, 5)], 1002],
    ['a message in a message', [masked(0x02, 5), masked(binary, 5)], 1002],
    ['the rest of none', [masked(0x80, 5)], 1002],
    ['a ping in parts', [masked(0x09, 5)], 1002],
    ['a long ping', [masked(0x89, 126)], 1002],
    ['of 2^63 bytes', [Uint8Array.of(binary, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)], 1009],
  ])('are refused: %s', (_what, frames, code) => {
    expect(() => read(frames)).toThrow(expect.objectContaining({ name: 'FrameError', code }))
  })
})
