/** Acts that want a code of the second factor unless the fresh proof was stronger: asked for only where it is wanted. */
import { codeOf } from '../../session/error-code.ts'

export class CodeQuestion {
  /** Set while a code is asked for. */
  open = $state.raw<{ readonly wrong: boolean }>()
  #resolve: ((code: string) => void) | undefined
  #reject: ((error: Error) => void) | undefined

  answer(code: string): void {
    this.#resolve?.(code)
  }

  giveUp(): void {
    this.open = undefined
    const error = new Error('The person gave up.')
    error.name = 'AbortError'
    this.#reject?.(error)
  }

  #ask(wrong: boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.open = { wrong }
    })
  }

  /** Runs `act`, first without a code, then with what is typed until one fits. Throws what `act` throws for any other reason. */
  async run<T>(act: (code: string | undefined) => Promise<T>): Promise<T> {
    for (let code: string | undefined; ;) {
      try {
        const done = await act(code)
        this.open = undefined
        return done
      } catch (error) {
        const reason = codeOf(error)
        const asks = reason === 'second_factor_needed' || reason === 'second_factor_wrong'
        if (!asks) {
          this.open = undefined
          throw error
        }
        code = await this.#ask(reason === 'second_factor_wrong')
      }
    }
  }
}
