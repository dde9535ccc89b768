/** What a page shows of the server: asked for, shown, asked for again after an act. */
import { problemWords } from './problem-words.ts'

export class Loaded<T> {
  /** Undefined until it is there for the first time; kept while it is asked for again. */
  value = $state.raw<T>()
  error = $state.raw<ReturnType<typeof problemWords>>()
  readonly #ask: () => Promise<T>
  #run = 0

  constructor(ask: () => Promise<T>) {
    this.#ask = ask
    void this.load()
  }

  /** Asks anew. Never throws: `error` says what went wrong. */
  readonly load = async (): Promise<void> => {
    const run = ++this.#run
    try {
      const value = await this.#ask()
      if (run !== this.#run) return
      this.value = value
      this.error = undefined
    } catch (error) {
      if (run === this.#run) this.error = problemWords(error)
    }
  }
}
