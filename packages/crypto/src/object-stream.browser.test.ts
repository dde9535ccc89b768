import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, equalBytes, randomBytes, randomId } from './bytes.ts'
import { openStream, sealStream } from './object-stream.ts'
import { refusalOf } from './oracle/tamper.oracle.ts'
import {
  createObjectOpener,
  createObjectSealer,
  openObject,
  sealedSegmentBytes,
  segmentBytes,
  segmentRange,
} from './sealed-object.ts'

const key = randomBytes(32)
const id = randomId()
const sealer = createObjectSealer(key, id)
const opener = createObjectOpener(key, id, sealer.commitment)

const collect = async (stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(part)
  return concat(...parts)
}

/** Cuts bytes into chunks of the given lengths, repeated. */
function* chop(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!
    yield bytes.subarray(at, at + length)
    at += length
  }
}

const plain = randomBytes(2 * segmentBytes + 1000)
const edges = [
  0,
  1,
  segmentBytes - 1,
  segmentBytes,
  segmentBytes + 1,
  2 * segmentBytes,
  plain.length,
]

describe('sealStream', () => {
  test.each(edges)('%i bytes, with and without the size announced', async (size) => {
    const bytes = plain.subarray(0, size)
    for (const announced of [undefined, size]) {
      const sealed = await collect(sealStream(sealer, chop(bytes, [100_000]), announced))
      expect(equalBytes(await openObject(key, id, sealer.commitment, sealed), bytes)).toBe(true)
      expect(equalBytes(await collect(openStream(opener, [sealed], size)), bytes)).toBe(true)
    }
  })

  test('chunks of any lengths, empty ones too, seal and open to the same bytes', async () => {
    const lengths = fc
      .array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 6 })
      .filter((all) => all.some((length) => length > 20_000))
    await fc.assert(
      fc.asyncProperty(lengths, lengths, fc.boolean(), async (cuts, otherCuts, announce) => {
        const size = announce ? plain.length : undefined
        const sealed = await collect(sealStream(sealer, chop(plain, cuts), size))
        const opened = await collect(openStream(opener, chop(sealed, otherCuts), plain.length))
        expect(equalBytes(opened, plain)).toBe(true)
      }),
      { numRuns: 15 },
    )
  })

  test('a source may reuse its buffer', async () => {
    const buffer = new Uint8Array(segmentBytes / 2)
    function* reuse(): Generator<Uint8Array> {
      for (let i = 0; i < 6; i++) yield buffer.fill(i)
    }
    for (const announced of [undefined, 3 * segmentBytes]) {
      const opened = openStream(opener, sealStream(sealer, reuse(), announced), 3 * segmentBytes)
      const bytes = await collect(opened)
      expect([0, 1, 2, 3, 4, 5].every((i) => bytes[i * buffer.length + 7] === i)).toBe(true)
    }
  })

  test('a source that grew or shrank under its announced size is an error', async () => {
    for (const [size, announced] of [
      [10, 9],
      [10, 11],
      [0, 1],
      [1, 0],
      [segmentBytes + 1, segmentBytes],
      [segmentBytes, segmentBytes + 1],
    ] as const) {
      const attempt = collect(sealStream(sealer, [plain.subarray(0, size)], announced))
      await expect(attempt).rejects.toThrow(RangeError)
    }
  })
})

describe('openStream', () => {
  test('any range, from exactly its segments', async () => {
    const sealed = await collect(sealStream(sealer, [plain]))
    const place = fc.integer({ min: 0, max: plain.length })
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) }
        const { sealedStart, sealedEnd } = segmentRange(range.start, range.end, plain.length)
        const stored = sealed.subarray(sealedStart, sealedEnd)
        const opened = await collect(
          openStream(opener, chop(stored, [70_000]), plain.length, range),
        )
        expect(equalBytes(opened, plain.subarray(range.start, range.end))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('cut, extended or doubled bytes, and any other size than the entry says', async () => {
    const sealed = await collect(sealStream(sealer, [plain]))
    const last = sealed.subarray(2 * sealedSegmentBytes)
    const open = (bytes: Uint8Array, size: number) =>
      refusalOf(() => collect(openStream(opener, chop(bytes, [65_536]), size)))
    const cuts = [0, 1, sealedSegmentBytes - 1, sealedSegmentBytes, 2 * sealedSegmentBytes]
    for (const cut of [...cuts, sealed.length - 1]) {
      expect(await open(sealed.subarray(0, cut), plain.length)).toBe('object_segment')
    }
    expect(await open(concat(sealed, new Uint8Array(1)), plain.length)).toBe('object_segment')
    expect(await open(concat(sealed, last), plain.length)).toBe('object_segment')
    const sizes = [0, 1, plain.length - 1, plain.length + 1, segmentBytes, 2 * segmentBytes]
    for (const size of [...sizes, 3 * segmentBytes]) {
      expect(await open(sealed, size)).toBe('object_segment')
    }
    expect(await open(sealed, plain.length)).toBe('returned')
  })

  test('no bytes at all, even for an empty object or an empty range', async () => {
    expect(await refusalOf(() => collect(openStream(opener, [], 0)))).toBe('object_segment')
    const range = { start: 5, end: 5 }
    const attempt = () => collect(openStream(opener, [], plain.length, range))
    expect(await refusalOf(attempt)).toBe('object_segment')
    const empty = await collect(sealStream(sealer, []))
    expect(await collect(openStream(opener, [empty], 0))).toHaveLength(0)
  })

  test('nothing of a segment is released before its tag verifies', async () => {
    const sealed = await collect(sealStream(sealer, [plain]))
    sealed[sealedSegmentBytes + 500]! ^= 1
    const released: Uint8Array[] = []
    const attempt = async () => {
      for await (const part of openStream(opener, [sealed], plain.length)) released.push(part)
    }
    expect(await refusalOf(attempt)).toBe('object_segment')
    expect(equalBytes(concat(...released), plain.subarray(0, segmentBytes))).toBe(true)
  })
})
