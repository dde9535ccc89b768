import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { sealedSegmentBytes } from '@hearthold/crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ObjectStore, openObjectStore, type Upload } from './index.ts'

const newId = (): string => randomBytes(16).toString('hex')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

let folder = ''
let store: ObjectStore
const reopen = async (): Promise<void> => {
  await store.close()
  store = await openObjectStore({ folder: join(folder, 'objects'), reserveBytes: 0 })
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-objects-'))
  store = await openObjectStore({ folder: join(folder, 'objects'), reserveBytes: 0 })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const newUpload = (sizeBytes: number): Upload => ({ upload: newId(), object: newId(), sizeBytes })
const fileOf = (object: string): string =>
  join(folder, 'objects', object.slice(0, 2), `${object}.enc`)
const namesIn = (): string[] =>
  readdirSync(join(folder, 'objects'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.'),
  )

/** A body that comes in chunks of these sizes in turn. */
const body = (bytes: Uint8Array, sizes: number[] = [65_536]): Readable => {
  const chunks: Uint8Array[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return Readable.from(chunks, { objectMode: false })
}

/** What a GET would send. */
const readAll = async (object: string, start = 0, end?: number): Promise<Buffer | undefined> => {
  const open = store.open(object)
  if (!open) return undefined
  const answer = open.read({ start, end: end ?? open.sizeBytes })
  if ('bytes' in answer) return Buffer.from(answer.bytes)
  const parts: Buffer[] = []
  for await (const piece of answer.pieces) parts.push(Buffer.from(piece))
  answer.close()
  return Buffer.concat(parts)
}

describe('an upload', () => {
  test.each([
    ['one small chunk', 28, [28]],
    ['a whole number of segments', 3 * sealedSegmentBytes, [65_536]],
    ['many uneven chunks', 5 * sealedSegmentBytes + 1234, [65_536, 1, 30_000, 262_172]],
    ['tiny chunks', 20_000, [7]],
    ['one huge chunk', 9 * sealedSegmentBytes + 28, [1 << 30]],
  ])('in %s is stored as sent', async (_what, sizeBytes, sizes) => {
    const bytes = randomBytes(sizeBytes)
    const upload = newUpload(sizeBytes)
    store.uploads.begin(upload)
    expect(store.open(upload.object)).toBeUndefined()
    const progress = await store.uploads.write(upload, 0, body(bytes, sizes))
    expect(progress).toEqual({ offset: sizeBytes, sha256: sha256(bytes) })
    expect(readFileSync(fileOf(upload.object)).equals(bytes)).toBe(true)
    expect(await store.hash(upload.object)).toBe(sha256(bytes))
    expect(namesIn()).toEqual([join(upload.object.slice(0, 2), `${upload.object}.enc`)])
  })

  test('cut off anywhere keeps whole segments and goes on from there', async () => {
    const bytes = randomBytes(4 * sealedSegmentBytes + 5000)
    for (const cutAt of [0, 1, 262_171, 262_172, 262_173, 600_000, bytes.length - 1]) {
      const upload = newUpload(bytes.length)
      store.uploads.begin(upload)
      const dropped = new PassThrough()
      const first = store.uploads.write(upload, 0, dropped)
      dropped.write(bytes.subarray(0, cutAt), () => dropped.destroy(new Error('socket hang up')))
      const whole = cutAt - (cutAt % sealedSegmentBytes)
      expect(await first).toEqual({ offset: whole })
      expect(store.uploads.progress(upload)).toEqual({ offset: whole })
      const rest = await store.uploads.write(upload, whole, body(bytes.subarray(whole)))
      expect(rest.sha256).toBe(sha256(bytes))
      expect((await readAll(upload.object))?.equals(bytes)).toBe(true)
    }
  })

  test('in several requests, with a restart between each, is stored as sent', async () => {
    const bytes = randomBytes(130 * sealedSegmentBytes + 77)
    const upload = newUpload(bytes.length)
    store.uploads.begin(upload)
    let offset = 0
    for (const until of [1, 40, 41, 128, 129.5, 131]) {
      const end = Math.min(Math.floor(until * sealedSegmentBytes), bytes.length)
      expect(store.uploads.progress(upload)).toEqual({ offset })
      offset = (await store.uploads.write(upload, offset, body(bytes.subarray(offset, end)))).offset
      await reopen()
    }
    expect(await store.hash(upload.object)).toBe(sha256(bytes))
  })

  test('after a restart believes only what it can check', async () => {
    const bytes = randomBytes(6 * sealedSegmentBytes)
    const upload = newUpload(bytes.length)
    store.uploads.begin(upload)
    for (const until of [2, 4, 5])
      await store.uploads.write(
        upload,
        store.uploads.progress(upload).offset,
        body(bytes.subarray(store.uploads.progress(upload).offset, until * sealedSegmentBytes)),
      )
    const part = join(folder, 'objects', namesIn().find((name) => name.endsWith('.part')) ?? '')
    const damaged = readFileSync(part)
    damaged.fill(0, 3 * sealedSegmentBytes, 3 * sealedSegmentBytes + 4096)
    writeFileSync(part, damaged)
    await reopen()
    expect(store.uploads.progress(upload)).toEqual({ offset: 5 * sealedSegmentBytes })
    const wrong = store.uploads.write(
      upload,
      5 * sealedSegmentBytes,
      body(bytes.subarray(5 * sealedSegmentBytes)),
    )
    await expect(wrong).rejects.toMatchObject({
      code: 'offset_mismatch',
      extra: { offset: 2 * sealedSegmentBytes },
    })
    expect(store.uploads.progress(upload)).toEqual({ offset: 2 * sealedSegmentBytes })
    const done = await store.uploads.write(
      upload,
      2 * sealedSegmentBytes,
      body(bytes.subarray(2 * sealedSegmentBytes)),
    )
    expect(done.sha256).toBe(sha256(bytes))
    expect((await readAll(upload.object))?.equals(bytes)).toBe(true)
  })

  test('whose file was cut short by a crash begins where its marks still hold', async () => {
    const bytes = randomBytes(5 * sealedSegmentBytes)
    const upload = newUpload(bytes.length)
    store.uploads.begin(upload)
    await store.uploads.write(upload, 0, body(bytes.subarray(0, 2 * sealedSegmentBytes)))
    await store.uploads.write(
      upload,
      2 * sealedSegmentBytes,
      body(bytes.subarray(2 * sealedSegmentBytes, 4 * sealedSegmentBytes)),
    )
    const part = join(folder, 'objects', namesIn().find((name) => name.endsWith('.part')) ?? '')
    truncateSync(part, 3 * sealedSegmentBytes)
    await reopen()
    expect(store.uploads.progress(upload)).toEqual({ offset: 2 * sealedSegmentBytes })
    rmSync(part)
    expect(store.uploads.progress(upload)).toEqual({ offset: 0 })
    const done = await store.uploads.write(upload, 0, body(bytes))
    expect(done.sha256).toBe(sha256(bytes))
  })

  test('at another offset, with too many bytes, or of an object that is there is refused', async () => {
    const upload = newUpload(2 * sealedSegmentBytes)
    store.uploads.begin(upload)
    await expect(store.uploads.write(upload, 1, body(randomBytes(10)))).rejects.toMatchObject({
      code: 'offset_mismatch',
      extra: { offset: 0 },
    })
    await expect(
      store.uploads.write(upload, 0, body(randomBytes(2 * sealedSegmentBytes + 1))),
    ).rejects.toMatchObject({ code: 'object_invalid' })
    expect(existsSync(fileOf(upload.object))).toBe(false)
    const [, bytes] = [
      await store.putMany([{ id: upload.object, bytes: randomBytes(100) }]),
      readFileSync(fileOf(upload.object)),
    ]
    expect(() => store.uploads.begin({ ...upload, upload: newId() })).toThrow(
      expect.objectContaining({ code: 'object_exists' }),
    )
    const late = store.uploads.write(
      upload,
      store.uploads.progress(upload).offset,
      body(randomBytes(2 * sealedSegmentBytes)),
    )
    await expect(late).rejects.toMatchObject({ code: 'object_exists' })
    expect(readFileSync(fileOf(upload.object)).equals(bytes)).toBe(true)
  })

  test('gives way to a newer request for the same upload, which may go on', async () => {
    const bytes = randomBytes(3 * sealedSegmentBytes)
    const upload = newUpload(bytes.length)
    store.uploads.begin(upload)
    const stuck = new PassThrough()
    const first = store.uploads.write(upload, 0, stuck)
    await new Promise((resolve) => stuck.write(bytes.subarray(0, 600_000), resolve))
    const second = store.uploads.write(upload, 0, body(bytes))
    expect(await first).toEqual({ offset: 2 * sealedSegmentBytes })
    await expect(second).rejects.toMatchObject({ code: 'offset_mismatch' })
    const third = await store.uploads.write(
      upload,
      2 * sealedSegmentBytes,
      body(bytes.subarray(2 * sealedSegmentBytes)),
    )
    expect(third.sha256).toBe(sha256(bytes))
  })

  test('that was renamed before a crash is found and finished', async () => {
    const bytes = randomBytes(300_000)
    const upload = newUpload(bytes.length)
    writeFileSync(fileOf(upload.object), bytes)
    expect(store.uploads.progress(upload)).toEqual({ offset: bytes.length })
    expect(await store.uploads.finish(upload)).toEqual({
      offset: bytes.length,
      sha256: sha256(bytes),
    })
    const again = store.uploads.write(upload, 0, body(randomBytes(10)))
    expect(await again).toEqual({ offset: bytes.length, sha256: sha256(bytes) })
    await expect(store.uploads.finish(newUpload(50))).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('that is removed leaves no file, even while it is being sent', async () => {
    const upload = newUpload(3 * sealedSegmentBytes)
    store.uploads.begin(upload)
    const sending = new PassThrough()
    const first = store.uploads.write(upload, 0, sending)
    await new Promise((resolve) => sending.write(randomBytes(300_000), resolve))
    await store.uploads.remove(upload)
    expect((await first).offset).toBe(sealedSegmentBytes)
    expect(namesIn()).toEqual([])
  })
})

describe('many small objects', () => {
  test('are stored at once, and the same bytes again are accepted', async () => {
    const objects = Array.from({ length: 300 }, (_, index) => ({
      id: newId(),
      bytes: randomBytes(28 + index),
    }))
    const hashes = await store.putMany(objects)
    expect(hashes).toEqual(objects.map(({ bytes }) => sha256(bytes)))
    expect(
      await store.putMany([...objects.slice(0, 10), { id: newId(), bytes: randomBytes(30) }]),
    ).toHaveLength(11)
    const read = await store.readMany([...objects.map(({ id }) => id), newId()])
    expect(
      read
        .slice(0, 300)
        .every((bytes, index) => objects[index]?.bytes.equals(bytes ?? Buffer.of())),
    ).toBe(true)
    expect(read[300]).toBeUndefined()
    expect(namesIn().every((name) => name.endsWith('.enc'))).toBe(true)
  })

  test('are refused together when one id holds other bytes', async () => {
    const [first, second] = [
      { id: newId(), bytes: randomBytes(50) },
      { id: newId(), bytes: randomBytes(50) },
    ]
    await store.putMany([first])
    for (const other of [randomBytes(50), randomBytes(51)])
      await expect(store.putMany([second, { ...first, bytes: other }])).rejects.toMatchObject({
        code: 'object_exists',
      })
    expect(store.stat(second.id)).toBeUndefined()
    expect((await readAll(first.id))?.equals(first.bytes)).toBe(true)
  })

  test('sent twice at the same time are stored once', async () => {
    const objects = Array.from({ length: 20 }, () => ({ id: newId(), bytes: randomBytes(40) }))
    const others = objects.map(({ id }) => ({ id, bytes: randomBytes(40) }))
    const [one, two, three] = await Promise.allSettled(
      [objects, objects, others].map((list) => store.putMany(list)),
    )
    expect([one?.status, two?.status, three?.status]).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
    ])
    expect((await readAll(objects[7]?.id ?? ''))?.equals(objects[7]?.bytes ?? Buffer.of())).toBe(
      true,
    )
  })
})

describe('reading', () => {
  test('answers any range, small ones at once and large ones in pieces', async () => {
    const bytes = randomBytes(5 * 1024 * 1024 + 17)
    const upload = newUpload(bytes.length)
    await store.uploads.write(upload, 0, body(bytes))
    for (const [start, end] of [
      [0, bytes.length],
      [0, 1],
      [65_535, 131_073],
      [1_048_575, 4_000_001],
      [bytes.length - 1, bytes.length],
      [7, 7],
    ] as const)
      expect(
        (await readAll(upload.object, start, end))?.equals(bytes.subarray(start, end)),
        `${start}-${end}`,
      ).toBe(true)
    expect(store.open(newId())).toBeUndefined()
    expect(await store.hash(newId())).toBeUndefined()
  })

  test('of an object that lost bytes fails instead of ending early', async () => {
    const small = newId()
    await store.putMany([{ id: small, bytes: randomBytes(1000) }])
    const open = store.open(small)
    truncateSync(fileOf(small), 500)
    expect(() => open?.read({ start: 0, end: 1000 })).toThrow(
      expect.objectContaining({ code: 'unavailable' }),
    )
  })
})

describe('the folder', () => {
  test('is for the server alone', async () => {
    const id = newId()
    await store.putMany([{ id, bytes: randomBytes(30) }])
    const modes = [
      join(folder, 'objects'),
      join(folder, 'objects', id.slice(0, 2)),
      fileOf(id),
    ].map((path) => (statSync(path).mode & 0o777).toString(8))
    expect(modes).toEqual(['700', '700', '600'])
  })

  test('lists its objects, removes them, and sweeps what no upload owns', async () => {
    const ids = Array.from({ length: 50 }, newId)
    await store.putMany(ids.map((id) => ({ id, bytes: randomBytes(30) })))
    const [kept, stale] = [newUpload(2 * sealedSegmentBytes), newUpload(2 * sealedSegmentBytes)]
    for (const upload of [kept, stale])
      await store.uploads.write(upload, 0, body(randomBytes(sealedSegmentBytes)))
    expect(await store.sweepUploads(() => false)).toBe(0)
    await reopen()
    expect(await store.sweepUploads((upload) => upload === kept.upload)).toBe(2)
    expect(store.uploads.progress(kept).offset).toBe(sealedSegmentBytes)
    expect(store.uploads.progress(stale).offset).toBe(0)
    await store.remove([...ids.slice(0, 40), newId()])
    const listed: string[] = []
    for await (const some of store.list()) listed.push(...some)
    expect(listed.toSorted()).toEqual(ids.slice(40).toSorted())
  })
})
