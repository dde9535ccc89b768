import { describe, expect, it } from 'vitest'
import { decodeHeads, encodeHeads, isHeadsFrame, type SocketHead } from './socket-heads.ts'

const head = (seq: number, more: Partial<SocketHead> = {}): SocketHead => ({
  log: '00112233445566778899aabbccddeeff',
  seq,
  at: 1_800_000_000_123,
  chainStart: 'deadbeef',
  ...more,
})
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe('a frame of heads', () => {
  it('has the bytes of docs/formats/socket.md', () => {
    const parts = [
      '68686631',
      '00112233445566778899aabbccddeeff',
      'ac02',
      '01a3185c507b',
      'deadbeef',
    ]
    expect(hex(encodeHeads([head(300)]))).toBe(parts.join(''))
    expect(hex(encodeHeads([]))).toBe('68686631')
  })

  it('gives back what was put in', () => {
    const largest = 2 ** 48 - 1
    const seqs = [0, 1, 127, 128, 16_383, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER]
    const heads = seqs.map((seq) => head(seq, { at: seq % 2 === 0 ? 0 : largest }))
    expect(decodeHeads(encodeHeads(heads))).toEqual(heads)
    expect(decodeHeads(encodeHeads([]))).toEqual([])
  })

  it('stays below 15 kB for 500 logs of a million entries', () => {
    const heads = Array.from({ length: 500 }, () => head(1_000_000))
    expect(encodeHeads(heads).length).toBeLessThan(15_000)
  })

  it.each([
    ['another magic', '68687031'],
    ['nothing', ''],
    ['an id cut short', '6868663100'],
    ['a time cut short', `68686631${'00'.repeat(16)}01${'00'.repeat(5)}`],
    ['a second form of a number', `68686631${'00'.repeat(16)}8000${'00'.repeat(10)}`],
    ['a number above 2^53 - 1', `68686631${'00'.repeat(16)}${'ff'.repeat(7)}1f${'00'.repeat(10)}`],
    ['a number without an end', `68686631${'00'.repeat(16)}${'ff'.repeat(8)}${'00'.repeat(11)}`],
  ])('is refused with %s', (_name, text) => {
    expect(() => decodeHeads(bytes(text))).toThrow(RangeError)
  })

  it('is told from a page by its first bytes', () => {
    expect(isHeadsFrame(bytes('68686631'))).toBe(true)
    expect(isHeadsFrame(bytes('686870310000'))).toBe(false)
    expect(isHeadsFrame(bytes('6868'))).toBe(false)
  })
})
