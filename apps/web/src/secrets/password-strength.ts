/**
 * The rules and the meter of a new password, as packages/member has them: that package holds keys and is never loaded
 * into the page. A test compares the two.
 */

export const passwordMinCharacters = 12
const passwordMaxCharacters = 1024

export type PasswordFault =
  | { readonly fault: 'short'; readonly missing: number }
  | { readonly fault: 'long' }
  | { readonly fault: 'malformed' }

/** Why a text cannot be a password, or undefined if it can. */
export const passwordFault = (password: string): PasswordFault | undefined => {
  if (!password.isWellFormed()) return { fault: 'malformed' }
  const { length } = [...password.normalize('NFC')]
  if (length < passwordMinCharacters) {
    return { fault: 'short', missing: passwordMinCharacters - length }
  }
  return length > passwordMaxCharacters ? { fault: 'long' } : undefined
}

const classes: readonly (readonly [RegExp, number])[] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[0-9]/, 10],
  [/[!-/:-@[-`{-~ ]/, 33],
  [/[^ -~]/, 60],
]

const commonParts =
  /password|passwort|letmein|welcome|qwerty|qwertz|asdf|admin|login|master|dragon|hearthold|iloveyou|(?:19|20)\d\d/gi

/** Characters that a guesser does not get for free: repeats, runs and common words count as one. */
const effectiveLength = (password: string): number => {
  const points = [...password.replaceAll(commonParts, '\u{f8ff}')].map(
    (character) => character.codePointAt(0) ?? 0,
  )
  let length = 0
  let step: number | undefined
  points.forEach((point, i) => {
    const before = points[i - 1]
    const next = before === undefined ? undefined : point - before
    const predictable = next !== undefined && Math.abs(next) <= 1 && next === (step ?? next)
    if (!predictable) length++
    step = next
  })
  return Math.min(length, new Set(points).size * 2)
}

/** An upper bound, in bits, of the guesses that a patient attacker needs. */
export const passwordBits = (password: string): number => {
  const text = password.normalize('NFC')
  const alphabet = classes.reduce(
    (sum, [pattern, size]) => sum + (pattern.test(text) ? size : 0),
    0,
  )
  return alphabet === 0 ? 0 : Math.round(effectiveLength(text) * Math.log2(alphabet))
}

/** The meter's step: 0 for nothing typed, 1 easy to guess or too short, up to 4 strong. */
export const passwordMeter = (password: string): 0 | 1 | 2 | 3 | 4 => {
  if (password === '') return 0
  const bits = passwordBits(password)
  if (passwordFault(password) || bits < 50) return 1
  if (bits < 62) return 2
  return bits < 75 ? 3 : 4
}
