import { bundleLimitBytes, bundleLimitObjects } from '@hearthold/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBundle, encodeBundle, getBundle, planBundles } from './bundle.ts'
import { createClient } from './client.ts'

const object = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''))
const objects = fc.array(fc.record({ object, bytes: fc.uint8Array({ maxLength: 300 }) }), {
  maxLength: 20,
})

describe('the bundle format', () => {
  it('is id 16, length u32 big-endian, bytes', () => {
    const bundle = encodeBundle([
      { object: '000102030405060708090a0b0c0d0eff', bytes: Uint8Array.of(7, 7) },
    ])
    expect([...bundle]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255, 0, 0, 0, 2, 7, 7,
    ])
  })

  it('decodes what it encodes, and refuses every cut', () => {
    expect.hasAssertions()
    fc.assert(
      fc.property(objects, (list) => {
        const bundle = encodeBundle(list)
        expect(
          decodeBundle(bundle).map((entry) => ({
            object: entry.object,
            bytes: Uint8Array.from(entry.bytes),
          })),
        ).toEqual(list)
        const ends = new Set(list.map((_, index) => encodeBundle(list.slice(0, index)).length)).add(
          bundle.length,
        )
        const cuts = Array.from({ length: bundle.length }, (_, cut) => cut).filter(
          (cut) => !ends.has(cut),
        )
        for (const cut of cuts)
          expect(() => decodeBundle(bundle.subarray(0, cut))).toThrow(RangeError)
      }),
      { numRuns: 20 },
    )
  })

  it('refuses what the contract does not allow', () => {
    const id = '0'.repeat(32)
    expect(() => encodeBundle([{ object: 'x', bytes: new Uint8Array(1) }])).toThrow(RangeError)
    expect(() => encodeBundle([{ object: id, bytes: new Uint8Array(1024 * 1024 + 1) }])).toThrow(
      RangeError,
    )
    expect(() =>
      encodeBundle(Array.from({ length: 513 }, () => ({ object: id, bytes: new Uint8Array(0) }))),
    ).toThrow(RangeError)
  })

  it('plans bundles in order, each within the limits', () => {
    expect.hasAssertions()
    fc.assert(
      fc.property(
        fc.array(
          fc.integer({ min: 28, max: 1024 * 1024 }).map((sizeBytes) => ({ sizeBytes })),
          { maxLength: 2000 },
        ),
        (list) => {
          const bundles = [...planBundles(list)]
          expect(bundles.flat()).toEqual(list)
          for (const bundle of bundles) {
            expect(bundle.length).toBeLessThanOrEqual(bundleLimitObjects)
            expect(
              bundle.reduce((sum, { sizeBytes }) => sum + 20 + sizeBytes, 0),
            ).toBeLessThanOrEqual(bundleLimitBytes)
          }
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('getBundle', () => {
  const [a, b] = ['a'.repeat(32), 'b'.repeat(32)] as const
  const answering = (bytes: Uint8Array) =>
    createClient({
      transport: {
        streamsBodies: true,
        request: () =>
          Promise.resolve({
            status: 200,
            headers: {},
            body: (async function* () {
              yield bytes
            })(),
            bytes: () => Promise.resolve(bytes),
            discard: () => undefined,
          }),
      },
    })

  it('returns the bytes in the order asked', async () => {
    const client = answering(
      encodeBundle([
        { object: a, bytes: Uint8Array.of(1) },
        { object: b, bytes: Uint8Array.of(2) },
      ]),
    )
    expect((await getBundle(client, [a, b])).map((bytes) => [...bytes])).toEqual([[1], [2]])
    expect(await getBundle(client, [])).toEqual([])
  })

  it.each([
    [
      'another order',
      encodeBundle([
        { object: b, bytes: Uint8Array.of(2) },
        { object: a, bytes: Uint8Array.of(1) },
      ]),
    ],
    ['too few', encodeBundle([{ object: a, bytes: Uint8Array.of(1) }])],
    ['a cut', encodeBundle([{ object: a, bytes: Uint8Array.of(1, 2) }]).subarray(0, 21)],
  ])('refuses %s', async (_, bytes) => {
    await expect(getBundle(answering(bytes), [a, b])).rejects.toMatchObject({ kind: 'protocol' })
  })
})
