/** A new recovery key on its way to the person: shown by the page, and answered when it was kept. */
import { proxy } from 'comlink'

export class KeyExchange {
  /** The new key while it is shown. */
  key = $state<string>()
  #done: (() => void) | undefined
  #refuse: ((error: Error) => void) | undefined

  /** What the worker calls with the new key. */
  readonly keepNew = proxy(
    (text: string): Promise<void> =>
      new Promise((done, refuse) => {
        this.#done = done
        this.#refuse = refuse
        this.key = text
      }),
  )

  kept(): void {
    this.key = undefined
    this.#done?.()
  }

  giveUp(): void {
    this.key = undefined
    const error = new Error('The person gave up.')
    error.name = 'AbortError'
    this.#refuse?.(error)
  }
}
