import { createHash, randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../disk/file-system.ts'
import type { RepositoryStore } from '../storage.ts'
import { openDiskStorage } from './index.ts'
import { shardFolders } from './layout.ts'

let root = ''
const at = (...path: string[]): string => join(root, 'r', ...path)
const listFile = (): string => at('.hearthold-list')
const pathOf = (id: string): string => at('data', id.slice(0, 2), id)
/** In a few folders: making and removing all 256 takes a second. */
const shards = shardFolders.slice(0, 64)
const newId = (): string => {
  const bytes = randomBytes(32)
  bytes[0] = (bytes[0] ?? 0) % shards.length
  return bytes.toString('hex')
}
const put = (id: string, sizeBytes: number): void => {
  writeFileSync(pathOf(id), Buffer.alloc(sizeBytes))
}

/** Enough for a file. */
const objects = 1_050
const sizes = new Map<string, number>()
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearthold-list-'))
  for (const folder of shards) mkdirSync(at(folder), { recursive: true })
  sizes.clear()
  for (let index = 0; index < objects; index++) {
    const id = newId()
    sizes.set(id, index % 300)
    put(id, index % 300)
  }
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

type Life = {
  readonly store: RepositoryStore
  /** Ids and sizes. */
  list(): Promise<Map<string, number>>
  /** Files of objects that were looked at. */
  looks(): number
  destroy(): Promise<void>
  end(): Promise<void>
}

/** A process's life, by a clock at which the files are old. */
const live = (boot: string | undefined = 'one', faulty: Partial<FileSystem> = {}): Life => {
  let looks = 0
  const fs: FileSystem = {
    ...nodeFileSystem,
    statSync: (path) => {
      if (/[0-9a-f]{64}$/.test(path)) looks++
      return nodeFileSystem.statSync(path)
    },
    ...faulty,
  }
  const storage = openDiskStorage({ folder: root, fs, boot, now: () => Date.now() + 5_000 })
  const store = storage.open(['r'])
  return {
    store,
    looks: () => looks,
    destroy: () => storage.destroy(['r']),
    end: () => storage.close(),
    list: async () => {
      const text = Buffer.concat((await store.listJson?.('data', 'v2')) ?? []).toString()
      const listed = JSON.parse(text) as { name: string; size: number }[]
      return new Map(listed.map(({ name, size }) => [name, size]))
    },
  }
}

/** One life that only lists. @returns how many files it looked at */
const listOnce = async (boot?: string, faulty?: Partial<FileSystem>): Promise<number> => {
  const life = live(boot, faulty)
  expect(await life.list()).toEqual(sizes)
  await life.end()
  return life.looks()
}

const store = async (life: Life, bytes: Buffer): Promise<string> => {
  const id = createHash('sha256').update(bytes).digest('hex')
  const body = Readable.from([bytes], { objectMode: false })
  await life.store.write({ type: 'data', id }, body, { sizeBytes: bytes.length, verify: true })
  sizes.set(id, bytes.length)
  return id
}

describe('a list that was written down', () => {
  test('saves the next process from looking at the files', async () => {
    expect(await listOnce()).toBe(objects)
    expect(statSync(listFile()).mode & 0o777).toBe(0o600)
    expect(readdirSync(root)).toEqual(['r'])
    expect(readdirSync(at())).toEqual(['.hearthold-list', 'data'])
    expect(await listOnce()).toBe(0)
    const life = live()
    const listed = new Map<string, number>()
    for await (const part of (await life.store.list('data')) ?? [])
      for (const { id, sizeBytes, storedAt } of part) {
        expect(storedAt).toBe(statSync(pathOf(id)).mtimeMs)
        listed.set(id, sizeBytes)
      }
    expect(listed).toEqual(sizes)
    expect(life.looks()).toBe(0)
    await life.end()
  })

  test('follows what is stored and deleted, also by a process that never lists', async () => {
    await listOnce()
    const life = live()
    for (let step = 0; step < 20; step++) await store(life, randomBytes(400 + step))
    for (const id of [...sizes.keys()].slice(0, 10)) {
      await life.store.remove({ type: 'data', id })
      sizes.delete(id)
    }
    const [binned = ''] = sizes.keys()
    await life.store.bin.put({ type: 'data', id: binned }, 1, 2)
    sizes.delete(binned)
    await life.end()
    expect(await listOnce()).toBe(20)
    expect(await listOnce()).toBe(0)
  })

  test('shows what others added, deleted and replaced meanwhile', async () => {
    await listOnce()
    const [deleted = '', replaced = ''] = sizes.keys()
    unlinkSync(pathOf(deleted))
    sizes.delete(deleted)
    writeFileSync(at('other'), Buffer.alloc(7777))
    renameSync(at('other'), pathOf(replaced))
    sizes.set(replaced, 7777)
    const added = newId()
    put(added, 5)
    sizes.set(added, 5)
    const looks = await listOnce()
    expect(looks).toBeGreaterThan(0)
    expect(looks).toBeLessThan(objects / 8)
    expect(await listOnce()).toBe(0)
  })

  test('shows what others did while a process that knew it was there', async () => {
    await listOnce()
    const life = live()
    await store(life, randomBytes(900))
    const [deleted = ''] = sizes.keys()
    unlinkSync(pathOf(deleted))
    sizes.delete(deleted)
    await store(life, randomBytes(901))
    expect(await life.list()).toEqual(sizes)
    await life.end()
    expect(await listOnce()).toBe(0)
  })

  test('is not believed once the machine was started again: a file may have lost its end', async () => {
    await listOnce('one')
    const [cut = ''] = [...sizes].findLast(([, sizeBytes]) => sizeBytes > 10) ?? []
    truncateSync(pathOf(cut), 3)
    sizes.set(cut, 3)
    expect(await listOnce('two')).toBe(objects)
    expect(await listOnce('two')).toBe(0)
    expect(await listOnce('one')).toBe(objects)
  })

  test('is not believed where it is broken, at whatever place', async () => {
    await listOnce()
    const whole = readFileSync(listFile())
    const places = [0, 16, 17, 20, 21, 24, 25, 100, 3000, whole.length >> 1, whole.length - 1]
    const broken = places.flatMap((place) => {
      const flipped = Buffer.from(whole)
      flipped[place] = (flipped[place] ?? 0) ^ 1
      return [flipped, whole.subarray(0, place)]
    })
    for (const bytes of [...broken, Buffer.concat([whole, Buffer.from('0')])]) {
      writeFileSync(listFile(), bytes)
      expect(await listOnce()).toBe(objects)
    }
    expect(await listOnce()).toBe(0)
  })

  test('of another folder says nothing of this one', async () => {
    await listOnce()
    const [cut = ''] = [...sizes].findLast(([, sizeBytes]) => sizeBytes > 10) ?? []
    rmSync(join(root, 'copy'), { recursive: true, force: true })
    cpSync(at(), join(root, 'copy'), { recursive: true, preserveTimestamps: true })
    rmSync(at(), { recursive: true })
    renameSync(join(root, 'copy'), at())
    truncateSync(pathOf(cut), 3)
    sizes.set(cut, 3)
    expect(await listOnce()).toBe(objects)
  })

  test('is no folder, and no link to follow elsewhere', async () => {
    mkdirSync(listFile())
    expect(await listOnce()).toBe(objects)
    expect(await listOnce()).toBe(objects)
    expect(readdirSync(at())).toEqual(['.hearthold-list', 'data'])
  })
})

const failing =
  (code: string): FileSystem['openSync'] =>
  (path, flags) => {
    if (flags === 'r') return nodeFileSystem.openSync(path, flags)
    throw Object.assign(new Error('refused'), { code })
  }

describe('no list is written down', () => {
  test.each(['EROFS', 'EACCES', 'ENOSPC'])(
    'where the disk takes nothing (%s), and lists are right all the same',
    async (code) => {
      for (let again = 0; again < 2; again++)
        expect(await listOnce('one', { openSync: failing(code) })).toBe(objects)
      expect(readdirSync(at())).toEqual(['data'])
    },
  )

  test('where the disk is full in the middle of it', async () => {
    const writev = (): Promise<number> =>
      Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
    expect(await listOnce('one', { writev })).toBe(objects)
    expect(readdirSync(at())).toEqual(['data'])
  })

  test('into what the host keeps free', async () => {
    expect(await listOnce('one', { freeBytesSync: () => 1000 })).toBe(objects)
    expect(readdirSync(at())).toEqual(['data'])
  })

  test('where nobody knows when the machine was started', async () => {
    const storage = openDiskStorage({ folder: root, boot: undefined })
    for await (const part of (await storage.open(['r']).list('data')) ?? []) void part
    await storage.close()
    expect(readdirSync(at())).toEqual(['data'])
  })

  test('of few objects', async () => {
    for (const id of [...sizes.keys()].slice(0, 60)) {
      unlinkSync(pathOf(id))
      sizes.delete(id)
    }
    expect(await listOnce()).toBe(objects - 60)
    expect(readdirSync(at())).toEqual(['data'])
  })
})

test('a destroyed repository leaves no list behind', async () => {
  await listOnce()
  expect(existsSync(listFile())).toBe(true)
  const life = live()
  await life.list()
  await life.destroy()
  await life.end()
  expect(readdirSync(root)).toEqual([])
})
