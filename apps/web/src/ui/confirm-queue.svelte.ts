/** Questions that wait for a yes or no, one at a time. */

export type Question = {
  readonly title: string
  readonly text: string
  /** The verb on the button that does it. */
  readonly act: string
  /** What it does cannot be undone, or loses something. */
  readonly danger?: boolean | undefined
  /** What must be typed first: for what cannot be undone. */
  readonly typed?: string | undefined
}
type Waiting = Question & { readonly answer: (yes: boolean) => void }

let queue = $state.raw<readonly Waiting[]>([])

/** The question on screen; reading it in a component follows it. */
export const questions = {
  get now(): Question | undefined {
    return queue[0]
  },
}

/** Asks, and resolves to the answer: false where the person closes the dialog. */
export const confirm = (question: Question): Promise<boolean> =>
  new Promise((resolve) => {
    queue = [...queue, { ...question, answer: resolve }]
  })

/** Answers the question on screen. */
export const answer = (yes: boolean): void => {
  const [first, ...rest] = queue
  queue = rest
  first?.answer(yes)
}
