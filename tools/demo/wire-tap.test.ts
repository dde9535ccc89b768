import { describe, expect, it } from 'vitest'
import { FrameReader } from './wire-tap.ts'

const frame = (payload: Buffer, mask: Buffer | undefined, first = 0x82): Buffer => {
  const flag = mask ? 0x80 : 0
  const head =
    payload.length < 126
      ? Buffer.from([first, flag | payload.length])
      : payload.length < 65_536
        ? Buffer.from([first, flag | 126, payload.length >> 8, payload.length & 255])
        : Buffer.concat([Buffer.from([first, flag | 127]), Buffer.alloc(8)])
  if (payload.length >= 65_536) head.writeBigUInt64BE(BigInt(payload.length), 2)
  if (!mask) return Buffer.concat([head, payload])
  const masked = Buffer.from(payload.map((byte, i) => byte ^ mask[i & 3]!))
  return Buffer.concat([head, mask, masked])
}

describe('frames of a socket', () => {
  const mask = Buffer.from([0x11, 0xfe, 0x73, 0x9c])
  const payloads = [0, 5, 125, 126, 300, 70_000].map((size) =>
    Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) & 255)),
  )

  it('are opened whatever their length, masked or not, cut at any place', () => {
    for (const cover of [mask, undefined]) {
      const bytes = Buffer.concat(payloads.map((payload) => frame(payload, cover)))
      for (const step of [11, 997, bytes.length]) {
        const reader = new FrameReader()
        const found: Buffer[] = []
        for (let at = 0; at < bytes.length; at += step)
          found.push(...reader.read(bytes.subarray(at, at + step)))
        expect(Buffer.concat(found).equals(Buffer.concat(payloads))).toBe(true)
        expect(found.map(({ length }) => length)).toEqual(payloads.map(({ length }) => length))
      }
    }
  })

  it('are refused where they are compressed: nothing could be searched for in them', () => {
    expect(() => new FrameReader().read(frame(payloads[1]!, mask, 0xc2))).toThrow('compressed')
  })
})
