import { randomBytes } from 'node:crypto'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sealedSegmentBytes } from '@hearthold/crypto'
import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dayMs } from './deps.ts'
import { completeObject } from './store.ts'
import {
  octets,
  openTestFiles,
  type Requests,
  requestsOf,
  type TestFiles,
  alice,
  bob,
  bundleOf,
  newId,
  whole,
} from './test-files.ts'
import { entryGraceBytes } from './usage.ts'

let at: TestFiles
let by: Requests
beforeEach(async () => {
  at = await openTestFiles()
  by = requestsOf(at)
})
afterEach(() => at.close())

describe('the sweep', () => {
  test('removes what no entry refers to after a day, and nothing else', async () => {
    const [lost, kept, again] = [
      await by.stored(alice),
      await by.stored(alice),
      await by.stored(alice),
    ]
    await at.refer(alice, newId(), [kept.id])
    at.now += dayMs
    await by.putBundle(alice, bundleOf([again]))
    expect(await at.files.sweep()).toMatchObject({ unreferenced: 0 })
    at.now += 1
    expect(await at.files.sweep()).toEqual({ uploads: 0, unreferenced: 1, strays: 0 })
    expect(at.objects.stat(lost.id)).toBeUndefined()
    expect([
      (await by.get(alice, kept.id)).statusCode,
      (await by.get(alice, again.id)).statusCode,
    ]).toEqual([200, 200])
    expect(await by.usedBy(alice)).toBe(200)
  })

  test('leaves an object whose end was written down again after an entry referred to it', async () => {
    const [lost, kept] = [await by.stored(alice), await by.stored(alice)]
    await at.refer(alice, newId(), [kept.id])
    await completeObject(at.db, kept.id, 'ab'.repeat(32), at.now)
    at.now += dayMs + 1
    expect(await at.files.sweep()).toMatchObject({ unreferenced: 1 })
    expect(at.objects.stat(lost.id)).toBeUndefined()
    expect((await by.get(alice, kept.id)).statusCode).toBe(200)
  })

  test('removes files that no row knows, once they are old', async () => {
    const known = await by.stored(alice)
    const path = (id: string, name: string) => join(at.folder, 'objects', id.slice(0, 2), name)
    const [old, young, part] = [newId(), newId(), newId()]
    mkdirSync(join(at.folder, 'objects', old.slice(0, 2)), { recursive: true })
    for (const id of [old, young]) writeFileSync(path(id, `${id}.enc`), 'x')
    writeFileSync(path(part, `${part}.${newId()}.part`), 'x')
    for (const id of [old, known.id]) utimesSync(path(id, `${id}.enc`), 1, 1)
    expect(await at.files.sweep()).toEqual({ uploads: 0, unreferenced: 0, strays: 2 })
    expect([old, young, known.id].map((id) => at.objects.stat(id) !== undefined)).toEqual([
      false,
      true,
      true,
    ])
  })

  test('leaves alone an upload that is being written or waits for its client', async () => {
    const { upload } = (await by.create(alice, newId(), 2 * sealedSegmentBytes)).json()
    await by.patch(alice, upload, 0, randomBytes(sealedSegmentBytes))
    expect(await at.files.sweep()).toEqual({ uploads: 0, unreferenced: 0, strays: 0 })
    expect((await by.stateOf(alice, upload)).json().offset).toBe(sealedSegmentBytes)
  })
})

describe('the quota', () => {
  test('is told of what is let in before that is committed, and no longer', async () => {
    at.quotas.set(alice.account, 1000)
    const kept = (): number => at.files.accountBytes(alice.account)
    // The clock is asked between letting in and committing.
    const seen: number[] = []
    let time = at.now
    Object.defineProperty(at, 'now', {
      get: () => (seen.push(kept()), time),
      set: (now: number) => {
        time = now
      },
    })
    expect((await by.create(alice, newId(), 400)).statusCode).toBe(200)
    expect(seen).toContain(400)
    expect(kept()).toBe(400)
    seen.length = 0
    await by.stored(alice, 300)
    expect(seen).toContain(700)
    expect(kept()).toBe(700)
    expect((await by.create(alice, newId(), 301)).json().code).toBe('over_quota')
    expect(kept()).toBe(700)
    expect(at.files.accountBytes(bob.account)).toBe(0)
  })

  test('is kept by many at once, before a byte is on the disk; a repetition needs no room of its own', async () => {
    at.quotas.set(alice.account, 1000)
    const bundles = Array.from({ length: 8 }, () =>
      bundleOf([{ id: newId(), bytes: randomBytes(600) }]),
    )
    const answers = await Promise.all([
      ...bundles.map((bundle) => by.putBundle(alice, bundle)),
      by.create(alice, newId(), 600),
    ])
    const codes = answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)
    expect(codes).toEqual([200, ...Array<number>(8).fill(507)])
    let files = 0
    for await (const ids of at.objects.list()) files += ids.length
    expect(files).toBeLessThanOrEqual(1)
    at.quotas.set(alice.account, 1500)
    const twice = bundleOf([{ id: newId(), bytes: randomBytes(700) }])
    const both = await Promise.all([by.putBundle(alice, twice), by.putBundle(alice, twice)])
    expect(both.map(({ statusCode }) => statusCode)).toEqual([200, 200])
    expect(at.files.accountBytes(alice.account)).toBe(1300)
    expect((await by.create(alice, newId(), 200)).statusCode).toBe(200)
  })

  test('is told with its bands', async () => {
    const usage = async () => (await at.as(alice, { method: 'GET', url: '/api/usage' })).json()
    expect(await usage()).toEqual({ usedBytes: 0, quotaBytes: null, band: 0 })
    at.quotas.set(alice.account, 1000)
    for (const [more, usedBytes, band] of [
      [749, 749, 0],
      [1, 750, 75],
      [149, 899, 75],
      [1, 900, 90],
      [100, 1000, 100],
    ] as const) {
      await whole(at.db, (trx) => at.access.addEntryBytes(trx, alice.account, more))
      expect(await usage()).toEqual({ usedBytes, quotaBytes: 1000, band })
    }
    await whole(at.db, (trx) => at.access.addEntryBytes(trx, alice.account, -5000))
    expect(await usage()).toEqual({ usedBytes: 0, quotaBytes: 1000, band: 0 })
  })

  test('reserves what an upload will need, and refuses what does not fit', async () => {
    at.quotas.set(alice.account, 1000)
    expect((await by.create(alice, newId(), 1001)).json().code).toBe('over_quota')
    const { upload } = (await by.create(alice, newId(), 600)).json()
    expect((await by.create(alice, newId(), 401)).json().code).toBe('over_quota')
    expect(
      (await by.putBundle(alice, bundleOf([{ id: newId(), bytes: randomBytes(401) }]))).json().code,
    ).toBe('over_quota')
    expect(
      (await by.putBundle(bob, bundleOf([{ id: newId(), bytes: randomBytes(401) }]))).statusCode,
    ).toBe(200)
    await by.cancel(alice, upload)
    expect((await by.create(alice, newId(), 1000)).statusCode).toBe(200)
  })

  test('refuses a bundle before its body is read', async () => {
    at.quotas.set(alice.account, 1000)
    await at.http.http.listen()
    const answer = await new Promise<{ status: number; sent: number }>((resolve, reject) => {
      let sent = 0
      const sending = httpRequest(
        {
          port: at.http.http.port(),
          path: '/api/objects/bundle',
          method: 'POST',
          headers: {
            ...octets,
            authorization: `Bearer ${alice.token}`,
            host: 'localhost:8765',
            'content-length': 10_000_000,
          },
        },
        (response) => {
          resolve({ status: response.statusCode ?? 0, sent })
          response.resume()
          sending.destroy()
        },
      )
      sending.on('error', reject)
      sent += 100
      sending.write(randomBytes(100))
    })
    expect(answer).toEqual({ status: 507, sent: 100 })
  })

  test('never keeps a member from writing what empties it', async () => {
    at.quotas.set(alice.account, 1000)
    await by.stored(alice, 1000 - 20)
    const add = (bytes: number) =>
      whole(at.db, (trx) => at.access.addEntryBytes(trx, alice.account, bytes))
    await add(entryGraceBytes + 20)
    await expect(add(1)).rejects.toMatchObject({ code: 'over_quota' })
    await add(-1)
    await add(1)
    expect(await by.usedBy(alice)).toBe(1000 + entryGraceBytes)
  })
})
