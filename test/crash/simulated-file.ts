import type { SeededRandom } from './seeded-random.ts'

/** What survives of unsynced changes when the power goes. */
export type Survival = 'nothing' | 'everything' | 'prefix' | 'subset'
export const survivals: readonly Survival[] = ['nothing', 'everything', 'prefix', 'subset']

/**
 * Which of `changes` survive, order kept. Those `doomed` by an fsync that failed may still get to the disk by
 * luck, though no later fsync brings them there.
 */
export const surviving = <Item extends { doomed: boolean }>(
  changes: readonly Item[],
  survival: Survival,
  random: SeededRandom,
): Item[] => {
  const honest = changes.filter(({ doomed }) => !doomed)
  if (survival === 'nothing') return []
  if (survival === 'everything') return honest
  if (survival === 'prefix') return honest.slice(0, random.below(honest.length + 1))
  return changes.filter(() => random.chance(0.5))
}

type Change = { readonly apply: (content: Content) => void; doomed: boolean }

const pageBytes = 4096

/** Bytes that grow without being copied each time; what is not written is zero. */
class Content {
  #bytes = Buffer.alloc(0)
  sizeBytes = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.sizeBytes)
  }

  write(part: Buffer, position: number): void {
    if (position + part.length > this.sizeBytes) this.resize(position + part.length)
    part.copy(this.#bytes, position)
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.#bytes.length) {
      const larger = Buffer.alloc(sizeBytes * 2)
      this.bytes.copy(larger)
      this.#bytes = larger
    } else if (sizeBytes < this.sizeBytes) this.#bytes.fill(0, sizeBytes, this.sizeBytes)
    this.sizeBytes = sizeBytes
  }

  copy(): Content {
    const other = new Content()
    other.write(this.bytes, 0)
    return other
  }
}

/** The bytes of one file as the process sees them, and as they would be after a power cut. */
export class SimulatedFile {
  #seen = new Content()
  #durable = new Content()
  #changes: Change[] = []

  get sizeBytes(): number {
    return this.#seen.sizeBytes
  }

  read(into: Uint8Array, position: number): number {
    return this.#seen.bytes.copy(into, 0, position)
  }

  /** Page by page, since a power cut may keep any of them: what a lost one would have filled is then a hole. */
  write(bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length;) {
      const length = Math.min(pageBytes - ((position + at) % pageBytes), bytes.length - at)
      const page = Buffer.from(bytes.subarray(at, at + length))
      const where = position + at
      this.#change((content) => content.write(page, where))
      at += length
    }
  }

  truncate(sizeBytes: number): void {
    this.#change((content) => content.resize(sizeBytes))
  }

  /** Notes what an fsync that begins now has to make durable; call the answer when it ends. */
  beginSync(): (fails: boolean) => void {
    const begun = new Set(this.#changes)
    return (fails) => {
      for (const change of begun)
        if (fails) change.doomed = true
        else if (!change.doomed) change.apply(this.#durable)
      // What an earlier fsync lost is lost for good now: it cannot come back over what is newer.
      if (!fails) this.#changes = this.#changes.filter((change) => !begun.has(change))
    }
  }

  /** The power goes: what was not synced is there or not, and a size may be there without its bytes. */
  crash(survival: Survival, random: SeededRandom): void {
    const { sizeBytes } = this
    for (const { apply } of surviving(this.#changes, survival, random)) apply(this.#durable)
    if (survival === 'subset' && this.#changes.length > 0 && random.chance(0.3))
      this.#durable.resize(sizeBytes)
    this.#seen = this.#durable.copy()
    this.#changes = []
  }

  #change(apply: (content: Content) => void): void {
    apply(this.#seen)
    this.#changes.push({ apply, doomed: false })
  }
}
