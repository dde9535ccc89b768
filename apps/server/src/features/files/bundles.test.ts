import { randomBytes } from 'node:crypto'
import { sealedSize } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  openTestFiles,
  type Requests,
  requestsOf,
  type TestFiles,
  alice,
  bob,
  bundleOf,
  newId,
} from './test-files.ts'

let at: TestFiles
let by: Requests
beforeEach(async () => {
  at = await openTestFiles()
  by = requestsOf(at)
})
afterEach(() => at.close())

describe('bundles', () => {
  test('store many at once and give them back in the order asked', async () => {
    const objects = Array.from({ length: 40 }, (_, index) => ({
      id: newId(),
      bytes: randomBytes(28 + index * 100),
    }))
    expect((await by.putBundle(alice, bundleOf(objects))).json()).toEqual({ stored: 40 })
    const asked = [objects[7], objects[3], objects[7]].filter((object) => object !== undefined)
    expect(
      (
        await by.readBundle(
          alice,
          asked.map(({ id }) => id),
        )
      ).rawPayload.equals(bundleOf(asked)),
    ).toBe(true)
    expect(await by.usedBy(alice)).toBe(objects.reduce((sum, { bytes }) => sum + bytes.length, 0))
  })

  test('sent again are accepted and counted once, also at the same time', async () => {
    const objects = Array.from({ length: 5 }, () => ({ id: newId(), bytes: randomBytes(100) }))
    const answers = await Promise.all([1, 2, 3].map(() => by.putBundle(alice, bundleOf(objects))))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
    expect(
      (
        await by.putBundle(alice, bundleOf([...objects, { id: newId(), bytes: randomBytes(50) }]))
      ).json(),
    ).toEqual({ stored: 6 })
    expect(await by.usedBy(alice)).toBe(550)
  })

  test("with other bytes for an id, or another's id, are refused whole", async () => {
    const taken = await by.stored(alice)
    const fresh = { id: newId(), bytes: randomBytes(60) }
    const { object } = (await by.create(alice, newId(), 100)).json()
    for (const [who, bad] of [
      [alice, { ...taken, bytes: randomBytes(100) }],
      [bob, taken],
      [alice, { id: object, bytes: randomBytes(100) }],
    ] as const) {
      const answer = await by.putBundle(who, bundleOf([fresh, bad]))
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'object_exists'])
    }
    expect((await by.get(alice, fresh.id)).statusCode).toBe(404)
    expect((await by.get(alice, taken.id)).rawPayload.equals(taken.bytes)).toBe(true)
  })

  test.each([
    ['nothing', () => Buffer.alloc(0)],
    ['a torn header', () => Buffer.alloc(19)],
    [
      'less than it says',
      () => bundleOf([{ id: newId(), bytes: randomBytes(50) }]).subarray(0, 69),
    ],
    [
      'an id twice',
      () =>
        bundleOf([
          { id: '0'.repeat(32), bytes: randomBytes(50) },
          { id: '0'.repeat(32), bytes: randomBytes(50) },
        ]),
    ],
    ['an impossible size', () => bundleOf([{ id: newId(), bytes: randomBytes(27) }])],
    [
      'an object too large for a bundle',
      () => bundleOf([{ id: newId(), bytes: randomBytes(sealedSize(1024 * 1024)) }]),
    ],
    [
      'too many',
      () => bundleOf(Array.from({ length: 513 }, () => ({ id: newId(), bytes: randomBytes(28) }))),
    ],
  ])('with %s are refused', async (_what, make) => {
    const answer = await by.putBundle(alice, make())
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'object_invalid'])
  })

  test('too large to be answered are refused before they are read', async () => {
    const ids: string[] = []
    for (let index = 0; index < 17; index++)
      ids.push((await by.stored(alice, sealedSize(1_000_000))).id)
    const answer = await by.readBundle(alice, ids)
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'too_large'])
    expect((await by.readBundle(alice, ids.slice(0, 16))).statusCode).toBe(200)
  })
})
