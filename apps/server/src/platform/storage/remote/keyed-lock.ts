/** What happened to a name while an upload of it was under way. */
export type Watch = {
  /** Something else held the lock of the name meanwhile: it may be gone again. */
  readonly wasLocked: boolean
  /** Another upload of the same bytes was done first. */
  readonly wasStored: boolean
  /** To be called when the bytes lie there; tells the others. */
  stored(): void
  end(): void
}

type Flags = { wasLocked: boolean; wasStored: boolean }

/** Lets one at a time pass for each key, in the order of asking. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #watches = new Map<string, Set<Flags>>()

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    for (const flags of this.#watches.get(key) ?? []) flags.wasLocked = true
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    this.#tails.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
  }

  /** For uploads, which take too long to hold a lock. */
  watch(key: string): Watch {
    const flags: Flags = { wasLocked: this.#tails.has(key), wasStored: false }
    const all = this.#watches.get(key) ?? new Set()
    this.#watches.set(key, all.add(flags))
    return {
      get wasLocked() {
        return flags.wasLocked
      },
      get wasStored() {
        return flags.wasStored
      },
      stored: () => {
        for (const other of all) if (other !== flags) other.wasStored = true
      },
      end: () => {
        all.delete(flags)
        if (all.size === 0) this.#watches.delete(key)
      },
    }
  }
}
