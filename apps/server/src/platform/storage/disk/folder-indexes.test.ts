import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeFileSystem } from '../../disk/file-system.ts'
import { FolderIndexes } from './folder-indexes.ts'
import { openDiskStorage } from './index.ts'

let repository = ''
let folder = ''
beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'hearthold-index-'))
  folder = join(repository, 'keys')
  mkdirSync(folder)
})
afterEach(() => rmSync(repository, { recursive: true, force: true }))

const newId = (): string => randomBytes(32).toString('hex')
const put = (id: string, sizeBytes = 1): void => {
  writeFileSync(join(folder, id), '')
  truncateSync(join(folder, id), sizeBytes)
}

/** Counts how often folders are read, and files looked at. */
const made = (limitBytes = 2 ** 20, now: () => number = Date.now) => {
  let reads = 0
  let looks = 0
  const fs: typeof nodeFileSystem = {
    ...nodeFileSystem,
    listSync: (path) => {
      reads++
      return nodeFileSystem.listSync(path)
    },
    statSync: (path) => {
      if (/[0-9a-f]{64}$/.test(path)) looks++
      return nodeFileSystem.statSync(path)
    },
  }
  const indexes = new FolderIndexes({ fs, now, limitBytes, isInUse: () => false })
  const objects = async () => (await indexes.of(repository, 'keys'))?.objects() ?? []
  const names = async (): Promise<string[]> => (await objects()).map(({ id }) => id).sort()
  const sizeOf = async (id: string): Promise<number | undefined> =>
    (await objects()).find((object) => object.id === id)?.sizeBytes
  return { indexes, names, sizeOf, reads: () => reads, looks: () => looks }
}

/** For files and folders that have not changed for a while. */
const later = (ms = 3_000) => {
  return (): number => Date.now() + ms
}

describe('what is remembered of a folder', () => {
  test('is not read again while nothing changes', async () => {
    const { indexes, names, reads } = made(2 ** 20, later())
    const ids = [newId(), newId()].sort()
    for (const id of ids) put(id, 7)
    for (let again = 0; again < 5; again++) expect(await names()).toEqual(ids)
    expect(reads()).toBe(1)
    const index = await indexes.of(repository, 'keys')
    expect(JSON.parse(`[${index?.json('v1').subarray(1).toString()}]`)).toHaveLength(2)
    expect(JSON.parse(`[${index?.json('v2').subarray(1).toString()}]`)).toEqual(
      expect.arrayContaining(ids.map((name) => ({ name, size: 7 }))),
    )
    expect(await indexes.of(repository, 'missing')).toBeUndefined()
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
    const count = async () => (await indexes.of(repository, 'keys'))?.count
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
    const folders = Array.from({ length: 8 }, (_, index) => String(index))
    for (const one of folders) {
      mkdirSync(join(repository, one))
      for (let file = 0; file < 50; file++) writeFileSync(join(repository, one, newId()), '')
    }
    const list = async (): Promise<number> => {
      const before = reads()
      for (const one of folders) {
        expect((await indexes.of(repository, one))?.count).toBe(50)
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
    await indexes.of(repository, last)
    const before = reads()
    await indexes.of(repository, last)
    expect(reads()).toBe(before)
    for (const one of folders) indexes.forget(join(repository, one))
    expect(indexes.bytes).toBe(0)
  })
})

describe('changes of our own', () => {
  const moved = (indexes: FolderIndexes, id: string, sizeBytes: number): void => {
    const [temporary, path] = [join(folder, 'temporary'), join(folder, id)]
    indexes.change(temporary, true, () => writeFileSync(temporary, Buffer.alloc(sizeBytes)))
    const isNew = !existsSync(path)
    indexes.change(path, isNew, () => renameSync(temporary, path))
  }
  const removed = (indexes: FolderIndexes, id: string): void =>
    indexes.change(join(folder, id), false, () => unlinkSync(join(folder, id)))

  test('are followed: only what is new is looked at', async () => {
    const { indexes, names, sizeOf, reads, looks } = made(2 ** 20, later())
    const ids = Array.from({ length: 50 }, newId)
    for (const id of ids) put(id, 7)
    await names()
    expect(looks()).toBe(50)
    for (let step = 0; step < 5; step++) {
      const id = newId()
      moved(indexes, id, 100 + step)
      removed(indexes, ids.shift() ?? '')
      ids.push(id)
      expect(await names()).toEqual(ids.toSorted())
      expect(await sizeOf(id)).toBe(100 + step)
    }
    expect(looks()).toBe(55)
    const before = reads()
    await names()
    expect(reads()).toBe(before)
  })

  test('may replace an object, also by one that was removed before', async () => {
    const { indexes, sizeOf, looks } = made(2 ** 20, later())
    const ids = [newId(), newId(), newId()] as const
    for (const id of ids) put(id, 7)
    expect(await sizeOf(ids[0])).toBe(7)
    moved(indexes, ids[0], 8)
    removed(indexes, ids[1])
    moved(indexes, ids[1], 9)
    expect(await sizeOf(ids[0])).toBe(8)
    expect(await sizeOf(ids[1])).toBe(9)
    expect(looks()).toBe(5)
  })

  test.each(['before', 'between', 'after'])('hide no change of others %s them', async (when) => {
    const { indexes, names, sizeOf } = made(2 ** 20, later())
    const [added, replaced, deleted, own] = [newId(), newId(), newId(), newId()]
    for (const id of [replaced, deleted]) put(id, 7)
    await names()
    const others = (): void => {
      put(added, 3)
      put('other', 5)
      renameSync(join(folder, 'other'), join(folder, replaced))
      unlinkSync(join(folder, deleted))
    }
    if (when === 'before') others()
    moved(indexes, own, 1)
    if (when === 'between') others()
    moved(indexes, newId(), 1)
    if (when === 'after') others()
    expect(await names()).toEqual(expect.arrayContaining([added, replaced, own]))
    expect(await names()).not.toContain(deleted)
    expect(await sizeOf(replaced)).toBe(5)
  })

  test('hide no name of others in the same step of a coarse clock', async () => {
    const coarse: typeof nodeFileSystem = {
      ...nodeFileSystem,
      statSync: (path) => {
        const stat = nodeFileSystem.statSync(path)
        return stat && { ...stat, modifiedAt: 1001, changedAt: 1001 }
      },
    }
    const indexes = new FolderIndexes({
      ...{ fs: coarse, now: () => 5000, limitBytes: 2 ** 20, isInUse: () => false },
    })
    const names = async () =>
      (await indexes.of(repository, 'keys'))?.objects().map(({ id }) => id) ?? []
    const [one, own, other] = [newId(), newId(), newId()]
    put(one)
    expect(await names()).toEqual([one])
    moved(indexes, own, 1)
    put(other)
    unlinkSync(join(folder, one))
    expect((await names()).toSorted()).toEqual([own, other].toSorted())
  })

  test('are believed once the folder has settled, however young the files are', async () => {
    let ms = 3_000
    const { indexes, names, reads } = made(2 ** 20, () => Date.now() + ms)
    put(newId())
    await names()
    ms = 0
    moved(indexes, newId(), 5)
    expect(await names()).toHaveLength(2)
    await wait(80)
    expect(await names()).toHaveLength(2)
    const before = reads()
    expect(await names()).toHaveLength(2)
    expect(reads()).toBe(before)
    put(newId())
    expect(await names()).toHaveLength(3)
  })

  test('that fail are looked into', async () => {
    const { indexes, names } = made(2 ** 20, later())
    const [one, other] = [newId(), newId()]
    put(one)
    await names()
    const fails = (): void => {
      put(other)
      throw new Error('half done')
    }
    expect(() => indexes.change(join(folder, other), true, fails)).toThrow('half done')
    expect(await names()).toEqual([one, other].toSorted())
  })

  test('take their share of the memory', async () => {
    const { indexes, names } = made(2 ** 20, later())
    put(newId())
    await names()
    const { bytes } = indexes
    const ids = Array.from({ length: 20 }, newId)
    for (const id of ids) indexes.change(join(folder, id), false, () => put(id))
    expect(indexes.bytes).toBeGreaterThan(bytes + 20 * 64)
    await names()
    expect(indexes.bytes).toBe(bytes + 20 * (Buffer.byteLength(entryOf(newId())) + 8))
    indexes.forget(folder)
    expect(indexes.bytes).toBe(0)
  })
})

describe('sizes', () => {
  test('of files that others still write are not remembered', async () => {
    const { sizeOf } = made()
    const id = newId()
    put(id, 10)
    await wait(80)
    expect(await sizeOf(id)).toBe(10)
    truncateSync(join(folder, id), 20)
    expect(await sizeOf(id)).toBe(20)
  })

  test('are looked at again after a day: a file may be cut short without its folder showing it', async () => {
    let ms = 3_000
    const { indexes, sizeOf } = made(2 ** 20, () => Date.now() + ms)
    const id = newId()
    put(id, 10)
    expect(await sizeOf(id)).toBe(10)
    truncateSync(join(folder, id), 4)
    ms += 3600_000
    indexes.change(join(folder, newId()), true, () => undefined)
    expect(await sizeOf(id)).toBe(10)
    ms += 23 * 3600_000
    expect(await sizeOf(id)).toBe(4)
  })
})

const entryOf = (id: string): string => `,{"name":"${id}","size":1}`

describe('lists while others write', () => {
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

  test('have all that was acknowledged before, and nothing that was removed before', async () => {
    const storage = openDiskStorage({ folder: repository })
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
    const storage = openDiskStorage({ folder: repository })
    const store = storage.open(['r'])
    await store.create()
    const names = async (): Promise<string[]> =>
      JSON.parse(Buffer.concat((await store.listJson?.('data', 'v1')) ?? []).toString()) as string[]
    const other = promisify(execFile)
    const ids = Array.from({ length: 12 }, newId)
    for (const [index, id] of ids.entries()) {
      const path = join(repository, 'r', 'data', id.slice(0, 2), id)
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
