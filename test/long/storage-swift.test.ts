/** The S3 driver against a real store: OpenStack Swift with its S3 interface, over TLS. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  holdsObjectLock,
  openS3Storage,
  type S3Options,
} from '../../apps/server/src/platform/storage/s3/index.ts'
import { S3Client } from '../../apps/server/src/platform/storage/s3/s3-client.ts'
import { listKeys } from '../../apps/server/src/platform/storage/s3/s3-list.ts'
import { storageSuite } from '../../apps/server/src/platform/storage/storage-suite.ts'
import {
  bodyOf,
  config,
  freshStore,
  readRange,
  refOf,
  type SuiteWorld,
  write,
} from '../../apps/server/src/platform/storage/test-storage.ts'
import { makeBucket, startSwift, type Swift } from './swift.ts'

let swift: Swift
let options: S3Options
let world: SuiteWorld

beforeAll(async () => {
  swift = await startSwift()
  const { endpoint, accessKey, secretKey, ca } = swift
  options = {
    ...{ endpoint, accessKey, secretKey, region: 'us-east-1', bucket: 'backups' },
    ...{ prefix: 'house/', addressing: 'path', lockDays: undefined, tuning: { ca } },
  }
  await makeBucket(swift, 'backups')
  const client = new S3Client(options)
  const storage = openS3Storage(options)
  world = {
    storage,
    takesUnknownLength: false,
    plant: async (folder, path, bytes) => {
      await client.putBytes(`${folder.join('/')}/${path}`, bytes, refOf(bytes).id, false)
    },
    paths: async (folder) => {
      const all: string[] = []
      for await (const page of listKeys(client, `${folder.join('/')}/`, options.prefix))
        all.push(...page.map(({ name }) => name))
      return all
    },
  }
}, 120_000)
afterAll(async () => {
  await world?.storage.close()
  await swift?.stop()
})

describe('S3 at OpenStack Swift', () => {
  it.each(storageSuite)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })

  it('passes packs on and back', async () => {
    const { store } = await freshStore(world)
    const packs = Array.from({ length: 12 }, () => randomBytes(16 * 1024 * 1024))
    const began = performance.now()
    for (let at = 0; at < packs.length; at += 4)
      await Promise.all(packs.slice(at, at + 4).map((pack) => write(store, refOf(pack), pack)))
    const put = performance.now()
    for (const pack of packs) expect((await readRange(store, refOf(pack)))?.equals(pack)).toBe(true)
    const got = performance.now()
    const megabytes = (packs.length * 16 * 1024 * 1024) / 1e6
    process.stdout.write(
      `Swift: PUT ${((megabytes * 1000) / (put - began)).toFixed(0)} MB/s (4 at once), GET ${((megabytes * 1000) / (got - put)).toFixed(0)} MB/s\n`,
    )
  })

  it('takes no more after a body was cut, and shows none of it', async () => {
    const { store } = await freshStore(world)
    const pack = randomBytes(4 * 1024 * 1024)
    for (const cutAt of [1, 1024 * 1024, pack.length - 1]) {
      const sent = store.write(refOf(pack), bodyOf(pack, cutAt), {
        sizeBytes: pack.length,
        verify: true,
      })
      await expect(sent).rejects.toMatchObject({ failure: 'short' })
      expect(await store.stat(refOf(pack))).toBeUndefined()
    }
    expect((await write(store, refOf(pack), pack)).outcome).toBe('stored')
  })

  it('says what is wrong', async () => {
    const tries: [Partial<S3Options>, string][] = [
      [{ secretKey: 'other' }, 'does not accept the secret key'],
      [{ accessKey: 'test:nobody' }, 'does not'],
      [{ bucket: 'nowhere' }, 'no bucket of this name'],
      [{ tuning: {} }, 'signed by nobody we trust'],
      [{ now: () => Date.now() - 3600_000 }, 'The clock of this server'],
    ]
    for (const [more, words] of tries) {
      const storage = openS3Storage({ ...options, ...more })
      const failed = Promise.resolve(storage.open(['a', 'b']).create())
      await expect(failed).rejects.toThrow(words)
      await storage.close()
    }
  })

  it('has no Object Lock, which is found out', async () => {
    expect(await holdsObjectLock(options, 'probe')).toBe(false)
    const { store } = await freshStore(world)
    expect((await write(store, config, randomBytes(155))).outcome).toBe('stored')
  })
})
