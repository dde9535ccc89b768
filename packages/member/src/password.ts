/** Rules of passwords, and an estimate of their strength that promises no more than it knows. */

export const passwordMinCharacters = 12
export const passwordMaxCharacters = 1024

/** The one spelling of a password that is stretched: NFC, so that every keyboard makes the same bytes. */
export const normalizePassword = (password: string): string => password.normalize('NFC')

/** Why a text cannot be a password, or undefined if it can. Never repeats the text. */
export const passwordProblem = (password: string): string | undefined => {
  if (!password.isWellFormed()) return 'The password must be well-formed Unicode.'
  const length = [...normalizePassword(password)].length
  if (length < passwordMinCharacters) {
    return `The password must have at least ${passwordMinCharacters} characters.`
  }
  if (length > passwordMaxCharacters) {
    return `The password must have at most ${passwordMaxCharacters} characters.`
  }
  return undefined
}

export type PasswordStrength = {
  /** Estimated base-2 logarithm of the guesses that a patient attacker needs; an upper bound. */
  readonly bits: number
  readonly label: 'weak' | 'fair' | 'strong'
}

const classes: readonly (readonly [RegExp, number])[] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[0-9]/, 10],
  [/[!-/:-@[-`{-~ ]/, 33],
  // Anything beyond ASCII counts like one more alphabet, not like all of Unicode.
  [/[^ -~]/, 60],
]

const commonParts =
  /password|passwort|letmein|welcome|qwerty|qwertz|asdf|admin|login|master|dragon|hearthold|iloveyou|(?:19|20)\d\d/gi

/** Characters that a guesser does not get for free: repeats, runs such as "abc" or "321", and common words count as one. */
const effectiveLength = (password: string): number => {
  const characters = [...password.replaceAll(commonParts, '\u{f8ff}')]
  let length = 0
  let step: number | undefined
  characters.forEach((character, i) => {
    const before = i === 0 ? undefined : characters[i - 1]!.codePointAt(0)!
    const next = before === undefined ? undefined : character.codePointAt(0)! - before
    const predictable = next !== undefined && Math.abs(next) <= 1 && next === (step ?? next)
    if (!predictable) length++
    step = next
  })
  return Math.min(length, new Set(characters).size * 2)
}

/**
 * A rough upper bound: alphabet size to the power of the characters that are no repeat, run or common word.
 * It knows no dictionary, so that a sentence from a book looks better than it is: screens say "at most".
 */
export const passwordStrength = (password: string): PasswordStrength => {
  const text = normalizePassword(password)
  const alphabet = classes.reduce(
    (sum, [pattern, size]) => sum + (pattern.test(text) ? size : 0),
    0,
  )
  const bits = alphabet === 0 ? 0 : Math.round(effectiveLength(text) * Math.log2(alphabet))
  return { bits, label: bits < 50 ? 'weak' : bits < 75 ? 'fair' : 'strong' }
}
