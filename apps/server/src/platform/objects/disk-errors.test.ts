import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type FileSystem,
  nodeFileSystem,
  type ObjectStore,
  openObjectStore,
  type Upload,
} from './index.ts'

let folder = ''
let store: ObjectStore
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-faults-'))
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const newId = (): string => randomBytes(16).toString('hex')
const newUpload = (sizeBytes: number): Upload => ({ upload: newId(), object: newId(), sizeBytes })
const body = (bytes: Uint8Array): Readable => Readable.from([bytes], { objectMode: false })
const namesIn = (): string[] =>
  readdirSync(join(folder, 'objects'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.'),
  )
const reopen = async (fs: FileSystem): Promise<void> => {
  store = await openObjectStore({ folder: join(folder, 'objects'), reserveBytes: 0, fs })
}

describe('faults', () => {
  const failing = (code: string, method: keyof FileSystem): FileSystem => ({
    ...nodeFileSystem,
    [method]: () => {
      const error = Object.assign(new Error(code), { code })
      if (method.endsWith('Sync')) throw error
      return Promise.reject(error)
    },
  })
  test.each([
    ['ENOSPC', 'writev', 'disk_full'],
    ['EDQUOT', 'writev', 'disk_full'],
    ['EMFILE', 'openSync', 'unavailable'],
    ['EIO', 'fsync', 'unavailable'],
    ['EROFS', 'renameSync', 'unavailable'],
  ] as const)('%s from %s is %s', async (code, method, problem) => {
    const fs = { ...nodeFileSystem }
    await reopen(fs)
    Object.assign(fs, { [method]: failing(code, method)[method] })
    if (method === 'writev')
      Object.assign(fs, {
        writeSync: () => failing(code, 'writeSync').writeSync(0, Buffer.of(), 0),
      })
    const upload = newUpload(100)
    await expect(store.uploads.write(upload, 0, body(randomBytes(100)))).rejects.toMatchObject({
      code: problem,
    })
    await expect(store.putMany([{ id: newId(), bytes: randomBytes(100) }])).rejects.toMatchObject({
      code: problem,
    })
    expect(namesIn().filter((name) => name.endsWith('.enc'))).toEqual([])
  })

  const mebibyte = 1024 * 1024
  test.each([
    [20 * mebibyte, 'unavailable'],
    [21 * mebibyte, 'object_invalid'],
  ])('an fsync that fails before %i bytes have come counts (%s)', async (sentBytes, code) => {
    let fails = false
    const fsync = (file: number): Promise<void> => {
      if (!fails) return nodeFileSystem.fsync(file)
      fails = false
      return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    }
    await reopen({ ...nodeFileSystem, fsync })
    fails = true
    const pieces = Array.from({ length: sentBytes / mebibyte }, () => Buffer.alloc(mebibyte, 7))
    const sent = store.uploads.write(newUpload(20 * mebibyte), 0, Readable.from(pieces))
    await expect(sent).rejects.toMatchObject({ code })
    expect(fails).toBe(false)
    expect(namesIn()).toEqual([])
  })

  test('no room is told before anything is sent', async () => {
    await reopen({ ...nodeFileSystem, freeBytesSync: () => 1000 })
    const full = expect.objectContaining({ code: 'disk_full' })
    const small = (sizeBytes: number) =>
      store.putMany([{ id: newId(), bytes: randomBytes(sizeBytes) }])
    expect(() => store.uploads.begin(newUpload(1001))).toThrow(full)
    await expect(small(1001)).rejects.toEqual(full)
    const [announced, sending] = [newUpload(600), newUpload(600)]
    for (const upload of [announced, sending]) store.uploads.begin(upload)
    expect(store.freeBytes()).toBe(1000)
    const sent = store.uploads.write(sending, 0, new PassThrough())
    await new Promise((resolve) => setImmediate(resolve))
    expect(store.freeBytes()).toBe(400)
    expect(() => store.uploads.begin(newUpload(401))).toThrow(full)
    await expect(small(401)).rejects.toEqual(full)
    await store.uploads.remove(sending)
    await sent
    expect(store.freeBytes()).toBe(1000)
    expect(namesIn()).toEqual([])
  })
})
