/** The real restic against the full server, whose repositories lie on WebDAV (rclone) and on an S3 store of the tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  testBucket,
  testKeys,
  TestS3Server,
} from '../../apps/server/src/platform/storage/s3/test-s3-server.ts'
import { lifeOnStorage } from './restic-on-storage.ts'
import { freePort, FullServer, newFolder, removeFolder } from './restic-places.ts'

const folder = newFolder()
const shelf = join(folder, 'shelf')
let server: FullServer
let s3: TestS3Server
let rclone: ChildProcess

/** Adds a storage by the command line. */
const addStorage = (name: string, flags: readonly string[], secret: string): Promise<unknown> => {
  const file = join(folder, `${name}-secret`)
  writeFileSync(file, secret, { mode: 0o600 })
  const proof = ['--password-file', server.owner.secret('password')]
  return server.owner.json('storage', 'create', name, ...flags, '--secret-file', file, ...proof)
}

const startRclone = async (password: string): Promise<string> => {
  const port = await freePort()
  mkdirSync(shelf)
  const flags = ['--addr', `127.0.0.1:${port}`, '--user', 'ada', '--pass', password]
  rclone = spawn('rclone', ['serve', 'webdav', shelf, ...flags], { stdio: 'ignore' })
  rclone.on('error', () => undefined)
  const url = `http://127.0.0.1:${port}/`
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await fetch(url).catch(() => undefined)) !== undefined) return url
    await sleep(100)
  }
  throw new Error('rclone does not start: apt-get install -y rclone')
}

beforeAll(async () => {
  s3 = await TestS3Server.start({ pageSize: 7, locks: 'kept' })
  const url = await startRclone('a password')
  server = await FullServer.start()
  const endpoint = `http://127.0.0.1:${s3.port}`
  const bucket = ['--bucket', testBucket, '--region', testKeys.region, '--object-lock', 'yes']
  const s3Flags = ['--s3', endpoint, ...bucket, '--access-key', testKeys.accessKey]
  await addStorage('bucket', s3Flags, testKeys.secretKey)
  await addStorage('shelf', ['--webdav', url, '--user', 'ada'], 'a password')
})
afterAll(async () => {
  await server?.stop()
  await s3?.close()
  rclone?.kill('SIGTERM')
  removeFolder(folder)
})

const expected = {
  differences: [],
  forgetRefused: true,
  snapshots: { made: 2, pruned: 1, back: 2 },
}

describe('restic', () => {
  it('lives on an S3 store, with every object locked for the freeze', async () => {
    const life = await lifeOnStorage(server, 'bucket', folder, 24)
    expect(life).toMatchObject(expected)
    expect(life.binAfterPrune).toBeGreaterThan(2)
    const unlocked = [...s3.objects].filter(([, { lock }]) => lock?.mode !== 'COMPLIANCE')
    expect(unlocked.map(([key]) => key)).toEqual([])
  })

  it('lives on a WebDAV server, laid out as rest-server does', async () => {
    const life = await lifeOnStorage(server, 'shelf', folder, 24)
    expect(life).toMatchObject(expected)
    expect(life.binAfterPrune).toBeGreaterThan(2)
    const [account = ''] = readdirSync(shelf)
    expect(existsSync(join(shelf, account, 'on-shelf', 'config'))).toBe(true)
  })
})
