/** A new authenticator on its way: shown, verified by a code, asked again where the code was wrong. */
import { proxy } from 'comlink'

type Shown = { readonly secret: string; readonly uri: string; readonly wrong: boolean }

export class TotpExchange {
  shown = $state.raw<Shown>()
  #resolve: ((code: string) => void) | undefined
  #reject: ((error: Error) => void) | undefined

  /** What the worker calls. */
  readonly steps = proxy({
    keepTotp: ({ secret, uri }: { secret: string; uri: string }): Promise<string> =>
      this.#ask({ secret, uri, wrong: false }),
    onWrongCode: (): Promise<string> =>
      this.#ask({ ...(this.shown ?? { secret: '', uri: '' }), wrong: true }),
  })

  #ask(shown: Shown): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.shown = shown
    })
  }

  submit(code: string): void {
    this.#resolve?.(code)
  }

  /** Nothing is kept; the old authenticator goes on. */
  giveUp(): void {
    this.shown = undefined
    const error = new Error('The person gave up.')
    error.name = 'AbortError'
    this.#reject?.(error)
  }
}
