/** The WebDAV driver against a real server: `rclone serve webdav` on a folder of this machine. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storageSuite } from '../../apps/server/src/platform/storage/storage-suite.ts'
import {
  bodyOf,
  freshStore,
  readRange,
  refOf,
  type SuiteWorld,
  write,
} from '../../apps/server/src/platform/storage/test-storage.ts'
import { Collections } from '../../apps/server/src/platform/storage/webdav/collections.ts'
import { WebDavClient } from '../../apps/server/src/platform/storage/webdav/webdav-client.ts'
import {
  openWebDavStorage,
  type WebDavOptions,
} from '../../apps/server/src/platform/storage/webdav/index.ts'

const root = mkdtempSync(join(tmpdir(), 'hearthold-rclone-'))
let rclone: ChildProcess
let options: WebDavOptions
let world: SuiteWorld

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const filesBelow = (folder: string): string[] => {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(join(folder, path)).isFile(),
    )
  } catch (error) {
    // Destroyed, or a file that went meanwhile.
    if ((error as { code?: unknown }).code === 'ENOENT') return []
    throw error
  }
}

beforeAll(async () => {
  try {
    execFileSync('rclone', ['version'], { stdio: 'ignore' })
  } catch {
    throw new Error('rclone is missing: apt-get install -y rclone')
  }
  const port = await freePort()
  const password = randomBytes(12).toString('hex')
  const flags = ['--addr', `127.0.0.1:${port}`, '--user', 'ada', '--pass', password]
  rclone = spawn('rclone', ['serve', 'webdav', root, ...flags], { stdio: 'ignore' })
  options = { url: `http://127.0.0.1:${port}/`, user: 'ada', password }
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(options.url).catch(() => undefined)
    if (answer !== undefined) break
    await sleep(100)
  }
  const client = new WebDavClient(options)
  const collections = new Collections(client)
  world = {
    storage: openWebDavStorage(options),
    takesUnknownLength: false,
    // Through the server, because it remembers what its folders hold.
    plant: async (folder, path, bytes) => {
      const file = `${folder.join('/')}/${path}`
      await collections.ensure(file.slice(0, file.lastIndexOf('/') + 1))
      await client.putBytes(file, bytes)
    },
    paths: async (folder) => filesBelow(join(root, ...folder)),
  }
})
afterAll(async () => {
  await world?.storage.close()
  const ended = new Promise((resolve) => rclone.once('exit', resolve))
  rclone.kill('SIGTERM')
  await ended
  rmSync(root, { recursive: true, force: true })
})

describe('WebDAV at rclone', () => {
  it.each(storageSuite)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })

  it('lays a repository out as rest-server does', async () => {
    const { store, folder } = await freshStore(world)
    const pack = randomBytes(5 * 1024 * 1024)
    const { id } = refOf(pack)
    const sent = store.write(refOf(pack), bodyOf(pack, pack.length - 1), {
      sizeBytes: pack.length,
      verify: true,
    })
    await expect(sent).rejects.toMatchObject({ failure: 'short' })
    expect(await store.stat(refOf(pack))).toBeUndefined()
    await write(store, refOf(pack), pack)
    expect((await readRange(store, refOf(pack)))?.equals(pack)).toBe(true)
    const path = join(root, ...folder, 'data', id.slice(0, 2), id)
    expect(readFileSync(path).equals(pack)).toBe(true)
  })

  it('does not let a wrong password in', async () => {
    const storage = openWebDavStorage({ ...options, password: 'wrong' })
    await expect(storage.open(['a']).create()).rejects.toThrow(
      'The storage does not accept the name and password.',
    )
    await storage.close()
  })
})
