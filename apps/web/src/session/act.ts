/** Acts of a page: with a fresh proof where one is asked, and words for how they ended. */
import { lineOf } from './problem-words.ts'
import { account } from './session.svelte.ts'
import { ProofDeclined, withProof } from './with-proof.svelte.ts'
import { toast } from '../ui/toasts.svelte.ts'
import type { RemoteAccount } from '../workers/account/connect.ts'

/** True where the person gave up by themselves: nothing needs to be said. */
export const isGivenUp = (error: unknown): boolean =>
  error instanceof ProofDeclined || (error as { name?: unknown } | null)?.name === 'AbortError'

/** Runs an act of the worker; asks for a fresh proof once where the server wants it. Throws what it throws. */
export const prove = async <T>(run: (worker: RemoteAccount) => Promise<T>): Promise<T> => {
  const worker = await account()
  return withProof(() => run(worker))
}

/** The same where a toast says how it ended; true where it went through. */
export const act = async (
  run: (worker: RemoteAccount) => Promise<unknown>,
  done: string,
): Promise<boolean> => {
  try {
    await prove(run)
    toast({ kind: 'ok', text: done })
    return true
  } catch (error) {
    if (!isGivenUp(error)) toast({ kind: 'bad', text: lineOf(error) })
    return false
  }
}
