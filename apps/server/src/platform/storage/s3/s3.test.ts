import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { StorageError } from '../storage.ts'
import { storageSuite } from '../storage-suite.ts'
import { FaultyLine } from '../test-faulty-line.ts'
import { remoteCases, type RemoteWorld } from '../test-remote-cases.ts'
import {
  config,
  freshStore,
  largeBytes,
  listOf,
  refOf,
  sha256,
  store,
  write,
} from '../test-storage.ts'
import { holdsObjectLock, openS3Storage, type S3Options, s3Origin } from './index.ts'
import { type S3ServerOptions, testBucket, testKeys, TestS3Server } from './test-s3-server.ts'

// On a busy machine they take a while.
vi.setConfig({ testTimeout: 60_000 })

type World = RemoteWorld & { readonly server: TestS3Server; close(): Promise<void> }

const optionsFor = (port: number, more: Partial<S3Options> = {}): S3Options => ({
  endpoint: `http://127.0.0.1:${port}`,
  bucket: testBucket,
  prefix: 'some/where/',
  addressing: 'path',
  lockDays: undefined,
  tuning: { retryDelayMs: 1, stallMs: 20_000 },
  ...testKeys,
  ...more,
})

const openWorld = async (
  serverOptions: S3ServerOptions = {},
  more: Partial<S3Options> = {},
): Promise<World> => {
  const server = await TestS3Server.start(serverOptions)
  const line = await FaultyLine.to(server.port)
  const options = optionsFor(line.port, more)
  const storage = openS3Storage(options)
  const rootOf = (folder: readonly string[]): string => `${options.prefix}${folder.join('/')}/`
  return {
    server,
    storage,
    line,
    takesUnknownLength: false,
    failNext: (count, status) => server.failNext(count, status, 'TestFault'),
    plant: async (folder, path, bytes) => {
      server.objects.set(rootOf(folder) + path, { bytes, storedAt: Date.now() })
    },
    paths: async (folder) =>
      [...server.objects.keys()]
        .filter((key) => key.startsWith(rootOf(folder)))
        .map((key) => key.slice(rootOf(folder).length)),
    close: async () => {
      await storage.close()
      await line.close()
      await server.close()
    },
  }
}

const variants: readonly { name: string; server: S3ServerOptions; options: Partial<S3Options> }[] =
  [
    { name: 'that pages', server: { pageSize: 100 }, options: {} },
    { name: 'that knows no conditions', server: { conditions: 'none' }, options: { prefix: '' } },
    { name: 'with Object Lock', server: { locks: 'kept' }, options: { lockDays: () => 30 } },
  ]

describe.each(variants)('S3, a store $name', ({ server, options }) => {
  let world: World
  beforeAll(async () => {
    world = await openWorld(server, options)
  })
  afterAll(() => world.close())

  // Locked bytes are not compared unverified: they carry a checksum.
  it.each(storageSuite)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })
  it.each(remoteCases)('$name', async ({ run }) => {
    await expect(run(world)).resolves.toBeUndefined()
  })
})

const within = async (
  serverOptions: S3ServerOptions,
  more: Partial<S3Options>,
  work: (world: World) => Promise<void>,
): Promise<void> => {
  const world = await openWorld(serverOptions, more)
  try {
    await work(world)
  } finally {
    await world.close()
  }
}

const failureOf = (work: Promise<unknown>): Promise<{ failure: string; message: string }> =>
  work.then(
    () => ({ failure: 'none', message: '' }),
    (error: unknown) => {
      if (!(error instanceof StorageError)) throw error
      return { failure: error.failure, message: error.message }
    },
  )

describe('S3', () => {
  it('sends the name of an object as the signed hash of its bytes', () =>
    within({}, {}, async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(largeBytes)
      const ref = await store(repository, bytes)
      const put = world.server.requests.find(({ method }) => method === 'PUT')
      expect(put?.headers['x-amz-content-sha256']).toBe(ref.id)
      expect(put?.headers['content-length']).toBe(String(largeBytes))
      expect(put?.headers['authorization']).toContain('x-amz-content-sha256')
      await write(repository, config, randomBytes(155))
      expect(world.server.requests.at(-1)?.headers['if-none-match']).toBe('*')
    }))

  it('puts the bucket before the host where it is told to', async () => {
    const server = await TestS3Server.start()
    const { hostname } = new URL(`http://${testBucket}.localhost`)
    const storage = openS3Storage(
      optionsFor(server.port, { endpoint: `http://localhost:${server.port}`, addressing: 'host' }),
    )
    // Names below localhost are this machine's (RFC 6761), as far as its resolver knows.
    const outcome = await failureOf(storage.open(['a', 'b']).create())
    const requests = server.requests.map(({ headers }) => headers.host)
    expect([
      ['none', [`${hostname}:${server.port}`]],
      ['The name of the storage is not known.', []],
    ]).toContainEqual([outcome.message || outcome.failure, requests])
    await storage.close()
    await server.close()
  })

  it('locks objects for the freeze, and in the bin until they may go', () =>
    within({ locks: 'kept' }, { lockDays: () => 30, prefix: '' }, async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const root = `${folder.join('/')}/`
      const before = Date.now()
      const ref = await store(repository, randomBytes(largeBytes))
      await write(repository, config, randomBytes(155))
      for (const path of [`data/${ref.id.slice(0, 2)}/${ref.id}`, 'config']) {
        const { lock } = world.server.objects.get(root + path)!
        expect(lock?.mode).toBe('COMPLIANCE')
        const days = (Date.parse(lock?.until ?? '') - before) / 86_400_000
        expect(days).toBeGreaterThanOrEqual(30)
        expect(days).toBeLessThan(30.001)
      }
      const restic = await store(repository, randomBytes(100), 'locks')
      expect(world.server.objects.get(`${root}locks/${restic.id}`)?.lock).toBeUndefined()
      const keptUntil = before + 7 * 86_400_000
      await repository.bin.put(ref, before, keptUntil)
      const binned = world.server.objects.get(`${root}.bin/data/${ref.id}.${before}.${keptUntil}`)
      expect(binned?.lock?.until).toBe(new Date(keptUntil).toISOString())
      expect(world.server.locked).toHaveLength(1)
    }))

  it.each([
    ['kept', true],
    ['ignored', false],
  ] as const)('finds out whether locks are %s', (locks, expected) =>
    within({ locks }, {}, async ({ line }) => {
      expect(await holdsObjectLock(optionsFor(line.port), 'probe')).toBe(expected)
    }),
  )

  it('hears from a bucket without locks that it has none', () =>
    within({ locks: 'refused' }, {}, async ({ line }) => {
      await expect(holdsObjectLock(optionsFor(line.port), 'probe')).rejects.toThrow(
        'The storage answered 400 InvalidRequest.',
      )
    }))

  it.each([
    [
      { secretKey: 'other' },
      'The storage does not accept the secret key, or the region is another.',
    ],
    [{ accessKey: 'OTHER' }, 'The storage does not know the access key.'],
    [{ region: 'there-1' }, 'The storage is in another region than the one set.'],
    [{ bucket: 'others' }, 'The storage has no bucket of this name.'],
    [
      { now: () => Date.now() - 16 * 60_000 },
      /^The clock of this server and that of the storage differ/,
    ],
  ])('says what is wrong with %o', (more, words) =>
    within({}, more, async ({ storage }) => {
      const { failure, message } = await failureOf(storage.open(['a', 'b']).create())
      expect(failure).toBe('unavailable')
      expect(message).toMatch(words)
      expect(message).not.toContain(testKeys.secretKey)
    }),
  )

  it('tells a wrong clock where an answer has no body', () =>
    within({}, { now: () => Date.now() + 3600_000 }, async ({ storage }) => {
      const { message } = await failureOf(Promise.resolve(storage.open(['a']).stat(config)))
      expect(message).toMatch(/^The clock of this server/)
    }))

  it('does not follow anybody elsewhere', () =>
    within({}, {}, async ({ storage, server }) => {
      const elsewhere = await TestS3Server.start()
      server.failNext(1, 307, 'TemporaryRedirect', {
        headers: { location: `http://127.0.0.1:${elsewhere.port}/` },
      })
      const { message } = await failureOf(storage.open(['a']).create())
      expect(message).toMatch(/^The storage sends us to another address/)
      expect(elsewhere.requests).toEqual([])
      await elsewhere.close()
    }))

  it('says that nobody is there', async () => {
    const server = await TestS3Server.start()
    const { port } = server
    await server.close()
    const storage = openS3Storage(optionsFor(port))
    const { failure, message } = await failureOf(storage.open(['a']).create())
    expect([failure, message]).toEqual([
      'unavailable',
      'The storage refuses connections at this address.',
    ])
    await storage.close()
  })

  it('takes no more from a sender than the store takes from it, and not for ever', () =>
    within({}, { tuning: { stallMs: 300, retryDelayMs: 1 } }, async (world) => {
      const { store: repository } = await freshStore(world)
      world.server.stalled = false
      const sizeBytes = 256 * 1024 * 1024
      let given = 0
      const endless = new Readable({
        read() {
          given += 65_536
          this.push(Buffer.alloc(65_536))
        },
      })
      const ref = { type: 'data', id: sha256(Buffer.of(7)) } as const
      const upload = failureOf(
        repository.write(ref, endless, {
          sizeBytes,
          verify: true,
          // The look whether it is there came before.
          onBytes: () => void (world.server.stalled = true),
        }),
      )
      expect(await upload).toMatchObject({ failure: 'unavailable' })
      // What the kernel holds of two connections, and little more.
      expect(given).toBeLessThan(32 * 1024 * 1024)
      expect(endless.destroyed).toBe(false)
    }))

  it('hears a refusal that comes before the body is whole, and leaves the sender to be answered', () =>
    within({}, {}, async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(largeBytes)
      world.server.failNext(1, 403, 'AccessDenied', { method: 'PUT' })
      const body = new Readable({ read: () => undefined })
      body.push(bytes.subarray(0, 300_000))
      body.push(bytes.subarray(300_000, 400_000))
      const sent = repository.write(refOf(bytes), body, { sizeBytes: largeBytes, verify: true })
      const { failure, message } = await failureOf(sent)
      expect([failure, message]).toEqual([
        'unavailable',
        expect.stringContaining('The storage does not let the access key do that'),
      ])
      expect([body.destroyed, body.isPaused()]).toEqual([false, true])
      await store(repository, bytes)
    }))

  it('believes no store that says to have an object before it was sent', () =>
    within({}, {}, async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(largeBytes)
      world.server.failNext(1, 200, 'Fine', { method: 'PUT' })
      const body = new Readable({ read: () => undefined })
      body.push(bytes.subarray(0, 300_000))
      body.push(bytes.subarray(300_000, 400_000))
      const sent = repository.write(refOf(bytes), body, { sizeBytes: largeBytes, verify: true })
      expect((await failureOf(sent)).failure).toBe('unavailable')
      await store(repository, bytes)
    }))

  it('passes no list that leads nowhere', () =>
    within({}, {}, async (world) => {
      const { store: repository } = await freshStore(world)
      const page = (rest: string): string => `<ListBucketResult>${rest}</ListBucketResult>`
      const answers = [
        'no XML <<<',
        '<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>',
        page('<IsTruncated>true</IsTruncated>'),
        page('<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>'),
        `${'<a>'.repeat(200_000)}`,
        'x'.repeat(5 * 1024 * 1024),
      ]
      for (const answer of answers) {
        world.server.listAnswer = answer
        expect(await failureOf(listOf(repository, 'data'))).toMatchObject({
          failure: 'unavailable',
        })
      }
    }))
})

describe('an S3 endpoint', () => {
  it.each(['https://s3.example.org', 'http://10.0.0.5:9000/', 'https://[::1]:9000'])(
    '%s',
    (text) => {
      expect(s3Origin(text)?.origin).toBe(new URL(text).origin)
    },
  )
  it.each([
    'ftp://s3.example.org',
    's3.example.org',
    'https://s3.example.org/bucket',
    'https://s3.example.org/?a',
    'https://key:secret@s3.example.org',
    '',
  ])('is not %s', (text) => {
    expect(s3Origin(text)).toBeUndefined()
  })
})
