/**
 * What every storage promises (storage.ts), as cases that know no test runner: one list, run on each driver. A case
 * throws an AssertionError where a promise is broken.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { type ObjectRef, objectTypes, StorageError } from './storage.ts'
import { binCases, readingCases } from './storage-suite-reading.ts'
import {
  bodyOf,
  config,
  dataPath,
  fails,
  freshStore,
  largeBytes,
  leaves,
  listOf,
  readRange,
  refOf,
  sha256,
  store,
  write,
  type SuiteCase,
} from './test-storage.ts'

const writing: SuiteCase[] = [
  {
    name: 'keeps objects of every type, shows them and destroys them',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      await repository.create()
      const before = Date.now()
      for (const type of objectTypes) {
        const bytes = randomBytes(randomInt(1, 5000))
        const ref = await store(repository, bytes, type)
        const stat = await repository.stat(ref)
        assert.equal(stat?.sizeBytes, bytes.length)
        // Storages keep whole seconds.
        assert.ok(stat.storedAt > before - 2000 && stat.storedAt < Date.now() + 2000)
        assert.deepEqual(await readRange(repository, ref), bytes)
        const listed = await listOf(repository, type)
        assert.deepEqual(
          listed.map(({ id, sizeBytes }) => [id, sizeBytes]),
          [[ref.id, bytes.length]],
        )
        assert.equal((await repository.remove(ref))?.sizeBytes, bytes.length)
        assert.equal(await repository.remove(ref), undefined)
        assert.equal(await repository.stat(ref), undefined)
        assert.equal(await repository.open(ref), undefined)
        assert.deepEqual(await listOf(repository, type), [])
      }
      await leaves(world, folder, [])
    },
  },
  {
    name: 'takes large, empty and unread objects',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const large = randomBytes(largeBytes)
      const ref = await store(repository, large)
      assert.equal(sha256((await readRange(repository, ref)) ?? Buffer.of()), ref.id)
      const empty = await store(repository, Buffer.alloc(0))
      assert.deepEqual(await readRange(repository, empty), Buffer.alloc(0))
      assert.equal((await repository.stat(empty))?.sizeBytes, 0)
      ;(await repository.open(ref))?.close()
    },
  },
  {
    name: 'writes a config once, and tells the same from another',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const [first, other] = [randomBytes(155), randomBytes(155)]
      assert.equal((await write(repository, config, first)).outcome, 'stored')
      assert.equal((await write(repository, config, first)).outcome, 'present')
      await fails(write(repository, config, other), 'exists')
      await fails(write(repository, config, randomBytes(90)), 'exists')
      assert.deepEqual(await readRange(repository, config), first)
      await fails(write(repository, config, Buffer.alloc(1024 * 1024 + 1)), 'too-long')
      await leaves(world, folder, ['config'])
    },
  },
  {
    name: 'lets one of several first configs win',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const configs = Array.from({ length: 5 }, () => randomBytes(155))
      const outcomes = await Promise.allSettled(
        configs.map((one) => write(repository, config, one)),
      )
      const winners = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
      assert.equal(winners.length, 1)
      assert.deepEqual(await readRange(repository, config), configs[winners[0] ?? -1])
      await leaves(world, folder, ['config'])
    },
  },
  ...[100, largeBytes].map((size): SuiteCase => ({
    name: `stores nothing of ${size} bytes that are wrong, short or too long`,
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const bytes = randomBytes(size)
      const wrong = Buffer.from(bytes)
      wrong[size - 1] = (wrong[size - 1] ?? 0) ^ 1
      const ref = refOf(bytes)
      await fails(write(repository, ref, wrong), 'mismatch')
      await fails(write(repository, ref, bytes.subarray(1), { sizeBytes: size }), 'short')
      await fails(
        write(repository, ref, Buffer.concat([bytes, bytes]), { sizeBytes: size }),
        'too-long',
      )
      for (const cutAt of [0, 1, size - 1]) {
        const cut = bodyOf(bytes, cutAt)
        await fails(repository.write(ref, cut, { sizeBytes: size, verify: true }), 'short')
      }
      assert.equal(await repository.stat(ref), undefined)
      assert.deepEqual(await listOf(repository, 'data'), [])
      await leaves(world, folder, [])
      // And nothing of it is in the way.
      await store(repository, bytes)
    },
  })),
  {
    name: 'tells a body that is there already from one that is not',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      for (const size of [100, largeBytes]) {
        const [bytes, other] = [randomBytes(size), randomBytes(size)]
        const ref = await store(repository, bytes)
        assert.deepEqual(await write(repository, ref, bytes), {
          outcome: 'present',
          sizeBytes: size,
        })
        await fails(write(repository, ref, other), 'exists')
        assert.deepEqual(await readRange(repository, ref), bytes)
      }
      assert.equal((await world.paths(folder)).length, 2)
    },
  },
  {
    name: 'replaces bytes that are not those of their name by verified ones alone',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      for (const size of [100, largeBytes]) {
        const bytes = randomBytes(size)
        const ref = refOf(bytes)
        await world.plant(folder, dataPath(ref.id), randomBytes(size))
        await fails(write(repository, ref, randomBytes(size)), 'mismatch')
        await fails(write(repository, ref, bytes.subarray(0, size - 1)), 'mismatch')
        assert.notDeepEqual(await readRange(repository, ref), bytes)
        assert.equal((await write(repository, ref, bytes)).outcome, 'stored')
        assert.deepEqual(await readRange(repository, ref), bytes)
      }
    },
  },
  {
    name: 'compares nothing with its name where it is told not to',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const [bytes, other] = [randomBytes(largeBytes), randomBytes(largeBytes)]
      const ref: ObjectRef = { type: 'snapshots', id: sha256(Buffer.of(1)) }
      const unverified = { verify: false }
      assert.equal((await write(repository, ref, bytes, unverified)).outcome, 'stored')
      assert.equal((await write(repository, ref, bytes, unverified)).outcome, 'present')
      await fails(write(repository, ref, other, unverified), 'exists')
      assert.deepEqual(await readRange(repository, ref), bytes)
    },
  },
  {
    name: 'tells two uploads of one object at once the truth',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      for (const size of [100, largeBytes]) {
        const bytes = randomBytes(size)
        const ref = refOf(bytes)
        const wrong = fails(write(repository, ref, randomBytes(size)), 'mismatch').catch(
          // It may also find the right one there.
          () => undefined,
        )
        const outcomes = await Promise.all([1, 2, 3].map(() => write(repository, ref, bytes)))
        await wrong
        for (const { outcome } of outcomes) assert.ok(['stored', 'present'].includes(outcome))
        assert.ok(outcomes.some(({ outcome }) => outcome === 'stored'))
        assert.deepEqual(await readRange(repository, ref), bytes)
      }
      assert.equal((await listOf(repository, 'data')).length, 2)
      const all = await listOf(repository, 'data')
      await leaves(
        world,
        folder,
        all.map(({ id }) => dataPath(id)),
      )
    },
  },
  {
    name: 'tells of bytes as they come, and ends where it is told to',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      for (const size of [100, largeBytes]) {
        const bytes = randomBytes(size)
        let told = 0
        const onBytes = (count: number): void => void (told += count)
        await write(repository, refOf(bytes), bytes, { onBytes })
        assert.equal(told, size)
        const other = randomBytes(size)
        const full = write(repository, refOf(other), other, {
          onBytes: () => {
            throw new StorageError('full', 'The quota is used up.')
          },
        })
        await fails(full, 'full')
        assert.equal(await repository.stat(refOf(other)), undefined)
      }
      assert.equal((await listOf(repository, 'data')).length, 2)
      const all = await listOf(repository, 'data')
      await leaves(
        world,
        folder,
        all.map(({ id }) => dataPath(id)),
      )
    },
  },
  {
    name: 'takes a body of unknown length, or says that it must know',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(largeBytes)
      const sent = write(repository, refOf(bytes), bytes, { sizeBytes: undefined })
      if (!world.takesUnknownLength) return fails(sent, 'length-required')
      assert.deepEqual(await sent, { outcome: 'stored', sizeBytes: largeBytes })
      assert.deepEqual(await readRange(repository, refOf(bytes)), bytes)
    },
  },
]

export const storageSuite: readonly SuiteCase[] = [...writing, ...readingCases, ...binCases]
