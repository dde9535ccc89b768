/** Storages by the real command line against the real server, and stores in this process. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Storage } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  testBucket,
  testKeys,
  TestS3Server,
} from '../../apps/server/src/platform/storage/s3/test-s3-server.ts'
import {
  testUser,
  TestWebDavServer,
} from '../../apps/server/src/platform/storage/webdav/test-webdav-server.ts'
import type { DemoDevice } from '../../tools/demo/instance.ts'
import { fails, type House, setUpHost, signUpGuest, startHouse } from './house.ts'

let house: House
let ada: DemoDevice
let bea: DemoDevice
let s3: TestS3Server
let dav: TestWebDavServer
beforeAll(async () => {
  s3 = await TestS3Server.start()
  dav = await TestWebDavServer.start()
  house = await startHouse()
  ada = await setUpHost(house, 'Ada')
  bea = await signUpGuest(house, ada, 'bea')
})
afterAll(async () => {
  await house.stop()
  await s3.close()
  await dav.close()
})

type Made = { storage: Storage }

const fileOf = (name: string, text: string): string => {
  const file = join(house.folder, name)
  writeFileSync(file, `${text}\n`, { mode: 0o600 })
  return file
}
const s3Flags = (): string[] => [
  ...['--s3', `http://127.0.0.1:${s3.port}`, '--bucket', testBucket, '--prefix', 'house'],
  ...['--region', testKeys.region, '--access-key', testKeys.accessKey],
]
const davFlags = (): string[] => [
  ...['--webdav', `http://127.0.0.1:${dav.port}/dav`, '--user', testUser.user],
]

describe('a storage', () => {
  it('is added once it works, with its secret in a file', async () => {
    expect((await ada.run('storage')).stdout).toMatch(/^Repositories lie on the server's own disk/)
    const [right, wrong] = [fileOf('right', testKeys.secretKey), fileOf('wrong', 'wrong')]
    const create = ['storage', 'create', 'offsite', ...s3Flags(), '--secret-file']
    const refused = await fails(ada, ...create, wrong)
    expect([refused.exit, refused.error.code]).toEqual([1, 'storage_failed'])
    expect(refused.error.message).toMatch(/^The storage does not accept the secret key/)
    const { storage } = await ada.json<Made>(...create, right)
    expect(storage.settings).toMatchObject({
      prefix: 'house/',
      addressing: 'path',
      objectLock: false,
    })
    expect(JSON.stringify(storage)).not.toContain(testKeys.secretKey)
    expect((await fails(ada, ...create, right)).exit).toBe(5)
    const password = fileOf('password', testUser.password)
    const cloud = ['storage', 'create', 'cloud', ...davFlags(), '--secret-file', password]
    expect((await ada.run(...cloud)).stdout).toMatch(/^cloud was tried and works\./)
    const { stdout } = await ada.run('storage', 'list')
    expect(stdout).toMatch(/^Name +Kind +Place +Locks +Repositories +Added +Id\n/)
    expect(stdout).toMatch(/\noffsite +S3 +http:\/\/127\.0\.0\.1:\d+ backups\/house\/ +0 /)
  })

  it('is for hosts to add, and for members to choose', async () => {
    expect((await fails(bea, 'storage', 'list')).error.code).toBe('forbidden')
    expect((await fails(bea, 'repository', 'create', 'x', '--storage', 'nowhere')).exit).toBe(4)
    await bea.json('repository', 'create', 'laptop', '--storage', 'offsite')
    const inUse = await fails(ada, 'storage', 'remove', 'offsite')
    expect([inUse.exit, inUse.error.code]).toEqual([5, 'storage_in_use'])
  })

  it('is tried, changed and forgotten', async () => {
    expect((await ada.run('storage', 'test', 'offsite')).stdout).toMatch(
      /^offsite works: .* ms\.\n$/,
    )
    s3.failNext(4, 503, 'SlowDown')
    expect((await fails(ada, 'storage', 'test', 'offsite')).error).toMatchObject({
      code: 'storage_failed',
      message: 'The storage is too busy.',
    })
    const { storage } = await ada.json<Made>('storage', 'update', 'cloud', '--user', testUser.user)
    expect(storage.settings).toMatchObject({ user: testUser.user })
    const wrong = fileOf('wrong', 'wrong')
    const update = ['storage', 'update', 'cloud', '--secret-file']
    expect((await fails(ada, ...update, wrong)).error.code).toBe('storage_failed')
    await ada.json('storage', 'test', 'cloud')
    await ada.json(...update, fileOf('password', testUser.password))
    expect((await ada.run('storage', 'remove', 'cloud')).stdout).toBe(
      'cloud is forgotten here. What lies there stays.\n',
    )
    expect((await fails(ada, 'storage', 'test', 'cloud')).exit).toBe(4)
  })

  it('is described by options that belong together', async () => {
    const secret = ['--secret-file', fileOf('right', testKeys.secretKey)]
    const create = (...flags: string[]) => fails(ada, 'storage', 'create', 'x', ...flags, ...secret)
    expect((await create()).exit).toBe(2)
    expect((await create(...s3Flags(), ...davFlags())).exit).toBe(2)
    expect((await create('--s3', 'https://s3.example.org')).exit).toBe(2)
    expect((await create('--webdav', 'http://cloud.example.org/', '--user', 'x')).error.code).toBe(
      'storage_invalid',
    )
    expect((await fails(ada, 'storage', 'create', 'x', ...s3Flags())).exit).toBe(2)
    expect((await fails(ada, 'storage', 'update', 'offsite')).exit).toBe(2)
  })
})
