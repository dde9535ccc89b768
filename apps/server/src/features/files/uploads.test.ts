import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { sealedSegmentBytes, sealedSize } from '@hearthold/crypto'
import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dayMs } from './deps.ts'
import {
  octets,
  openTestFiles,
  type Requests,
  requestsOf,
  type TestFiles,
  alice,
  bob,
  newId,
} from './test-files.ts'

let at: TestFiles
let by: Requests
beforeEach(async () => {
  at = await openTestFiles()
  by = requestsOf(at)
})
afterEach(() => at.close())

describe('uploads', () => {
  test('go on after each piece, and are done when all is there', async () => {
    const bytes = randomBytes(sealedSize(600_000))
    const object = newId()
    const made = (await by.create(alice, object, bytes.length)).json()
    expect(made).toEqual({
      upload: expect.any(String),
      object,
      sizeBytes: bytes.length,
      offset: 0,
      done: false,
      expiresAt: at.now + dayMs,
    })
    const first = await by.patch(alice, made.upload, 0, bytes.subarray(0, 300_000))
    expect(first.json()).toEqual({ ...made, offset: sealedSegmentBytes })
    expect((await by.stateOf(alice, made.upload)).json()).toEqual({
      ...made,
      offset: sealedSegmentBytes,
    })
    expect((await by.get(alice, object)).statusCode).toBe(404)
    const wrong = await by.patch(alice, made.upload, 300_000, bytes.subarray(300_000))
    expect([wrong.statusCode, wrong.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'offset_mismatch', extra: { offset: sealedSegmentBytes } }),
    ])
    const last = await by.patch(
      alice,
      made.upload,
      sealedSegmentBytes,
      bytes.subarray(sealedSegmentBytes),
    )
    expect(last.json()).toEqual({ ...made, offset: bytes.length, done: true })
    expect((await by.stateOf(alice, made.upload)).json()).toEqual({
      ...made,
      offset: bytes.length,
      done: true,
    })
    expect(
      (
        await by.patch(alice, made.upload, sealedSegmentBytes, bytes.subarray(sealedSegmentBytes))
      ).json(),
    ).toMatchObject({ done: true })
    expect((await by.get(alice, object)).rawPayload.equals(bytes)).toBe(true)
    expect(await at.objects.hash(object)).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  test('asked for twice are one, by their owner only', async () => {
    const object = newId()
    const one = (await by.create(alice, object, 1000)).json()
    expect((await by.create(alice, object, 1000)).json().upload).toBe(one.upload)
    expect(await by.usedBy(alice)).toBe(1000)
    for (const other of [await by.create(alice, object, 1001), await by.create(bob, object, 1000)])
      expect([other.statusCode, other.json().code]).toEqual([409, 'object_exists'])
    await by.patch(alice, one.upload, 0, randomBytes(1000))
    expect((await by.create(alice, object, 1000)).json().code).toBe('object_exists')
  })

  test('of sizes that no sealed object has, and with more bytes than said, are refused', async () => {
    for (const sizeBytes of [sealedSegmentBytes + 28, sealedSegmentBytes + 5])
      expect((await by.create(alice, newId(), sizeBytes)).json().code).toBe('object_invalid')
    expect((await by.create(alice, newId(), 27)).json().code).toBe('bad_request')
    const { upload } = (await by.create(alice, newId(), 100)).json()
    expect((await by.patch(alice, upload, 0, randomBytes(101))).json().code).toBe('object_invalid')
    expect((await by.patch(alice, upload, 0, randomBytes(100))).json().done).toBe(true)
  })

  test('of another member are as unknown as ones that never were', async () => {
    const { upload } = (await by.create(alice, newId(), 100)).json()
    for (const id of [upload, newId()])
      for (const answer of [
        await by.stateOf(bob, id),
        await by.patch(bob, id, 0, randomBytes(100)),
      ])
        expect([answer.statusCode, answer.json()]).toEqual([
          404,
          expect.objectContaining({ code: 'not_found', detail: 'There is no such upload.' }),
        ])
    expect((await by.cancel(bob, upload)).json()).toEqual({ removed: false })
    expect((await by.stateOf(alice, upload)).statusCode).toBe(200)
  })

  test.each([
    ['asks', (upload: string) => by.stateOf(alice, upload)],
    ['sends again', (upload: string) => by.patch(alice, upload, 0, randomBytes(1000))],
  ])('that a crash left without their row are done when the client %s', async (_what, act) => {
    const { upload, object, sizeBytes } = (await by.create(alice, newId(), 1000)).json()
    const bytes = randomBytes(1000)
    const { sha256 } = await at.objects.uploads.write(
      { upload, object, sizeBytes },
      0,
      Readable.from([bytes]),
    )
    expect((await by.get(alice, object)).statusCode).toBe(404)
    expect((await act(upload)).json()).toMatchObject({ offset: 1000, done: true })
    expect((await by.get(alice, object)).rawPayload.equals(bytes)).toBe(true)
    const row = await at.db
      .selectFrom('objects')
      .select('sha256')
      .where('id', '=', object)
      .executeTakeFirst()
    expect(row?.sha256).toBe(sha256)
  })

  test('can be cancelled, which gives back what they reserved', async () => {
    const object = newId()
    const { upload } = (await by.create(alice, object, 2 * sealedSegmentBytes)).json()
    await by.patch(alice, upload, 0, randomBytes(sealedSegmentBytes))
    expect((await by.cancel(alice, upload)).json()).toEqual({ removed: true })
    expect((await by.cancel(alice, upload)).json()).toEqual({ removed: false })
    expect(await by.usedBy(alice)).toBe(0)
    expect((await by.stateOf(alice, upload)).statusCode).toBe(404)
    expect((await by.create(alice, object, 100)).statusCode).toBe(200)
  })

  test('live a day after their last use', async () => {
    const object = newId()
    const { upload } = (await by.create(alice, object, 2 * sealedSegmentBytes)).json()
    at.now += dayMs - 1000
    expect(
      (await by.patch(alice, upload, 0, randomBytes(sealedSegmentBytes))).json().expiresAt,
    ).toBe(at.now + dayMs)
    at.now += dayMs
    expect(await at.files.sweep()).toMatchObject({ uploads: 0 })
    at.now += 1
    const late = await by.stateOf(alice, upload)
    expect([late.statusCode, late.json().code]).toEqual([410, 'upload_expired'])
    expect(await at.files.sweep()).toEqual({ uploads: 1, unreferenced: 0, strays: 0 })
    expect(await by.usedBy(alice)).toBe(0)
    expect((await by.stateOf(alice, upload)).statusCode).toBe(404)
  })

  test('whose connection drops keep whole segments, over a real socket', async () => {
    await at.http.http.listen()
    const bytes = randomBytes(4 * sealedSegmentBytes)
    const object = newId()
    const { upload } = (await by.create(alice, object, bytes.length)).json()
    const send = (offset: number, until: number): Promise<{ status: number; body: string }> =>
      new Promise((resolve, reject) => {
        const sending = httpRequest(
          {
            port: at.http.http.port(),
            path: `/api/uploads/${upload}?offset=${offset}`,
            method: 'PATCH',
            headers: {
              ...octets,
              authorization: `Bearer ${alice.token}`,
              host: 'localhost:8765',
              'content-length': bytes.length - offset,
            },
          },
          (response) => {
            response.setEncoding('utf8')
            let body = ''
            response.on('data', (text) => (body += text))
            response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
          },
        )
        sending.on('error', reject)
        sending.write(bytes.subarray(offset, until), () => {
          if (until < bytes.length) setTimeout(() => sending.destroy(), 100)
          else sending.end()
        })
      })
    await expect(send(0, 2 * sealedSegmentBytes + 1000)).rejects.toThrow()
    await expect
      .poll(async () => (await by.stateOf(alice, upload)).json().offset)
      .toBe(2 * sealedSegmentBytes)
    const done = await send(2 * sealedSegmentBytes, bytes.length)
    expect([done.status, JSON.parse(done.body).done]).toEqual([200, true])
    expect((await by.get(alice, object)).rawPayload.equals(bytes)).toBe(true)
  })
})
