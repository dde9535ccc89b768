import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FileSystem } from '../../apps/server/src/platform/disk/file-system.ts'
import { openDiskStorage } from '../../apps/server/src/platform/storage/disk/index.ts'
import {
  type ObjectRef,
  type RepositoryStorage,
  type RepositoryStore,
  StorageError,
} from '../../apps/server/src/platform/storage/storage.ts'
import { Violation } from './object-store-oracle.ts'
import { RepositoryOracle } from './repository-store-oracle.ts'
import { asItIs, type Between, liveLives } from './lives.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import { type Faults, noFaults, PowerCut, SimulatedDisk } from './simulated-disk.ts'
import type { Survival } from './simulated-file.ts'

const config: ObjectRef = { type: 'config', id: '' }
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const open = (fs: FileSystem): RepositoryStorage =>
  openDiskStorage({ folder: '/data/repositories', fs })
const repository = ['account', 'name']

/** A body in uneven chunks, which may drop. */
const bodyOf = (random: SeededRandom, bytes: Buffer): Readable => {
  const dropAt = random.chance(0.2) ? random.below(bytes.length) : Number.POSITIVE_INFINITY
  const size = random.pick([900, 65_536, 300_000])
  const chunks = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) {
      if (at + size > dropAt) {
        yield bytes.subarray(at, dropAt)
        throw new Error('The connection dropped')
      }
      yield bytes.subarray(at, at + size)
    }
  }
  return Readable.from(chunks(), { objectMode: false })
}

/** One repository over many power cuts, and what it promised. */
class Machine {
  readonly disk: SimulatedDisk
  readonly random: SeededRandom
  readonly oracle = new RepositoryOracle()
  readonly #between: Between
  #time = 1000

  constructor(random: SeededRandom, between: Between) {
    this.random = random
    this.disk = new SimulatedDisk(random)
    this.disk.install('/data')
    this.#between = between
  }

  async live(tasks: number, faults: Faults, operationsUntilCut: number): Promise<void> {
    this.disk.setFaults(faults)
    this.disk.cutPowerAt(this.disk.operations + operationsUntilCut)
    await this.#tolerating(async () => {
      const storage = open(this.#between(this.disk.fileSystem()))
      const store = storage.open(repository)
      await Promise.all(Array.from({ length: 4 }, () => this.#work(store, tasks)))
      await storage.close()
      if (this.disk.hasPower && this.disk.openFiles > 0) throw new Violation('files were left open')
    })
    this.disk.setFaults(noFaults)
    this.disk.reboot()
    const again = open(this.#between(this.disk.fileSystem()))
    await this.oracle.check(again.open(repository))
    await again.close()
  }

  async #work(store: RepositoryStore, tasks: number): Promise<void> {
    for (let done = 0; done < tasks; done++)
      await this.#tolerating(() =>
        this.random.pick([
          () => this.#write(store),
          () => this.#write(store),
          () => this.#writeTwice(store),
          () => this.#writeAgain(store),
          () => this.#writeConfig(store),
          () => this.#writeWrong(store),
          () => this.#delete(store),
          () => this.#undelete(store),
          () => this.#destroy(store),
        ])(),
      )
  }

  /** Refusals and power cuts are what a client expects; any other error is a mistake of the storage. */
  async #tolerating(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof PowerCut || error instanceof StorageError) return
      throw error
    }
  }

  #newObject(): { ref: ObjectRef; bytes: Buffer } {
    const { random } = this
    const bytes = random.bytes(1 + random.below(random.chance(0.5) ? 5_000 : 300_000))
    const type = random.pick(['data', 'data', 'index', 'snapshots'] as const)
    const ref: ObjectRef = { type, id: sha256(bytes) }
    this.oracle.give(ref, bytes)
    return { ref, bytes }
  }

  async #send(store: RepositoryStore, ref: ObjectRef, bytes: Buffer): Promise<void> {
    const sizeBytes = this.random.chance(0.8) ? bytes.length : undefined
    const verify = ref.type !== 'config'
    const acknowledge = this.oracle.storing(ref, bytes)
    await store.write(ref, bodyOf(this.random, bytes), { sizeBytes, verify })
    acknowledge()
  }

  async #write(store: RepositoryStore): Promise<void> {
    const { ref, bytes } = this.#newObject()
    await this.#send(store, ref, bytes)
  }

  async #writeTwice(store: RepositoryStore): Promise<void> {
    const { ref, bytes } = this.#newObject()
    await Promise.all([1, 2].map(() => this.#tolerating(() => this.#send(store, ref, bytes))))
  }

  async #writeAgain(store: RepositoryStore): Promise<void> {
    const { stored } = this.oracle
    if (stored.length === 0) return
    const { ref, bytes } = this.random.pick(stored)
    await this.#send(store, ref, bytes)
  }

  async #writeConfig(store: RepositoryStore): Promise<void> {
    const bytes = this.random.bytes(150)
    this.oracle.give(config, bytes)
    await this.#send(store, config, bytes)
  }

  async #writeWrong(store: RepositoryStore): Promise<void> {
    const { ref, bytes } = this.#newObject()
    const other = Buffer.from(bytes)
    other[0] = (other[0] ?? 0) ^ 1
    await store.write(ref, bodyOf(this.random, other), { sizeBytes: other.length, verify: true })
    throw new Violation('wrong bytes were stored')
  }

  async #delete(store: RepositoryStore): Promise<void> {
    const { stored } = this.oracle
    if (stored.length < 4) return
    const { ref } = this.random.pick(stored)
    await this.#during(this.oracle.moving(ref), () =>
      store.bin.put(ref, this.#time++, this.#time + 5000),
    )
  }

  async #undelete(store: RepositoryStore): Promise<void> {
    for await (const objects of store.bin.list())
      for (const object of objects) {
        await this.#during(this.oracle.moving(object.ref), () => store.bin.restore(object))
        return
      }
  }

  async #destroy(store: RepositoryStore): Promise<void> {
    const { stored } = this.oracle
    if (stored.length < 6) return
    const { ref } = this.random.pick(stored)
    await this.#during(this.oracle.destroying(ref), () => store.remove(ref))
  }

  async #during(end: () => void, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } finally {
      end()
    }
  }
}

/**
 * Several lives of one repository, each ended by a power cut, with the faults that the seed chooses.
 * @throws Violation if the storage broke a promise
 */
export const liveAndCrash = (seed: number, between: Between = asItIs): Promise<void> =>
  liveLives(seed, 600, (random) => new Machine(random, between))

/**
 * One short piece of work, always the same: a config, a small object, a large one, a deletion and its undoing. The power
 * goes at call `cutAt`; after the restart all of it can be done again.
 */
export const shortWork = async (options: {
  cutAt?: number
  survival: Survival
}): Promise<{ calls: number }> => {
  const random = seededRandom(1)
  const disk = new SimulatedDisk(random)
  const oracle = new RepositoryOracle()
  disk.install('/data')
  disk.cutPowerAt(options.cutAt ?? Number.POSITIVE_INFINITY)
  const objects = [config, 'keys', 'data', 'data'].map((kind, index) => {
    const bytes = random.bytes(index < 2 ? 200 : 300_000)
    const ref = kind === config ? config : ({ type: kind, id: sha256(bytes) } as ObjectRef)
    oracle.give(ref, bytes)
    return { ref, bytes }
  })
  const work = async (store: RepositoryStore): Promise<void> => {
    for (const { ref, bytes } of objects) {
      const body = Readable.from([bytes], { objectMode: false })
      const acknowledge = oracle.storing(ref, bytes)
      await store.write(ref, body, { sizeBytes: bytes.length, verify: ref.type !== 'config' })
      acknowledge()
    }
    for (const { ref } of objects) {
      const end = oracle.moving(ref)
      await store.bin.put(ref, 1000, 2000)
      end()
    }
    for await (const found of store.bin.list())
      for (const object of found) await store.bin.restore(object)
  }
  try {
    await work(open(disk.fileSystem()).open(repository))
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
  }
  const calls = disk.operations
  disk.reboot(options.survival)
  const store = open(disk.fileSystem()).open(repository)
  await oracle.check(store)
  await work(store)
  await oracle.check(store)
  return { calls }
}
