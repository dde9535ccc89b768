import { Readable } from 'node:stream'
import { ProblemError } from '@hearthold/contract'
import { sealedSegmentBytes } from '@hearthold/crypto'
import {
  type ObjectStore,
  openObjectStore,
  type Upload,
} from '../../apps/server/src/platform/objects/index.ts'
import { ObjectStoreOracle, Violation } from './object-store-oracle.ts'
import { asItIs, type Between, liveLives } from './lives.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import type { Survival } from './simulated-file.ts'
import { type Faults, noFaults, PowerCut, SimulatedDisk } from './simulated-disk.ts'

const folder = '/data/objects'

/** Few folders, so that objects meet in them. */
const newId = (random: SeededRandom): string =>
  random.pick(['00', '7f']) + random.bytes(15).toString('hex')

/** One store over many power cuts, what it was asked for, and what a database beside it would remember. */
class Machine {
  readonly disk: SimulatedDisk
  readonly random: SeededRandom
  readonly oracle = new ObjectStoreOracle()
  readonly pending: Upload[] = []
  /** Ids that others may still be answered about, and that are therefore not removed. */
  readonly #kept = new Set<string>()
  readonly #between: Between

  constructor(random: SeededRandom, between: Between) {
    this.random = random
    this.disk = new SimulatedDisk(random)
    this.disk.install('/data')
    this.#between = between
  }

  /** Runs one life of the server, up to the power cut or the end of its work, and starts the machine again. */
  async live(tasks: number, faults: Faults, operationsUntilCut: number): Promise<void> {
    const fs = this.#between(this.disk.fileSystem())
    this.disk.setFaults(faults)
    this.disk.cutPowerAt(this.disk.operations + operationsUntilCut)
    await this.#tolerating(async () => {
      // Every other life has a disk that is slow, and is written to in threads.
      const slowWriteMs = this.random.chance(0.5) ? 10_000 : -1
      // And every other one writes past the page cache, from one page on.
      const directFromBytes = this.random.chance(0.5) ? Number.POSITIVE_INFINITY : 4096
      const store = await openObjectStore({ folder, fs, slowWriteMs, directFromBytes })
      await Promise.all(Array.from({ length: 4 }, () => this.#work(store, tasks)))
      await store.close()
      if (this.disk.hasPower && this.disk.openFiles > 0) throw new Violation('files were left open')
    })
    this.disk.setFaults(noFaults)
    this.disk.reboot()
    await this.oracle.check(
      await openObjectStore({ folder, fs: this.#between(this.disk.fileSystem()) }),
    )
  }

  async #work(store: ObjectStore, tasks: number): Promise<void> {
    const { random } = this
    for (let done = 0; done < tasks; done++)
      await this.#tolerating(() =>
        random.pick([
          () => this.#putMany(store),
          () => this.#putMany(store),
          () => this.#putAgain(store),
          () => this.#upload(store),
          () => this.#resume(store),
          () => this.#remove(store),
          () => this.oracle.check(store),
        ])(),
      )
  }

  /** Refusals and power cuts are what a client expects; any other error is a mistake of the store. */
  async #tolerating(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof PowerCut || error instanceof ProblemError) return
      throw error
    }
  }

  #newObject(sizeBytes: number): string {
    const id = newId(this.random)
    this.oracle.give(id, this.random.bytes(sizeBytes))
    return id
  }

  async #putMany(store: ObjectStore): Promise<void> {
    const ids = Array.from({ length: 1 + this.random.below(5) }, () =>
      this.#newObject(28 + this.random.below(9000)),
    )
    await this.#put(store, ids)
  }

  /** A client that did not hear the answer, and one that would replace an object. */
  async #putAgain(store: ObjectStore): Promise<void> {
    const [id] = this.oracle.acknowledged
    if (id === undefined) return
    this.#kept.add(id)
    if (this.random.chance(0.5)) return this.#put(store, [id, this.#newObject(50)])
    const other = Buffer.from(this.oracle.bytesOf(id))
    other[0] = (other[0] ?? 0) ^ 1
    await store.putMany([{ id, bytes: other }])
    throw new Violation('an object was replaced')
  }

  async #put(store: ObjectStore, ids: readonly string[]): Promise<void> {
    const hashes = await store.putMany(ids.map((id) => ({ id, bytes: this.oracle.bytesOf(id) })))
    for (const [index, id] of ids.entries()) this.oracle.acknowledge(id, hashes[index])
  }

  async #upload(store: ObjectStore): Promise<void> {
    // Some are longer than what is written past the page cache at a time.
    const segments = this.random.chance(0.1) ? 12 : 2.5
    const sizeBytes = 28 + this.random.below(segments * sealedSegmentBytes)
    const upload = { upload: newId(this.random), object: this.#newObject(sizeBytes), sizeBytes }
    this.pending.push(upload)
    store.uploads.begin(upload)
    await this.#send(store, upload)
  }

  async #resume(store: ObjectStore): Promise<void> {
    if (this.pending.length > 0) await this.#send(store, this.random.pick(this.pending))
  }

  async #send(store: ObjectStore, upload: Upload): Promise<void> {
    this.#kept.add(upload.object)
    const { offset } = store.uploads.progress(upload)
    const bytes = this.oracle.bytesOf(upload.object).subarray(offset)
    const progress =
      offset === upload.sizeBytes
        ? await store.uploads.finish(upload)
        : await store.uploads.write(upload, offset, this.#body(bytes), { pastCache: true })
    if (progress.sha256 === undefined) return
    this.oracle.acknowledge(upload.object, progress.sha256)
    const index = this.pending.indexOf(upload)
    if (index !== -1) this.pending.splice(index, 1)
  }

  /** The rest of an object in uneven chunks; one in three connections drops. */
  #body(bytes: Buffer): Readable {
    const dropAt = this.random.chance(0.3)
      ? this.random.below(bytes.length)
      : Number.POSITIVE_INFINITY
    const size = this.random.pick([9000, 65_536, 300_000])
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

  async #remove(store: ObjectStore): Promise<void> {
    const { acknowledged } = this.oracle
    if (acknowledged.length < 5) return
    const id = this.random.pick(acknowledged)
    if (this.#kept.has(id)) return
    this.oracle.forget(id)
    await store.remove([id])
  }
}

/**
 * Several lives of one store, each ended by a power cut, with the faults that the seed chooses.
 * @throws Violation if the store broke a promise
 */
export const liveAndCrash = (seed: number, between: Between = asItIs): Promise<void> =>
  liveLives(seed, 900, (random) => new Machine(random, between))

/** One short piece of work, always the same: an upload in two requests, then three small objects. */
export const shortWork = async (options: {
  /** The power goes at this call; after the work if left out. */
  cutAt?: number
  survival: Survival
  directFromBytes: number
}): Promise<{ callsToOpen: number; calls: number }> => {
  const random = seededRandom(1)
  const disk = new SimulatedDisk(random)
  const oracle = new ObjectStoreOracle()
  disk.install('/data')
  disk.cutPowerAt(options.cutAt ?? Number.POSITIVE_INFINITY)
  const small = Array.from({ length: 3 }, () => ({ id: newId(random), bytes: random.bytes(5000) }))
  const bytes = random.bytes(sealedSegmentBytes + 9000)
  const upload = { upload: newId(random), object: newId(random), sizeBytes: bytes.length }
  for (const { id, bytes: given } of [...small, { id: upload.object, bytes }])
    oracle.give(id, given)

  const send = async (store: ObjectStore, end: number): Promise<void> => {
    const { offset } = store.uploads.progress(upload)
    const body = Readable.from([bytes.subarray(offset, end)], { objectMode: false })
    const { sha256 } =
      offset === upload.sizeBytes
        ? await store.uploads.finish(upload)
        : await store.uploads.write(upload, offset, body, { pastCache: true })
    if (sha256 !== undefined) oracle.acknowledge(upload.object, sha256)
  }
  let callsToOpen = 0
  try {
    const { directFromBytes } = options
    const store = await openObjectStore({ folder, fs: disk.fileSystem(), directFromBytes })
    callsToOpen = disk.operations
    store.uploads.begin(upload)
    await send(store, sealedSegmentBytes + 100)
    await send(store, bytes.length)
    const hashes = await store.putMany(small)
    for (const [index, { id }] of small.entries()) oracle.acknowledge(id, hashes[index])
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
  }
  const calls = disk.operations
  disk.reboot(options.survival)
  const store = await openObjectStore({ folder, fs: disk.fileSystem() })
  await oracle.check(store)
  if (!oracle.acknowledged.includes(upload.object)) await send(store, bytes.length)
  await oracle.check(store)
  return { callsToOpen, calls }
}
