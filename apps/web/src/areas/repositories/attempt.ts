/** Acts on repositories: with a fresh proof where the server asks for one, and words where they fail. */
import { lineOf } from '../../session/problem-words.ts'
import { withProof } from '../../session/with-proof.svelte.ts'
import { toast } from '../../ui/toasts.svelte.ts'
import { isGivenUp } from '../../session/act.ts'

/** What `run` answers; undefined where it failed (a toast says why) or the person gave up. */
export const attempt = async <T>(run: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await withProof(run)
  } catch (error) {
    if (!isGivenUp(error)) toast({ kind: 'bad', text: lineOf(error) })
    return undefined
  }
}
