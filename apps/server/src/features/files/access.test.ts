import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  openTestFiles,
  type Requests,
  requestsOf,
  type TestFiles,
  alice,
  bob,
  newId,
  whole,
} from './test-files.ts'

let at: TestFiles
let by: Requests
beforeEach(async () => {
  at = await openTestFiles()
  by = requestsOf(at)
})
afterEach(() => at.close())

describe('reading', () => {
  test('answers ranges', async () => {
    const { id, bytes } = await by.stored(alice, 1000)
    const cases = [
      [undefined, 200, 0, 1000],
      ['bytes=0-', 206, 0, 1000],
      ['bytes=10-19', 206, 10, 20],
      ['bytes=990-5000', 206, 990, 1000],
      ['bytes=-7', 206, 993, 1000],
      ['bytes=-5000', 206, 0, 1000],
      ['bytes=5-4', 200, 0, 1000],
      ['bytes=0-1,5-6', 200, 0, 1000],
      ['lines=1-2', 200, 0, 1000],
      ['bytes=-', 200, 0, 1000],
    ] as const
    for (const [range, status, start, end] of cases) {
      const answer = await by.get(alice, id, range)
      expect([
        range,
        answer.statusCode,
        answer.headers['content-range'],
        answer.headers['accept-ranges'],
        answer.headers['content-length'],
      ]).toEqual([
        range,
        status,
        status === 206 ? `bytes ${start}-${end - 1}/1000` : undefined,
        'bytes',
        String(end - start),
      ])
      expect(answer.rawPayload.equals(bytes.subarray(start, end))).toBe(true)
    }
    for (const range of ['bytes=1000-', 'bytes=1000-2000', 'bytes=-0']) {
      const answer = await by.get(alice, id, range)
      expect([answer.statusCode, answer.json().code, answer.headers['content-range']]).toEqual([
        416,
        'range_not_satisfiable',
        'bytes */1000',
      ])
    }
  })

  test("another's object is as unknown as one that never was, until a log one may read refers to it", async () => {
    const { id, bytes } = await by.stored(alice)
    const unknown = newId()
    const answersOf = async (object: string) => [
      await by.get(bob, object),
      await by.readBundle(bob, [object]),
    ]
    for (const object of [id, unknown])
      for (const answer of await answersOf(object))
        expect([answer.statusCode, { ...answer.json(), requestId: '' }]).toEqual([
          404,
          { ...(await by.get(bob, unknown)).json(), requestId: '' },
        ])
    const log = newId()
    await at.refer(alice, log, [id])
    expect((await by.get(bob, id)).statusCode).toBe(404)
    at.readable.add(`${bob.log}>${log}`)
    expect((await by.get(bob, id)).rawPayload.equals(bytes)).toBe(true)
    expect((await by.readBundle(bob, [id])).statusCode).toBe(200)
    at.readable.clear()
    expect((await by.get(bob, id)).statusCode).toBe(404)
    expect((await by.get(alice, id)).statusCode).toBe(200)
  })
})

describe('references', () => {
  test('are only to complete objects that are new and own, or in a log one may read', async () => {
    const { id } = await by.stored(alice)
    const { object: coming } = (await by.create(alice, newId(), 100)).json()
    const missing = expect.objectContaining({ code: 'object_missing' })
    const [log, other] = [newId(), newId()]
    for (const [who, object] of [
      [alice, newId()],
      [alice, coming],
      [bob, id],
    ] as const)
      await expect(at.refer(who, log, [object])).rejects.toEqual(missing)
    await at.refer(alice, log, [id])
    // It is in a log now, and whoever cannot read that one does not know it any more, not even its uploader.
    await expect(at.refer(alice, other, [id])).rejects.toEqual(missing)
    at.readable.add(`${alice.log}>${log}`).add(`${bob.log}>${log}`)
    await at.refer(alice, log, [id])
    await at.refer(bob, other, [id])
    await whole(at.db, async (trx) => {
      const request = { actor: alice, mayRead: async () => true }
      await at.access.checkReferencable(trx, {
        ...request,
        references: [{ object: id, sizeBytes: 100 }],
      })
      const wrong = at.access.checkReferencable(trx, {
        ...request,
        references: [{ object: id, sizeBytes: 99 }],
      })
      await expect(wrong).rejects.toEqual(missing)
    })
  })

  test('keep an object until the last is released; then it goes, bytes and quota', async () => {
    const { id } = await by.stored(alice)
    const [log, other] = [newId(), newId()]
    at.readable.add(`${alice.log}>${log}`)
    await at.refer(alice, log, [id])
    await at.refer(alice, other, [id])
    await whole(at.db, (trx) => at.access.markReferenced(trx, log, [id], 'checkpoint'))
    await at.release(log, [id])
    await at.release(other, [id, newId()])
    expect((await by.get(alice, id)).statusCode).toBe(200)
    await whole(at.db, (trx) => at.access.release(trx, log, [id], 'checkpoint'))
    expect((await by.get(alice, id)).statusCode).toBe(404)
    await expect.poll(() => at.objects.stat(id)).toBeUndefined()
    expect(await by.usedBy(alice)).toBe(0)
  })

  test('that are rolled back release nothing', async () => {
    const { id } = await by.stored(alice)
    await at.refer(alice, newId(), [id])
    const failed = whole(at.db, async (trx) => {
      await at.access.release(trx, newId(), [id], 'entries')
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect((await by.get(alice, id)).statusCode).toBe(200)
  })
})
