import assert from 'node:assert/strict'
import { randomBytes, randomInt } from 'node:crypto'
import { type ObjectRef, objectTypes } from './storage.ts'
import {
  binOf,
  config,
  dataPath,
  freshFolder,
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

/** The part of the suite about reading, listing, the bin and whole repositories. */
export const readingCases: SuiteCase[] = [
  {
    name: 'reads ranges',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(largeBytes)
      const ref = await store(repository, bytes)
      const ends = [0, 1, 65_536, largeBytes - 1, largeBytes]
      const ranges = ends.flatMap((start) => ends.map((end) => [start, end] as const))
      for (let count = 0; count < 20; count += 1)
        ranges.push([randomInt(0, largeBytes), randomInt(0, largeBytes)])
      for (const [start, end] of ranges.filter(([from, to]) => from <= to))
        assert.deepEqual(await readRange(repository, ref, start, end), bytes.subarray(start, end))
    },
  },
  {
    name: 'lists thousands, and nothing that is no object',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const bytes = Buffer.from('an object')
      const ids = Array.from({ length: 1205 }, () => sha256(randomBytes(8))).toSorted()
      for (let at = 0; at < ids.length; at += 50)
        await Promise.all(
          ids.slice(at, at + 50).map((id) => world.plant(folder, `snapshots/${id}`, bytes)),
        )
      const packs = ids.slice(0, 40)
      for (const id of packs) await world.plant(folder, dataPath(id), bytes)
      const [id = ''] = ids
      await world.plant(folder, `snapshots/${id}.rest-server-temp123`, bytes)
      await world.plant(folder, `snapshots/${id.toUpperCase()}`, bytes)
      await world.plant(folder, 'snapshots/a & b <c> "d" %41+é', bytes)
      await world.plant(folder, `snapshots/${id.slice(1)}`, bytes)
      const wrongShard = id.startsWith('00') ? '01' : '00'
      await world.plant(folder, `data/${wrongShard}/${id}`, bytes)
      await world.plant(folder, `.bin/snapshots/${sha256(bytes)}.1.2`, bytes)
      assert.deepEqual(
        (await listOf(repository, 'snapshots')).map((one) => one.id),
        ids,
      )
      assert.deepEqual(
        (await listOf(repository, 'data')).map((one) => one.id),
        packs,
      )
      assert.ok((await listOf(repository, 'data')).every(({ sizeBytes }) => sizeBytes === 9))
      assert.deepEqual(await listOf(repository, 'index'), [])
    },
  },
  {
    name: 'knows nothing of a repository that was never made',
    run: async ({ storage }) => {
      const repository = storage.open(freshFolder())
      assert.equal(await repository.stat(config), undefined)
      assert.equal(await repository.open(config), undefined)
      assert.equal(await repository.remove(config), undefined)
      assert.deepEqual(await listOf(repository, 'data'), [])
      assert.deepEqual(await binOf(repository), [])
    },
  },
]

export const binCases: SuiteCase[] = [
  {
    name: 'keeps what is deleted in its bin, and brings it back',
    run: async (world) => {
      const { store: repository, folder } = await freshStore(world)
      const bytes = randomBytes(300)
      for (const type of objectTypes) await store(repository, bytes, type)
      await write(repository, config, bytes)
      const refs: ObjectRef[] = [config, ...objectTypes.map((type) => refOf(bytes, type))]
      for (const [at, ref] of refs.entries()) {
        const was = await repository.bin.put(ref, 1_700_000_000_000 + at, 1_800_000_000_000 + at)
        assert.equal(was?.sizeBytes, 300)
        assert.equal(await repository.bin.put(ref, 1_700_000_001_000, 1_800_000_001_000), undefined)
        assert.equal(await repository.stat(ref), undefined)
      }
      for (const type of objectTypes) assert.deepEqual(await listOf(repository, type), [])
      const binned = await binOf(repository)
      assert.deepEqual(
        binned.map(({ ref, sizeBytes, deletedAt, keptUntil }) => ({
          ref,
          sizeBytes,
          deletedAt,
          keptUntil,
        })),
        refs.map((ref, at) => ({
          ref,
          sizeBytes: 300,
          deletedAt: 1_700_000_000_000 + at,
          keptUntil: 1_800_000_000_000 + at,
        })),
      )
      assert.ok((await world.paths(folder)).every((path) => path.startsWith('.bin/')))
      for (const object of binned) assert.equal(await repository.bin.restore(object), true)
      for (const object of binned) assert.equal(await repository.bin.restore(object), false)
      assert.deepEqual(await binOf(repository), [])
      for (const ref of refs) assert.deepEqual(await readRange(repository, ref), bytes)
    },
  },
  {
    name: 'keeps each config that was deleted, also at one moment, and while another stands in its place',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const configs = [randomBytes(155), randomBytes(155), randomBytes(155)]
      const [first, second, third] = configs as [Buffer, Buffer, Buffer]
      await write(repository, config, first)
      await repository.bin.put(config, 1000, 2000)
      await write(repository, config, second)
      await repository.bin.put(config, 1000, 2000)
      await write(repository, config, third)
      const binned = await binOf(repository)
      assert.equal(binned.length, 2)
      for (const object of binned) assert.equal(await repository.bin.restore(object), false)
      assert.deepEqual(await readRange(repository, config), third)
      assert.equal((await binOf(repository)).length, 2)
      for (const [at, object] of binned.entries()) {
        await repository.bin.put(config, 3000, 4000)
        assert.equal(await repository.bin.restore(object), true)
        assert.deepEqual(await readRange(repository, config), configs[at])
      }
    },
  },
  {
    name: 'keeps each deletion of one object, restores one of them and destroys in the bin alone',
    run: async (world) => {
      const { store: repository } = await freshStore(world)
      const bytes = randomBytes(300)
      for (const deletedAt of [1, 2, 3]) {
        const ref = await store(repository, bytes)
        await repository.bin.put(ref, deletedAt, deletedAt + 10)
      }
      const [first, second, third] = await binOf(repository)
      assert.ok(first && second && third)
      assert.equal(await repository.bin.restore(first), true)
      // It is there again: only the place in the bin is emptied.
      assert.equal(await repository.bin.restore(second), false)
      assert.deepEqual(
        (await binOf(repository)).map(({ deletedAt }) => deletedAt),
        [3],
      )
      await repository.bin.remove(third)
      await repository.bin.remove(third)
      assert.deepEqual(await binOf(repository), [])
      assert.deepEqual(await readRange(repository, refOf(bytes)), bytes)
    },
  },
  {
    name: 'destroys one repository and no other',
    run: async (world) => {
      const folder = freshFolder()
      const [parent = '', name = ''] = folder
      const { store: doomed } = await freshStore(world, folder)
      const { store: neighbour } = await freshStore(world, [parent, `${name}b`])
      const bytes = randomBytes(100)
      for (const repository of [doomed, neighbour]) {
        await repository.bin.put(await store(repository, bytes), 1, 2)
        await store(repository, bytes)
        await write(repository, config, bytes)
      }
      await world.storage.destroy(folder)
      await world.storage.destroy(folder)
      await leaves(world, folder, [])
      assert.deepEqual(await binOf(doomed), [])
      assert.equal(await doomed.stat(config), undefined)
      assert.deepEqual(await readRange(neighbour, refOf(bytes)), bytes)
      assert.equal((await binOf(neighbour)).length, 1)
      await doomed.create()
      await store(doomed, bytes)
    },
  },
  {
    name: 'works in folders of one to three names',
    run: async (world) => {
      for (const folder of [['one-name'], ['three', 'names', 'deep']]) {
        const { store: repository } = await freshStore(world, folder)
        const bytes = randomBytes(50)
        const ref = await store(repository, bytes)
        assert.deepEqual(await readRange(world.storage.open(folder), ref), bytes)
      }
    },
  },
]
