import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import vectors from '../../../docs/formats/vectors/sealed-object.json' with { type: 'json' }
import { concat, fromHex, randomBytes, randomId, toHex } from './bytes.ts'
import { sha256 } from './hash.ts'
import { filler, hexOf } from './oracle/hex.oracle.ts'
import { sealedObject } from './oracle/formats.oracle.ts'
import { expectEachRefused, refusalOf } from './oracle/tamper.oracle.ts'
import { buildSealedObjects } from './oracle/vectors.oracle.ts'
import {
  createObjectOpener,
  createObjectSealer,
  objectCommitment,
  openObject,
  plainSize,
  sealedSegmentBytes,
  sealedSize,
  sealObject,
  segmentBytes,
  segmentCount,
  segmentRange,
} from './sealed-object.ts'

const newObject = () => {
  const key = randomBytes(32)
  const id = randomId()
  return { key, id, commitment: objectCommitment(key, id) }
}

describe('vectors', () => {
  test('the committed ones are what the second implementation makes', async () => {
    expect(await buildSealedObjects()).toEqual(vectors)
  })

  test.each(vectors.cases)('$plaintext.bytes bytes', async (vector) => {
    const [key, id] = [fromHex(vector.key), fromHex(vector.objectId)]
    const plaintext = filler(vector.plaintext.firstByte, vector.plaintext.bytes)
    const slow = await sealedObject(vector.key, vector.objectId, plaintext, vector.nonces)
    const sealed = fromHex(slow.sealed)
    expect(toHex(sha256(sealed))).toBe(vector.sealedSha256)
    expect(toHex(objectCommitment(key, id))).toBe(vector.commitment)
    expect(sealed.length).toBe(sealedSize(vector.plaintext.bytes))
    const opened = await openObject(key, id, fromHex(vector.commitment), sealed)
    expect(toHex(opened) === plaintext).toBe(true)
  })
})

test('what is sealed opens again, and as the second implementation would have sealed it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ maxLength: 3000 }),
      async (key, id, plaintext) => {
        const sealed = await sealObject(key, id, plaintext)
        const nonce = toHex(sealed.subarray(0, 12))
        const slow = await sealedObject(hexOf(key), hexOf(id), hexOf(plaintext), [nonce])
        expect(toHex(sealed)).toBe(slow.sealed)
        const opened = await openObject(key, id, fromHex(slow.commitment), sealed)
        expect(toHex(opened)).toBe(hexOf(plaintext))
      },
    ),
    { numRuns: 50 },
  )
})

describe('sizes', () => {
  test('of the edges', () => {
    expect(sealedSize(0)).toBe(28)
    expect(sealedSize(1)).toBe(29)
    expect(sealedSize(segmentBytes)).toBe(segmentBytes + 28)
    expect(sealedSize(segmentBytes + 1)).toBe(segmentBytes + 1 + 56)
    expect(sealedSize(2 ** 40)).toBe(2 ** 40 + 28 * 2 ** 22)
    for (const impossible of [0, 27, sealedSegmentBytes + 1, sealedSegmentBytes + 28]) {
      expect(plainSize(impossible)).toBe(undefined)
    }
    expect(plainSize(sealedSegmentBytes + 29)).toBe(segmentBytes + 1)
    for (const none of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => sealedSize(none)).toThrow(RangeError)
      expect(() => plainSize(none)).toThrow(RangeError)
    }
  })

  test('there and back, and nothing else has a size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (size) => {
        expect(plainSize(sealedSize(size))).toBe(size)
        const plain = plainSize(size)
        expect(plain === undefined || sealedSize(plain) === size).toBe(true)
      }),
    )
  })

  test('a range lies in its segments', () => {
    const size = fc.integer({ min: 0, max: 3_000_000 })
    fc.assert(
      fc.property(size, size, size, (a, b, c) => {
        const [start, end, total] = [a, b, c].toSorted((x, y) => x - y) as [number, number, number]
        const range = segmentRange(start, end, total)
        expect(range.first * segmentBytes + range.skip).toBe(start)
        expect(range.end).toBeGreaterThan(range.first)
        expect(range.end).toBeLessThanOrEqual(segmentCount(total))
        expect(Math.min(range.end * segmentBytes, total)).toBeGreaterThanOrEqual(end)
        expect(range.sealedStart).toBe(range.first * sealedSegmentBytes)
        const whole = range.end === segmentCount(total)
        expect(range.sealedEnd).toBe(whole ? sealedSize(total) : range.end * sealedSegmentBytes)
      }),
    )
    expect(() => segmentRange(2, 1, 3)).toThrow(RangeError)
    expect(() => segmentRange(0, 4, 3)).toThrow(RangeError)
  })
})

describe('pieces', () => {
  test('are one segment once they are joined', async () => {
    const { key, id, commitment } = newObject()
    const sealer = createObjectSealer(key, id)
    const opener = createObjectOpener(key, id, commitment)
    for (const [index, last, bytes] of [
      [0, true, 0],
      [0, false, segmentBytes],
      [7, true, 5],
    ] as const) {
      const plain = randomBytes(bytes)
      const pieces = await sealer.sealPieces(index, last, plain)
      const sealed = concat(...pieces)
      expect(sealed).toHaveLength(bytes + 28)
      expect(await opener.openSegment(index, last, sealed)).toEqual(plain)
      plain.fill(0)
      expect(concat(...pieces)).toEqual(sealed)
    }
    await expect(sealer.sealPieces(1, true, new Uint8Array(0))).rejects.toThrow(RangeError)
  })
})

describe('refuses', () => {
  test('every changed, cut or added byte of a small object', async () => {
    const { key, id, commitment } = newObject()
    const sealed = await sealObject(key, id, randomBytes(100))
    await expectEachRefused(sealed, ['object_segment'], (bytes) =>
      openObject(key, id, commitment, bytes),
    )
  })

  test('segments swapped, doubled, dropped, cut at a border, or from elsewhere', async () => {
    const { key, id, commitment } = newObject()
    const sealed = await sealObject(key, id, randomBytes(2 * segmentBytes + 10))
    const [a, b, c] = [0, 1, 2].map((i) =>
      sealed.subarray(i * sealedSegmentBytes, (i + 1) * sealedSegmentBytes),
    ) as [Uint8Array, Uint8Array, Uint8Array]
    const other = await sealObject(key, randomId(), randomBytes(2 * segmentBytes + 10))
    const fromOther = other.subarray(0, sealedSegmentBytes)
    for (const parts of [
      [b, a, c],
      [a, a, c],
      [a, c],
      [a, b],
      [a],
      [c],
      [a, b, c, c],
      [fromOther, b, c],
    ]) {
      const code = await refusalOf(() => openObject(key, id, commitment, concat(...parts)))
      expect(code).toBe('object_segment')
    }
    expect(await openObject(key, id, commitment, concat(a, b, c))).toHaveLength(
      2 * segmentBytes + 10,
    )
  })

  test('another key before anything is opened, and another object', async () => {
    const { key, id, commitment } = newObject()
    const sealed = await sealObject(key, id, randomBytes(10))
    const open = (k: Uint8Array, i: Uint8Array) =>
      refusalOf(() => openObject(k, i, commitment, sealed))
    expect(await open(randomBytes(32), id)).toBe('object_commitment')
    expect(await open(key, randomId())).toBe('object_commitment')
    const elsewhere = randomId()
    const moved = () => openObject(key, elsewhere, objectCommitment(key, elsewhere), sealed)
    expect(await refusalOf(moved)).toBe('object_segment')
    await expectEachRefused(commitment, ['object_commitment'], (bytes) =>
      openObject(key, id, bytes, sealed),
    )
  })

  test('a wrong index or end flag on one segment', async () => {
    const { key, id, commitment } = newObject()
    const sealer = createObjectSealer(key, id)
    const opener = createObjectOpener(key, id, commitment)
    const full = randomBytes(segmentBytes)
    const sealed = await sealer.sealSegment(3, true, full)
    expect(await opener.openSegment(3, true, sealed)).toEqual(full)
    for (const [index, last] of [
      [3, false],
      [2, true],
      [4, true],
      [2 ** 40, true],
    ] as const) {
      const code = await refusalOf(() => opener.openSegment(index, last, sealed))
      expect(code).toBe('object_segment')
    }
  })

  test('to seal what no object may contain', async () => {
    const { key, id } = newObject()
    const sealer = createObjectSealer(key, id)
    const seal = (index: number, last: boolean, bytes: number) =>
      sealer.sealSegment(index, last, new Uint8Array(bytes))
    await expect(seal(0, false, 5)).rejects.toThrow(RangeError)
    await expect(seal(0, false, 0)).rejects.toThrow(RangeError)
    await expect(seal(1, true, 0)).rejects.toThrow(RangeError)
    await expect(seal(0, true, segmentBytes + 1)).rejects.toThrow(RangeError)
    await expect(seal(-1, true, 1)).rejects.toThrow(RangeError)
    await expect(seal(0.5, true, 1)).rejects.toThrow(RangeError)
    expect(() => createObjectSealer(new Uint8Array(16), id)).toThrow(RangeError)
    expect(() => createObjectSealer(key, new Uint8Array(32))).toThrow(RangeError)
  })
})
