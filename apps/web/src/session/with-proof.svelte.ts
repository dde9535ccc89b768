/** Acts that ask for a fresh proof: run, asked for one where the server wants it, and run again. */
import { codeOf } from './error-code.ts'

/** The person did not want to prove who they are; the act did not happen. */
export class ProofDeclined extends Error {
  constructor() {
    super('No fresh proof was given.')
    this.name = 'ProofDeclined'
  }
}

type Question = { readonly answer: (proven: boolean) => void }

const asked = $state<{ question: Question | undefined }>({ question: undefined })

/** The open question, for prove.svelte, which is mounted once. */
export const proofQuestion = {
  get open(): boolean {
    return asked.question !== undefined
  },
  answer(proven: boolean): void {
    const { question } = asked
    asked.question = undefined
    question?.answer(proven)
  },
}

const askForProof = async (): Promise<void> => {
  proofQuestion.answer(false)
  const proven = await new Promise<boolean>((answer) => {
    asked.question = { answer }
  })
  if (!proven) throw new ProofDeclined()
}

/**
 * Runs `act`; where it answers `step_up_needed` asks for a password or passkey and runs it once more. Throws
 * ProofDeclined where the person gave up, and all else that `act` throws.
 */
export const withProof = async <T>(act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (error) {
    if (codeOf(error) !== 'step_up_needed') throw error
    await askForProof()
    return act()
  }
}
