import { type Survival, surviving } from './simulated-file.ts'
import type { SeededRandom } from './seeded-random.ts'

type Names<Node> = Map<string, Node>
type Change<Node> = { readonly apply: (names: Names<Node>) => void; doomed: boolean }

/** The names in one folder as the process sees them, and as they would be after a power cut. */
export class SimulatedFolder<Node> {
  #seen: Names<Node> = new Map()
  #durable: Names<Node> = new Map()
  #changes: Change<Node>[] = []

  get names(): string[] {
    return [...this.#seen.keys()]
  }

  get nodes(): Node[] {
    return [...new Set([...this.#seen.values(), ...this.#durable.values()])]
  }

  find(name: string): Node | undefined {
    return this.#seen.get(name)
  }

  put(name: string, node: Node): void {
    this.#change((names) => names.set(name, node))
  }

  remove(name: string): void {
    this.#change((names) => names.delete(name))
  }

  /** One change: a power cut keeps a rename or loses it, there is no moment between. */
  rename(from: string, to: string, node: Node): void {
    this.#change((names) => {
      names.delete(from)
      names.set(to, node)
    })
  }

  /** See SimulatedFile.beginSync. */
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

  crash(survival: Survival, random: SeededRandom): void {
    for (const { apply } of surviving(this.#changes, survival, random)) apply(this.#durable)
    this.#seen = new Map(this.#durable)
    this.#changes = []
  }

  #change(apply: (names: Names<Node>) => void): void {
    apply(this.#seen)
    this.#changes.push({ apply, doomed: false })
  }
}
