/** What a storage over a network must also withstand: a line that breaks anywhere, and a store that is busy or full. */
import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { StorageError } from './storage.ts'
import type { FaultyLine } from './test-faulty-line.ts'
import {
  binOf,
  config,
  fails,
  freshStore,
  largeBytes,
  listOf,
  readRange,
  refOf,
  store,
  type SuiteWorld,
  write,
} from './test-storage.ts'

export type RemoteWorld = SuiteWorld & {
  readonly line: FaultyLine
  /** The next requests are answered so, before their bodies are read. */
  failNext(count: number, status: number): void
}
export type RemoteCase = {
  readonly name: string
  readonly run: (world: RemoteWorld) => Promise<void>
}

/** Whatever happened, what is visible is whole. */
const isWholeOrAbsent = async (
  world: RemoteWorld,
  work: Promise<unknown>,
  check: () => Promise<void>,
): Promise<boolean> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  world.line.heal()
  if (error !== undefined) {
    assert.ok(error instanceof StorageError, 'an error that is none of a storage')
    assert.equal(error.failure, 'unavailable')
  }
  await check()
  return error === undefined
}

export const remoteCases: readonly RemoteCase[] = [
  {
    name: 'shows no part of an upload that is cut at any byte, and loses none that it acknowledged',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const ends = { stored: 0, refused: 0 }
      for (let round = 0; round < 24; round += 1) {
        const bytes = randomBytes(round % 4 === 0 ? 3000 : largeBytes)
        const ref = refOf(bytes)
        if (round % 3 === 0) world.line.cutAfter('down', randomInt(1, 400))
        else world.line.cutAfter('up', randomInt(1, bytes.length + 2500))
        const isStored = await isWholeOrAbsent(world, write(repository, ref, bytes), async () => {
          const read = await readRange(repository, ref)
          if (read !== undefined) assert.deepEqual(read, bytes)
          if (round % 8 > 0) return
          for (const { id, sizeBytes } of await listOf(repository, 'data'))
            if (id === ref.id) assert.equal(sizeBytes, bytes.length)
        })
        ends[isStored ? 'stored' : 'refused'] += 1
        if (isStored) assert.deepEqual(await readRange(repository, ref), bytes)
        else assert.ok((await write(repository, ref, bytes)).sizeBytes === bytes.length)
      }
      assert.ok(ends.refused > 0, 'no upload was cut')
    },
  },
  {
    name: 'goes on reading where a line broke',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(largeBytes)
      const ref = await store(repository, bytes)
      for (let round = 0; round < 10; round += 1) {
        const start = randomInt(0, 1000)
        world.line.cutAfter('down', randomInt(1, largeBytes))
        assert.deepEqual(await readRange(repository, ref, start), bytes.subarray(start))
        world.line.heal()
      }
    },
  },
  {
    name: 'loses nothing where a line breaks under a deletion or a return',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      for (let round = 0; round < 30; round += 1) {
        const bytes = randomBytes(50)
        const ref = await store(repository, bytes)
        world.line.cutAfter(round % 2 === 0 ? 'up' : 'down', randomInt(1, 1200))
        await isWholeOrAbsent(world, repository.bin.put(ref, round, round + 1), async () => {
          const binned = (await binOf(repository)).filter((one) => one.deletedAt === round)
          const there = await readRange(repository, ref)
          assert.ok(there !== undefined || binned.length === 1)
        })
        await repository.bin.put(ref, round, round + 1)
        const [binned] = (await binOf(repository)).filter((one) => one.deletedAt === round)
        assert.ok(binned)
        world.line.cutAfter(round % 2 === 0 ? 'down' : 'up', randomInt(1, 1200))
        await isWholeOrAbsent(world, repository.bin.restore(binned), async () => undefined)
        await repository.bin.restore(binned)
        assert.deepEqual(await readRange(repository, ref), bytes)
      }
    },
  },
  {
    name: 'asks again where the store is busy, and not for ever',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(100)
      const ref = await store(repository, bytes)
      world.failNext(2, 503)
      assert.equal((await repository.stat(ref))?.sizeBytes, 100)
      world.failNext(2, 500)
      assert.equal((await listOf(repository, 'data')).length, 1)
      world.failNext(3, 503)
      assert.deepEqual(await readRange(repository, ref), bytes)
      world.failNext(2, 502)
      assert.equal((await repository.bin.put(ref, 1, 2))?.sizeBytes, 100)
      world.failNext(40, 503)
      await fails(Promise.resolve(repository.stat(ref)), 'unavailable')
      await fails(repository.bin.put(ref, 1, 2), 'unavailable')
      await fails(write(repository, ref, bytes), 'unavailable')
      await fails(Promise.resolve(repository.open(config)), 'unavailable')
      world.failNext(0, 503)
      assert.equal(await repository.stat(ref), undefined)
    },
  },
  {
    name: 'says that a store is full, and what it refuses',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(100)
      world.failNext(1, 507)
      await fails(write(repository, refOf(bytes), bytes), 'full')
      for (const status of [301, 307, 400, 401, 403]) {
        world.failNext(1, status)
        await fails(Promise.resolve(repository.stat(refOf(bytes))), 'unavailable')
      }
      assert.equal(await repository.stat(refOf(bytes)), undefined)
    },
  },
  {
    name: 'loses nothing that it acknowledges while the same name is being deleted',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      for (let round = 0; round < 30; round += 1) {
        const bytes = randomBytes(round % 2 === 0 ? 500 : largeBytes)
        const ref = await store(repository, bytes)
        const deletions = [1, 2, 3].map((at) => repository.bin.put(ref, at, at + 10))
        let stored = 0
        const uploads = Array.from({ length: 4 }, async (_, at) => {
          await sleep(at * 3)
          await write(repository, ref, bytes).then(
            ({ outcome }) => (stored += outcome === 'stored' ? 1 : 0),
            (error: unknown) => assert.ok(error instanceof StorageError),
          )
        })
        await Promise.all([...deletions, ...uploads])
        const kept = (await binOf(repository)).filter((one) => one.ref.id === ref.id).length
        const there = (await repository.stat(ref)) === undefined ? 0 : 1
        // Who stored it found it gone, so that one is in the bin; the other is in its place, or was deleted later.
        assert.ok(kept + there >= (stored === 0 ? 1 : 2), 'what was acknowledged is lost')
      }
    },
  },
  {
    name: 'tells one of two uploads at once that it stored the object, and the other that it is there',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      for (const size of [500, largeBytes]) {
        const bytes = randomBytes(size)
        const uploads = [1, 2, 3].map(() => write(repository, refOf(bytes), bytes))
        const outcomes = (await Promise.all(uploads)).map(({ outcome }) => outcome)
        assert.deepEqual(outcomes.toSorted(), ['present', 'present', 'stored'])
      }
    },
  },
  {
    name: 'does not say that an object is there which went while it was sent again',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(1000)
      const ref = await store(repository, bytes)
      const body = new PassThrough()
      body.write(bytes.subarray(0, 999))
      const again = repository.write(ref, body, { sizeBytes: 1000, verify: true })
      // Until it has compared what is there.
      await once(body, 'resume')
      await repository.bin.put(ref, 1, 2)
      body.end(bytes.subarray(999))
      await fails(again, 'unavailable')
      assert.equal(await repository.stat(ref), undefined)
    },
  },
]
