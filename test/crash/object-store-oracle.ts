import { createHash } from 'node:crypto'
import type { ObjectStore } from '../../apps/server/src/platform/objects/index.ts'

/** The store broke its promise. */
export class Violation extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Violation'
  }
}

/**
 * Knows what the store was given and what it answered, and so what must be there after any crash: everything
 * acknowledged, byte for byte, and under a final name nothing but whole objects.
 */
export class ObjectStoreOracle {
  readonly #given = new Map<string, Buffer>()
  readonly #acknowledged = new Set<string>()

  /** Before the bytes are handed over. An id is given one content only, as honest members do. */
  give(id: string, bytes: Buffer): void {
    this.#given.set(id, bytes)
  }

  /** The store answered that it is stored. */
  acknowledge(id: string, sha256: string | undefined): void {
    const bytes = this.#bytesOf(id)
    if (sha256 !== createHash('sha256').update(bytes).digest('hex'))
      throw new Violation('acknowledged with a wrong hash')
    this.#acknowledged.add(id)
  }

  /** Before a removal begins: it may or may not be there from here on, but still whole or not at all. */
  forget(id: string): void {
    this.#acknowledged.delete(id)
  }

  get acknowledged(): string[] {
    return [...this.#acknowledged]
  }

  bytesOf(id: string): Buffer {
    return this.#bytesOf(id)
  }

  /** While other work goes on, too. @throws Violation */
  async check(store: ObjectStore): Promise<void> {
    const expected = this.acknowledged
    const found = new Set<string>()
    for await (const ids of store.list()) for (const id of ids) found.add(id)
    const ids = [...new Set([...expected, ...found])]
    const stored = await store.readMany(ids)
    for (const [index, id] of ids.entries()) this.#checkOne(id, stored[index])
    for (const id of expected)
      if (!found.has(id) && this.#acknowledged.has(id))
        throw new Violation('an acknowledged object is not listed')
  }

  #checkOne(id: string, stored: Uint8Array | undefined): void {
    const given = this.#given.get(id)
    if (!given) throw new Violation('an object that nobody stored')
    const acknowledged = this.#acknowledged.has(id)
    if (!stored && acknowledged) throw new Violation('an acknowledged object is gone')
    if (!stored || given.equals(stored)) return
    throw new Violation(
      acknowledged
        ? 'an acknowledged object has other bytes'
        : 'half an object is visible under its final name',
    )
  }

  #bytesOf(id: string): Buffer {
    const bytes = this.#given.get(id)
    if (!bytes) throw new Violation('an object that nobody gave')
    return bytes
  }
}
