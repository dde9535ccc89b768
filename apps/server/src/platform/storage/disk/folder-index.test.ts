import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeFileSystem } from '../../disk/file-system.ts'
import { FolderIndexes } from './folder-index.ts'
import { openDiskStorage } from './index.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-index-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const newId = (): string => randomBytes(32).toString('hex')
const put = (id: string, sizeBytes = 1): void => {
  writeFileSync(join(folder, id), '')
  truncateSync(join(folder, id), sizeBytes)
}

/** Counts how often folders are read. */
const made = (limitBytes = 2 ** 20, now: () => number = Date.now) => {
  let reads = 0
  const fs: typeof nodeFileSystem = {
    ...nodeFileSystem,
    listSync: (path) => {
      reads++
      return nodeFileSystem.listSync(path)
    },
  }
  const indexes = new FolderIndexes({ fs, now, limitBytes, isInUse: () => false })
  const names = async (): Promise<string[]> =>
    ((await indexes.of(folder, 'keys'))?.objects() ?? []).map(({ id }) => id).sort()
  return { indexes, names, reads: () => reads }
}

describe('what is remembered of a folder', () => {
  test('is not read again while nothing changes', async () => {
    const { indexes, names, reads } = made()
    const ids = [newId(), newId()].sort()
    for (const id of ids) put(id, 7)
    await wait(80)
    for (let again = 0; again < 5; again++) expect(await names()).toEqual(ids)
    expect(reads()).toBe(1)
    const index = await indexes.of(folder, 'keys')
    expect(JSON.parse(`[${index?.json('v1').subarray(1).toString()}]`)).toHaveLength(2)
    expect(JSON.parse(`[${index?.json('v2').subarray(1).toString()}]`)).toEqual(
      expect.arrayContaining(ids.map((name) => ({ name, size: 7 }))),
    )
    expect(await indexes.of(join(folder, 'missing'), 'keys')).toBeUndefined()
  })

  test('is never trusted right after a change, in whatever steps the disk counts time', async () => {
    const { names, reads } = made()
    const ids: string[] = []
    for (let step = 0; step < 200; step++) {
      const id = newId()
      put(id)
      ids.push(id)
      expect(await names()).toEqual(ids.toSorted())
      if (step % 3 === 0) unlinkSync(join(folder, ids.shift() ?? ''))
      expect(await names()).toEqual(ids.toSorted())
    }
    expect(reads()).toBeGreaterThan(200)
  })

  test('waits two seconds where times are whole seconds', async () => {
    const second = Math.floor(Date.now() / 1000) * 1000
    const coarse = { ...nodeFileSystem }
    coarse.statSync = (path) => {
      const stat = nodeFileSystem.statSync(path)
      return stat && { ...stat, modifiedAt: second, changedAt: second }
    }
    let now = second + 1_900
    const indexes = new FolderIndexes({
      fs: coarse,
      now: () => now,
      limitBytes: 2 ** 20,
      isInUse: () => false,
    })
    const count = async () => (await indexes.of(folder, 'keys'))?.count
    expect(await count()).toBe(0)
    put(newId())
    expect(await count()).toBe(1)
    now = second + 2_200
    expect(await count()).toBe(1)
    put(newId())
    // From here on only the times can tell, and this disk's do not: that is why the wait must be long enough.
    expect(await count()).toBe(1)
  })

  test('is not trusted where the clock says that the folder changed in the future', async () => {
    const { names, reads } = made(2 ** 20, () => Date.now() - 3600_000)
    await wait(60)
    for (let again = 0; again < 3; again++) await names()
    expect(reads()).toBe(3)
  })

  test('is no more than may be kept; what is idle makes room, and what is busy does not', async () => {
    let now = Date.now() + 3600_000
    const { indexes, reads } = made(30_000, () => now)
    const folders = Array.from({ length: 8 }, (_, index) => join(folder, String(index)))
    for (const one of folders) {
      mkdirSync(one)
      for (let file = 0; file < 50; file++) writeFileSync(join(one, newId()), '')
    }
    const list = async (): Promise<number> => {
      const before = reads()
      for (const one of folders) {
        expect((await indexes.of(one, 'keys'))?.count).toBe(50)
        expect(indexes.bytes).toBeLessThanOrEqual(30_000)
      }
      return reads() - before
    }
    expect(await list()).toBe(8)
    expect(indexes.bytes).toBeGreaterThan(20_000)
    // Those that were kept are found again, each time.
    expect([await list(), await list()]).toEqual([3, 3])
    now += 61_000
    const last = folders.at(-1) ?? ''
    await indexes.of(last, 'keys')
    const before = reads()
    await indexes.of(last, 'keys')
    expect(reads()).toBe(before)
    for (const one of folders) indexes.forget(one)
    expect(indexes.bytes).toBe(0)
  })
})

describe('lists while others write', () => {
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

  test('have all that was acknowledged before, and nothing that was removed before', async () => {
    const storage = openDiskStorage({ folder })
    const store = storage.open(['r'])
    const stored = new Set<string>()
    const removed = new Set<string>()
    const workers = { busy: 6 }
    const work = async (worker: number): Promise<void> => {
      for (let step = 0; step < 40; step++) {
        const bytes = randomBytes(100 + worker)
        const id = sha256(bytes)
        const body = Readable.from([bytes], { objectMode: false })
        await store.write({ type: 'index', id }, body, { sizeBytes: bytes.length, verify: true })
        stored.add(id)
        if (step % 4 === 0) {
          stored.delete(id)
          await store.remove({ type: 'index', id })
          removed.add(id)
        }
      }
      workers.busy--
    }
    const watch = async (): Promise<void> => {
      while (workers.busy > 0) {
        const [before, gone] = [[...stored], [...removed]]
        const parts = (await store.listJson?.('index', 'v1')) ?? []
        const names = new Set(JSON.parse(Buffer.concat(parts).toString() || '[]') as string[])
        expect(before.filter((id) => !names.has(id) && stored.has(id))).toEqual([])
        expect(gone.filter((id) => names.has(id))).toEqual([])
        await wait(1)
      }
    }
    await Promise.all([watch(), ...Array.from({ length: 6 }, (_, worker) => work(worker))])
    await storage.close()
  }, 30_000)

  test('show at once what another process stores and removes', async () => {
    const storage = openDiskStorage({ folder })
    const store = storage.open(['r'])
    await store.create()
    const names = async (): Promise<string[]> =>
      JSON.parse(Buffer.concat((await store.listJson?.('data', 'v1')) ?? []).toString()) as string[]
    const other = promisify(execFile)
    const ids = Array.from({ length: 12 }, newId)
    for (const [index, id] of ids.entries()) {
      const path = join(folder, 'r', 'data', id.slice(0, 2), id)
      await other('/bin/sh', ['-c', `printf x > "${path}.t" && mv "${path}.t" "${path}"`])
      expect(await names()).toContain(id)
      // Old enough to be remembered, or not: both must hold.
      if (index % 2 === 0) await wait(70)
      expect(await names()).toContain(id)
      await other('/bin/rm', [path])
      expect(await names()).not.toContain(id)
    }
    await storage.close()
  }, 30_000)
})
