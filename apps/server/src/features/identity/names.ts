import { ProblemError } from '@hearthold/contract'

const limitCharacters = 64
/**
 * What nobody sees, so that "Ada" can be told from every other name: controls, separators of lines, all that is drawn as
 * nothing (zero-width characters, marks that turn the reading direction, fillers), and spaces in a row.
 */
const unseen =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800]|\p{Zs}{2}/u

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
