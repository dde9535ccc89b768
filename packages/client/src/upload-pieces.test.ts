import { describe, expect, it } from 'vitest'
import { cutPieces, oneAhead, pieceLength, storedSegmentBytes } from './upload-pieces.ts'

const pattern = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 11)) & 255)

async function* chunked(bytes: Uint8Array, chunk: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += chunk) yield bytes.subarray(from, from + chunk)
}

const fixed = (next: number) => ({ next, took: () => undefined })

describe('pieces of an upload', () => {
  it('are the source again, each as long as wanted but for the last', async () => {
    const bytes = pattern(9_500_001)
    for (const [length, chunk] of [
      [1_000_000, 70_001],
      [5_000_000, 262_144],
      [20_000_000, 1_000_000],
      [3_000, 9_500_001],
    ] as const) {
      const pieces: Blob[] = []
      for await (const piece of cutPieces(chunked(bytes, chunk), fixed(length))) pieces.push(piece)
      expect(pieces.slice(0, -1).every(({ size }) => size === length)).toBe(true)
      const again = new Uint8Array(await new Blob(pieces).arrayBuffer())
      expect(Buffer.compare(again, bytes)).toBe(0)
    }
  })

  it('hold what the source held when they were cut', async () => {
    const buffer = new Uint8Array(1000)
    const source = async function* () {
      yield buffer.fill(1).slice()
      yield buffer.fill(2).slice()
    }
    const pieces: Blob[] = []
    for await (const piece of cutPieces(source(), fixed(1500))) pieces.push(piece)
    const [first, second] = await Promise.all(pieces.map((piece) => piece.bytes()))
    expect(first).toEqual(new Uint8Array(1500).fill(1, 0, 1000).fill(2, 1000))
    expect(second).toEqual(new Uint8Array(500).fill(2))
  })

  it('take the memory of whole chunks, once a blob has it, and leave parts of a memory alone', async () => {
    const whole = new Uint8Array(17 * 1024 * 1024).fill(1)
    const shared = new Uint8Array(5 * 1024 * 1024).fill(2)
    const source = async function* () {
      yield whole
      yield shared.subarray(1)
    }
    const length = whole.length + shared.length - 1
    const pieces: Blob[] = []
    for await (const piece of cutPieces(source(), fixed(length))) pieces.push(piece)
    expect([whole.buffer.detached, shared.buffer.detached]).toEqual([true, false])
    const again = await pieces[0]!.bytes()
    expect([pieces.length, again.length, again[0], again.at(-1)]).toEqual([1, length, 1, 2])
  })

  it('are one ahead of the one in use, and no more', async () => {
    let made = 0
    let closed = false
    const source = async function* () {
      try {
        for (; made < 10;) yield ++made
      } finally {
        closed = true
      }
    }
    for await (const item of oneAhead(source())) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      expect(made).toBe(Math.min(10, item + 1))
      if (item === 4) break
    }
    expect(closed).toBe(true)
  })
})

describe('the length of pieces', () => {
  it('is whole segments, grows to 32 MiB on a fast line and shrinks to 1 MiB on a slow one', () => {
    const length = pieceLength()
    const seen = [length.next / storedSegmentBytes]
    for (let i = 0; i < 5; i++) {
      length.took(length.next, 100)
      seen.push(length.next / storedSegmentBytes)
    }
    expect(seen).toEqual([32, 64, 128, 128, 128, 128])
    for (let i = 0; i < 9; i++) length.took(length.next, 60_000)
    expect(length.next).toBe(4 * storedSegmentBytes)
    length.took(length.next, 2_000)
    expect(length.next).toBe(4 * storedSegmentBytes)
  })

  it('is not changed twice by pieces made before it changed', () => {
    const length = pieceLength()
    const first = length.next
    length.took(first, 100)
    length.took(first, 100)
    expect(length.next).toBe(2 * first)
  })
})
