import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { nodeFileSystem } from '../disk/file-system.ts'
import { openObjectStore } from './object-store.ts'
import { markIntervalBytes } from './upload-marks.ts'

test('an upload that ends where a mark is due, and fails just then, is not taken for complete', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthold-last-mark-'))
  let failures = 1
  const renameSync = (from: string, to: string): void => {
    if (failures-- > 0) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    nodeFileSystem.renameSync(from, to)
  }
  const store = await openObjectStore({
    folder,
    reserveBytes: 0,
    fs: { ...nodeFileSystem, renameSync },
  })
  const upload = { upload: 'a'.repeat(32), object: 'b'.repeat(32), sizeBytes: markIntervalBytes }
  const bytes = Buffer.alloc(upload.sizeBytes, 7)
  const send = (from: number) =>
    store.uploads.write(upload, from, Readable.from([bytes.subarray(from)]))
  store.uploads.begin(upload)
  await expect(send(0)).rejects.toMatchObject({ code: 'unavailable' })
  const { offset } = store.uploads.progress(upload)
  expect(offset).toBeLessThan(upload.sizeBytes)
  expect((await send(offset)).sha256).toBeDefined()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})
