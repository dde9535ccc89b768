/** For others: they get their turn before this answers. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** One thing after another for each key; what waits holds nothing but its place. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` when everything begun before under this key has ended. */
  run<Answer>(key: string, work: () => Promise<Answer>): Promise<Answer> {
    const before = this.#last.get(key)
    const answer = before === undefined ? work() : before.then(work)
    const mine = answer
      .catch(() => undefined)
      .finally(() => {
        if (this.#last.get(key) === mine) this.#last.delete(key)
      })
    this.#last.set(key, mine)
    return answer
  }

  /** When all that is under way has ended. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values())
  }
}
