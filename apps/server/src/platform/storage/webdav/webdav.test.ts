import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { StorageError } from '../storage.ts'
import { storageSuite } from '../storage-suite.ts'
import { FaultyLine } from '../test-faulty-line.ts'
import { remoteCases, type RemoteWorld } from '../test-remote-cases.ts'
import { config, freshStore, largeBytes, listOf, store, write } from '../test-storage.ts'
import { openWebDavStorage, type WebDavOptions, webDavUrl } from './index.ts'
import { testUser, TestWebDavServer, type WebDavServerOptions } from './test-webdav-server.ts'

// On a busy machine they take a while.
vi.setConfig({ testTimeout: 60_000 })

type World = RemoteWorld & { readonly server: TestWebDavServer; close(): Promise<void> }

const optionsFor = (port: number, more: Partial<WebDavOptions> = {}): WebDavOptions => ({
  url: `http://127.0.0.1:${port}/dav`,
  tuning: { retryDelayMs: 1, stallMs: 20_000 },
  ...testUser,
  ...more,
})

const openWorld = async (
  serverOptions: WebDavServerOptions = {},
  more: Partial<WebDavOptions> = {},
): Promise<World> => {
  const server = await TestWebDavServer.start(serverOptions)
  const line = await FaultyLine.to(server.port)
  const storage = openWebDavStorage(optionsFor(line.port, more))
  const rootOf = (folder: readonly string[]): string => `/dav/${folder.join('/')}/`
  return {
    server,
    storage,
    line,
    takesUnknownLength: false,
    failNext: (count, status) => server.failNext(count, status),
    plant: async (folder, path, bytes) => server.plant(rootOf(folder) + path, bytes),
    paths: async (folder) =>
      [...server.files.keys()]
        .filter((path) => path.startsWith(rootOf(folder)))
        .map((path) => path.slice(rootOf(folder).length)),
    close: async () => {
      await storage.close()
      await line.close()
      await server.close()
    },
  }
}

const variants: readonly { name: string; options: WebDavServerOptions }[] = [
  { name: 'by the book', options: {} },
  {
    name: 'that keeps parts and knows no ranges',
    options: { keepsPartial: true, ignoresRanges: true, prefix: '' },
  },
  {
    name: 'that overwrites and hides lengths',
    options: { ignoresOverwrite: true, hidesLength: true, prefix: 'lp1:' },
  },
]

describe.each(variants)('WebDAV, a server $name', ({ options }) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(options)
  })
  afterAll(() => world.close())

  it.each(storageSuite)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })
  it.each(remoteCases)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })
})

const within = async (
  serverOptions: WebDavServerOptions,
  more: Partial<WebDavOptions>,
  work: (world: World) => Promise<void>,
): Promise<void> => {
  const world = await openWorld(serverOptions, more)
  try {
    await work(world)
  } finally {
    await world.close()
  }
}

const failureOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => {
      if (!(error instanceof StorageError)) throw error
      expect(error.message).not.toContain(testUser.password)
      return `${error.failure}: ${error.message}`
    },
  )

describe('WebDAV', () => {
  it('says that name or password are wrong', () =>
    within({}, { password: 'another' }, async ({ storage }) => {
      expect(await failureOf(storage.open(['a']).create())).toBe(
        'unavailable: The storage does not accept the name and password.',
      )
    }))

  it('says that its folder is not there', () =>
    within({}, {}, async ({ storage, server }) => {
      server.collections.delete('/dav/')
      expect(await failureOf(storage.open(['a', 'b']).create())).toBe(
        'unavailable: The folder of the storage is not there.',
      )
    }))

  it('does not carry the password elsewhere', () =>
    within({}, {}, async ({ storage, server }) => {
      const elsewhere = await TestWebDavServer.start()
      server.failNext(1, 308, { location: `http://127.0.0.1:${elsewhere.port}/dav/` })
      expect(await failureOf(storage.open(['a']).create())).toMatch(
        /^unavailable: The storage sends us/,
      )
      expect(elsewhere.requests).toEqual([])
      await elsewhere.close()
    }))

  it('makes folders anew that were removed behind its back', () =>
    within({}, {}, async (world) => {
      const { store: repository, folder } = await freshStore(world)
      await store(repository, randomBytes(100), 'snapshots')
      const root = `/dav/${folder.join('/')}/`
      for (const path of world.server.collections)
        if (path.startsWith(root)) world.server.collections.delete(path)
      const bytes = randomBytes(largeBytes)
      expect(await failureOf(store(repository, bytes, 'snapshots'))).toMatch(/^unavailable/)
      await store(repository, bytes, 'snapshots')
    }))

  it('sweeps what an upload left a day ago, and nothing else', () =>
    within({}, {}, async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const ref = await store(repository, randomBytes(10), 'index')
      const root = `/dav/${folder.join('/')}/index/`
      const dayAgo = Date.now() - 25 * 3600_000
      world.server.plant(`${root}${ref.id}.rest-server-temp1`, randomBytes(5), dayAgo)
      world.server.plant(`${root}${ref.id}.rest-server-temp2`, randomBytes(5))
      world.server.plant(`${root}notes.txt`, randomBytes(5), dayAgo)
      await listOf(repository, 'index')
      await expect
        .poll(() => world.paths(folder))
        .toEqual([`index/${ref.id}`, `index/${ref.id}.rest-server-temp2`, 'index/notes.txt'])
    }))

  it('refuses lists that cannot be read, and entries that point elsewhere', () =>
    within({}, {}, async (world) => {
      const { store: repository } = await freshStore(world)
      await write(repository, config, randomBytes(155))
      const entry = (href: string): string =>
        `<d:response><d:href>${href}</d:href><d:propstat><d:prop><d:getcontentlength>5</d:getcontentlength></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`
      const list = (content: string): string =>
        `<d:multistatus xmlns:d="DAV:">${content}</d:multistatus>`
      const bad = [
        'no XML',
        '<!DOCTYPE a [<!ENTITY b "c">]><d:multistatus xmlns:d="DAV:"></d:multistatus>',
        `<d:multistatus xmlns:d="DAV:">${entry('/a')}`,
        list(entry('/%zz')),
        `<d:multistatus xmlns:d="DAV:"><d:response>${'x'.repeat(200_000)}`,
      ]
      for (const answer of bad) {
        world.server.propfindAnswer = answer
        expect(await failureOf(listOf(repository, 'index'))).toMatch(/^unavailable/)
      }
      const id = 'a'.repeat(64)
      world.server.propfindAnswer = list(
        ['../../etc/passwd', `http://other.example/x/${id}`, `/dav/${id}%2f..`, '']
          .map(entry)
          .join(''),
      )
      expect((await listOf(repository, 'index')).map((one) => one.id)).toEqual([id])
    }))
})

describe('the address of a WebDAV folder', () => {
  it.each([
    [
      'https://cloud.example.org/remote.php/dav/files/ada',
      'https://cloud.example.org/remote.php/dav/files/ada/',
    ],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/'],
    ['http://localhost/dav/', 'http://localhost/dav/'],
    ['http://[::1]:8080/', 'http://[::1]:8080/'],
  ])('%s', (text, expected) => {
    expect(webDavUrl(text)?.href).toBe(expected)
  })
  it.each([
    'http://cloud.example.org/',
    'http://127.0.0.1.example.org/',
    'ftp://127.0.0.1/',
    'https://ada:secret@cloud.example.org/',
    'https://cloud.example.org/?a',
    'cloud',
  ])('is not %s', (text) => {
    expect(webDavUrl(text)).toBeUndefined()
  })
})
