import type {
  BinnedObject,
  ObjectRef,
  RepositoryStore,
} from '../../apps/server/src/platform/storage/storage.ts'
import { Violation } from './object-store-oracle.ts'

const types = ['data', 'index', 'keys', 'locks', 'snapshots'] as const

/** Where an acknowledged object must be: a deletion that was begun may or may not have happened. */
type Whereabouts = 'live' | 'either'

const keyOf = ({ type, id }: ObjectRef): string => `${type}/${id}`

/**
 * Knows what a repository was given and what it answered: what was acknowledged is there byte for byte, a deleted
 * object is in the bin or still in its place, and under no name is anything but a whole object.
 */
export class RepositoryOracle {
  readonly #given = new Map<string, Buffer[]>()
  readonly #deletions = new Map<string, { begun: number; underWay: number; destroyed: number }>()
  readonly #stored = new Map<string, { ref: ObjectRef; bytes: Buffer; where: Whereabouts }>()

  /** Before the bytes are handed over; a config may be given several. */
  give(ref: ObjectRef, bytes: Buffer): void {
    this.#given.set(keyOf(ref), [...(this.#given.get(keyOf(ref)) ?? []), bytes])
  }

  /**
   * Before an upload begins.
   * @returns what is called when it was answered that exactly these bytes are stored. Where a deletion was under way
   * meanwhile, that says nothing of what comes after it.
   */
  storing(ref: ObjectRef, bytes: Buffer): () => void {
    const key = keyOf(ref)
    const before = this.#deletionsOf(key)
    return () => {
      const known = this.#stored.get(key)
      if (known?.where === 'live' && !known.bytes.equals(bytes))
        throw new Violation('other bytes were acknowledged under a taken name')
      const now = this.#deletionsOf(key)
      if (now.destroyed !== before.destroyed) return
      const isSure = now.underWay === 0 && now.begun === before.begun && before.underWay === 0
      this.#stored.set(key, { ref, bytes, where: isSure ? 'live' : 'either' })
    }
  }

  /** Before it moves to the bin, or back. @returns what ends that */
  moving(ref: ObjectRef): () => void {
    const known = this.#stored.get(keyOf(ref))
    if (known) known.where = 'either'
    return this.#begin(ref, false)
  }

  /** Before it is destroyed. @returns what ends that */
  destroying(ref: ObjectRef): () => void {
    this.#stored.delete(keyOf(ref))
    return this.#begin(ref, true)
  }

  #deletionsOf(key: string): { begun: number; underWay: number; destroyed: number } {
    return { ...(this.#deletions.get(key) ?? { begun: 0, underWay: 0, destroyed: 0 }) }
  }

  #begin(ref: ObjectRef, destroys: boolean): () => void {
    const key = keyOf(ref)
    const change = (by: Partial<{ begun: number; underWay: number; destroyed: number }>): void => {
      const { begun, underWay, destroyed } = this.#deletionsOf(key)
      this.#deletions.set(key, {
        begun: begun + (by.begun ?? 0),
        underWay: underWay + (by.underWay ?? 0),
        destroyed: destroyed + (by.destroyed ?? 0),
      })
    }
    const destroyed = destroys ? 1 : 0
    change({ begun: 1, underWay: 1, destroyed })
    return () => {
      change({ underWay: -1, destroyed })
      if (destroys) this.#stored.delete(key)
    }
  }

  get stored(): { ref: ObjectRef; bytes: Buffer }[] {
    return [...this.#stored.values()]
  }

  /** While nothing else goes on. @throws Violation */
  async check(store: RepositoryStore): Promise<void> {
    const live = await this.#checkLive(store)
    const binned = new Set<string>()
    for await (const objects of store.bin.list())
      for (const object of objects) binned.add(keyOf(await this.#checkBinned(store, object)))
    for (const [key, { where }] of this.#stored) {
      if (live.has(key) || (where === 'either' && binned.has(key))) continue
      throw new Violation(
        where === 'live' ? 'an acknowledged object is gone' : 'a deleted object is not in the bin',
      )
    }
  }

  async #checkLive(store: RepositoryStore): Promise<Set<string>> {
    const found = new Set<string>()
    const refs: ObjectRef[] = [{ type: 'config', id: '' }]
    for (const type of types) {
      const listing = await store.list(type)
      if (listing === undefined) continue
      for await (const objects of listing) for (const { id } of objects) refs.push({ type, id })
    }
    for (const ref of refs) {
      const bytes = await readAll(store, ref)
      if (bytes === undefined && ref.type === 'config') continue
      this.#checkBytes(ref, bytes)
      found.add(keyOf(ref))
    }
    return found
  }

  /** There is no reading in the bin: what comes back from it is looked at in its place. */
  async #checkBinned(store: RepositoryStore, object: BinnedObject): Promise<ObjectRef> {
    const given = this.#given.get(keyOf(object.ref))
    if (!given?.some((bytes) => bytes.length === object.sizeBytes))
      throw new Violation('half an object is in the bin')
    if (await store.stat(object.ref)) return object.ref
    await store.bin.restore(object)
    this.#checkBytes(object.ref, await readAll(store, object.ref))
    return object.ref
  }

  #checkBytes(ref: ObjectRef, bytes: Buffer | undefined): void {
    const given = this.#given.get(keyOf(ref))
    if (given === undefined || bytes === undefined)
      throw new Violation('an object that nobody stored')
    const known = this.#stored.get(keyOf(ref))
    if (known?.where === 'live' && !known.bytes.equals(bytes))
      throw new Violation('an acknowledged object has other bytes')
    if (!given.some((one) => one.equals(bytes)))
      throw new Violation('half an object is visible under its final name')
  }
}

const readAll = async (store: RepositoryStore, ref: ObjectRef): Promise<Buffer | undefined> => {
  const object = await store.open(ref)
  if (object === undefined) return undefined
  const read = object.read({ start: 0, end: object.sizeBytes })
  if ('bytes' in read) return Buffer.from(read.bytes)
  const pieces: Buffer[] = []
  for await (const piece of read.pieces) pieces.push(Buffer.from(piece))
  read.close()
  return Buffer.concat(pieces)
}
