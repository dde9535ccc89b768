import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FileSystem, nodeFileSystem } from '../../disk/file-system.ts'
import type { ObjectRef, RepositoryStorage, RepositoryStore } from '../storage.ts'
import { type DiskStorageOptions, openDiskStorage } from './index.ts'

let root = ''
const opened: RepositoryStorage[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearthold-disk-'))
})
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
  rmSync(root, { recursive: true, force: true })
})

const storageOf = (options: Partial<DiskStorageOptions> = {}): RepositoryStorage => {
  const storage = openDiskStorage({ folder: join(root, 'repositories'), ...options })
  opened.push(storage)
  return storage
}
const at = (...path: string[]): string => join(root, 'repositories', ...path)
const objectOf = (bytes: Uint8Array, type: 'data' | 'keys' = 'data'): ObjectRef => ({
  type,
  id: createHash('sha256').update(bytes).digest('hex'),
})
const write = (store: RepositoryStore, ref: ObjectRef, bytes: Uint8Array) =>
  store.write(ref, Readable.from([bytes], { objectMode: false }), {
    sizeBytes: bytes.length,
    verify: ref.type !== 'config',
  })
const pathOf = ({ type, id }: ObjectRef): string =>
  type === 'data' ? at('r', type, id.slice(0, 2), id) : at('r', type, id)
const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8)
const allFiles = (): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(root, name)).isFile(),
  )
const small = randomBytes(500)
const large = randomBytes(200_000)

describe('the layout', () => {
  test('is that of rest-server, for its owner only', async () => {
    const store = storageOf().open(['a', 'r'])
    await store.create()
    await store.create()
    expect(readdirSync(at('a', 'r')).sort()).toEqual([
      'data',
      'index',
      'keys',
      'locks',
      'snapshots',
    ])
    expect(readdirSync(at('a', 'r', 'data'))).toHaveLength(256)
    await write(store, { type: 'config', id: '' }, small)
    await write(store, objectOf(small), small)
    const { id } = objectOf(small)
    expect(readFileSync(at('a', 'r', 'config')).equals(small)).toBe(true)
    expect(readFileSync(at('a', 'r', 'data', id.slice(0, 2), id)).equals(small)).toBe(true)
    for (const folder of ['', 'a', 'a/r', 'a/r/data', 'a/r/data/00', 'a/r/locks'])
      expect(modeOf(at(folder))).toBe('700')
    expect(modeOf(at('a', 'r', 'config'))).toBe('600')
    expect(modeOf(at('a', 'r', 'data', id.slice(0, 2), id))).toBe('600')
  })

  test('is for a group, whatever the umask, where that is asked for', async () => {
    const before = process.umask(0o077)
    try {
      mkdirSync(at('r'), { recursive: true })
      chmodSync(at('r'), 0o2770)
      const store = storageOf({ groupAccess: true }).open(['r'])
      await write(store, objectOf(small), small)
      await write(store, { type: 'config', id: '' }, small)
      expect(modeOf(at('r', 'data'))).toBe('2770')
      expect(modeOf(pathOf(objectOf(small)))).toBe('660')
      expect(modeOf(at('r', 'config'))).toBe('660')
    } finally {
      process.umask(before)
    }
  })

  test('is made as far as it is missing, also when somebody took it away', async () => {
    const store = storageOf().open(['r'])
    for (const bytes of [small, large]) {
      await write(store, objectOf(bytes), bytes)
      rmSync(at('r'), { recursive: true })
      expect(await write(store, objectOf(bytes), bytes)).toMatchObject({ outcome: 'stored' })
      expect(readFileSync(pathOf(objectOf(bytes))).equals(bytes)).toBe(true)
      renameSync(at('r'), at(`elsewhere${bytes.length}`))
      await store.create()
      expect(await write(store, objectOf(bytes), bytes)).toMatchObject({ outcome: 'stored' })
      await store.bin.put(objectOf(bytes), 1, 2)
      rmSync(at('r', '.bin'), { recursive: true })
      await write(store, objectOf(bytes), bytes)
      await store.bin.put(objectOf(bytes), 3, 4)
      expect(readdirSync(at('r', '.bin', 'data'))).toHaveLength(1)
    }
  })

  test('may be in the folder itself, and goes without what is not of a repository', async () => {
    const storage = storageOf()
    const store = storage.open([])
    await store.create()
    await write(store, objectOf(small), small)
    await store.bin.put(objectOf(small), 1, 2)
    writeFileSync(at('.htpasswd'), 'x')
    await storage.open(['nested']).create()
    await storage.destroy([])
    expect(readdirSync(at()).sort()).toEqual(['.htpasswd', 'nested'])
    await storage.destroy(['nested'])
    await storage.destroy(['never', 'there'])
    const file = storage.open(['.htpasswd'])
    expect(file.open(objectOf(small))).toBeUndefined()
    expect(await file.list('data')).toBeUndefined()
    await expect(write(file, objectOf(small), small)).rejects.toMatchObject({
      failure: 'unavailable',
    })
    expect(readdirSync(at())).toEqual(['.htpasswd'])
  })
})

describe('faults of the disk', () => {
  const failing = (method: keyof FileSystem, code: string): FileSystem => ({
    ...nodeFileSystem,
    [method]: () => {
      const error = Object.assign(new Error(code), { code, path: '/secret' })
      if (method.endsWith('Sync')) throw error
      return Promise.reject(error)
    },
  })
  test.each([
    ['writeSync', 'ENOSPC', 'full'],
    ['writeSync', 'EDQUOT', 'full'],
    ['openSync', 'EMFILE', 'unavailable'],
    ['fsync', 'EIO', 'unavailable'],
    ['renameSync', 'EROFS', 'unavailable'],
    ['makeFolderSync', 'EACCES', 'unavailable'],
  ] as const)('%s with %s is told as %s, and leaves nothing', async (method, code, failure) => {
    const store = storageOf({ fs: failing(method, code) }).open(['r'])
    for (const bytes of method === 'writeSync' ? [small, large] : [large])
      await expect(write(store, objectOf(bytes), bytes)).rejects.toMatchObject({
        failure,
        message: expect.not.stringContaining('secret'),
      })
    expect(allFiles()).toEqual([])
  })

  test('a disk that lets its writers wait is written to in threads, and its faults are told alike', async () => {
    const slow = {
      writeSync: (...call: Parameters<FileSystem['writeSync']>): number => {
        const until = performance.now() + 12
        while (performance.now() < until);
        return nodeFileSystem.writeSync(...call)
      },
    }
    const parts = Array.from({ length: 8 }, () => randomBytes(100_000))
    const ref = objectOf(Buffer.concat(parts))
    const writeParts = (store: RepositoryStore) =>
      store.write(ref, Readable.from(parts, { objectMode: false }), {
        sizeBytes: 800_000,
        verify: true,
      })
    const refusing = storageOf({ fs: { ...failing('writev', 'ENOSPC'), ...slow } })
    await expect(writeParts(refusing.open(['r']))).rejects.toMatchObject({ failure: 'full' })
    expect(allFiles()).toEqual([])
    let inThreads = 0
    const writev = (...call: Parameters<FileSystem['writev']>): Promise<number> => {
      inThreads++
      return nodeFileSystem.writev(...call)
    }
    const storage = storageOf({ fs: { ...nodeFileSystem, ...slow, writev } })
    expect(await writeParts(storage.open(['r']))).toMatchObject({ outcome: 'stored' })
    expect(inThreads).toBeGreaterThan(0)
    expect(readFileSync(pathOf(ref))).toEqual(Buffer.concat(parts))
  })

  test('no room is told before a byte is read, and a reserve is kept while bodies come', async () => {
    let freeBytes = 1_000_000
    const fs = { ...nodeFileSystem, freeBytesSync: () => freeBytes }
    const storage = storageOf({ fs, reserveBytes: 400_000 })
    const store = storage.open(['r'])
    expect(storage.freeBytes()).toBe(600_000)
    const untouched = new PassThrough()
    const tooMuch = store.write(objectOf(small), untouched, { sizeBytes: 600_001, verify: true })
    await expect(tooMuch).rejects.toMatchObject({ failure: 'full' })
    expect(untouched.listenerCount('data')).toBe(0)
    const body = new PassThrough()
    const first = store.write(objectOf(large), body, { sizeBytes: 600_000, verify: true })
    await expect.poll(() => body.listenerCount('data')).toBe(1)
    // What is announced keeps nobody out, what others write does.
    expect(await write(store, objectOf(small), small)).toMatchObject({ outcome: 'stored' })
    freeBytes = 399_999
    await new Promise((resolve) => setTimeout(resolve, 220))
    body.write(Buffer.alloc(300_000))
    await expect(first).rejects.toMatchObject({ failure: 'full' })
    expect(allFiles()).toHaveLength(1)
  })

  test('file systems without second names are good enough', async () => {
    const fs = failing('linkSync', 'ENOTSUP')
    const store = storageOf({ fs }).open(['r'])
    const config: ObjectRef = { type: 'config', id: '' }
    await write(store, config, small)
    await expect(write(store, config, large)).rejects.toMatchObject({ failure: 'exists' })
    await write(store, objectOf(large), large)
    await store.bin.put(objectOf(large), 1, 2)
    for await (const objects of store.bin.list())
      for (const object of objects) expect(await store.bin.restore(object)).toBe(true)
    expect(readFileSync(pathOf(objectOf(large))).equals(large)).toBe(true)
  })

  test('an object that goes while it is sent again is not said to be there', async () => {
    const store = storageOf().open(['r'])
    await write(store, objectOf(small), small)
    const body = new PassThrough()
    const again = store.write(objectOf(small), body, { sizeBytes: small.length, verify: true })
    await expect.poll(() => body.listenerCount('data')).toBe(1)
    await store.remove(objectOf(small))
    body.end(small)
    await expect(again).rejects.toMatchObject({ failure: 'unavailable' })
  })
})

test('a config that was exchanged while it is sent again is not said to be there', async () => {
  const store = storageOf().open(['r'])
  const config = { type: 'config', id: '' } as const
  const [mine, other] = [randomBytes(155), randomBytes(155)]
  await write(store, config, mine)
  const body = new PassThrough()
  const again = store.write(config, body, { sizeBytes: 155, verify: false })
  body.write(mine.subarray(0, 100))
  await new Promise((resolve) => setTimeout(resolve, 20))
  await store.bin.put(config, 1, 2)
  await write(store, config, other)
  body.end(mine.subarray(100))
  await expect(again).rejects.toMatchObject({ failure: 'unavailable' })
  expect(readFileSync(at('r', 'config')).equals(other)).toBe(true)
})

describe('temporary files', () => {
  test('left by others for a day are swept by a list, younger and busy ones stay', async () => {
    const store = storageOf().open(['r'])
    const body = new PassThrough()
    const writing = store.write(objectOf(large, 'keys'), body, { sizeBytes: 200_000, verify: true })
    await expect
      .poll(() => existsSync(at('r', 'keys')) && readdirSync(at('r', 'keys')))
      .toHaveLength(1)
    const [busy = ''] = readdirSync(at('r', 'keys'))
    expect(busy).toMatch(/^[0-9a-f]{64}\.rest-server-temp[0-9a-f]+$/)
    const { id } = objectOf(small)
    const old = [`${id}.rest-server-temp123`, 'config.rest-server-temp9']
    for (const name of [...old, `${id}.rest-server-temp5`, 'notes.rest-server-temp1'])
      writeFileSync(at('r', 'keys', name), '')
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400
    for (const name of [...old, busy, 'notes.rest-server-temp1'])
      utimesSync(at('r', 'keys', name), twoDaysAgo, twoDaysAgo)
    expect(Buffer.concat((await store.listJson?.('keys', 'v2')) ?? []).toString()).toBe('[]')
    expect(readdirSync(at('r', 'keys')).sort()).toEqual(
      [busy, `${id}.rest-server-temp5`, 'notes.rest-server-temp1'].sort(),
    )
    body.end(large)
    expect(await writing).toEqual({ outcome: 'stored', sizeBytes: 200_000 })
  })
})

test('what is there is not read to its end for a sender who left', async () => {
  let reads = 0
  const fs: FileSystem = {
    ...nodeFileSystem,
    read: (...given) => {
      reads += 1
      return nodeFileSystem.read(...given)
    },
  }
  const store = storageOf({ fs }).open(['r'])
  const bytes = randomBytes(16 * 2 ** 20)
  const ref = objectOf(bytes)
  await write(store, ref, bytes)
  const body = new PassThrough()
  const again = store.write(ref, body, { sizeBytes: bytes.length, verify: true })
  body.destroy()
  await expect(again).rejects.toMatchObject({ failure: 'short' })
  expect(reads).toBeLessThan(4)
  expect(await write(store, ref, bytes)).toMatchObject({ outcome: 'present' })
})
