import { ProblemError } from '@hearthold/contract'

const limitCharacters = 64
/** Controls, line and paragraph separators, and the marks that turn the reading direction. */
const unseen = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** As the member wrote it, in one spelling (NFKC) and without space around. */
export const displayName = (name: string): string => name.normalize('NFKC').trim()

/** What names are compared by. Total: a name that nobody can have has a form too, and simply is not found. */
export const comparedName = (name: string): string =>
  displayName(name).toLowerCase().normalize('NFKC').toWellFormed()

/**
 * A name for a new account, as it is shown.
 * @throws ProblemError `sign_up_invalid` for one that is empty, too long, or has characters that nobody sees
 */
export const newDisplayName = (name: string): string => {
  const shown = displayName(name)
  const fits = shown.length > 0 && shown.length <= limitCharacters && !unseen.test(shown)
  if (!fits || comparedName(shown).length > limitCharacters)
    throw new ProblemError('sign_up_invalid', 'A name has 1 to 64 characters that can be seen.')
  return shown
}
