/** Why a storage was refused: our words, and what the server was told by it, which is for hosts alone. */
import { ProblemError } from '@hearthold/contract'
import { lineOf } from '../../session/problem-words.ts'

/** One or two sentences for a notice. */
export const storageLineOf = (error: unknown): string => {
  const line = lineOf(error)
  const isOfStorage = error instanceof ProblemError && error.code.startsWith('storage_')
  const detail = isOfStorage ? error.detail : undefined
  return detail === undefined ? line : `${line} ${detail}`
}
