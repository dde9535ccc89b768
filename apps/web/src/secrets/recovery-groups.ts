/** The recovery key as people handle it: nine groups of four, two of which are asked back to see that it was kept. */

const groupCount = 9
const groupCharacters = 4

/** The groups of a key as the worker shows it. Throws RangeError for a text of another form. */
export const groupsOf = (key: string): readonly string[] => {
  const groups = key.split('-')
  const whole =
    groups.length === groupCount && groups.every(({ length }) => length === groupCharacters)
  if (!whole) throw new RangeError('a recovery key has nine groups of four characters')
  return groups
}

/** As a key is spelled: capitals, no hyphens or spaces, and the look-alikes that Crockford's alphabet leaves out. */
export const spelled = (typed: string): string =>
  typed
    .replaceAll(/[^0-9A-Za-z]/g, '')
    .toUpperCase()
    .replaceAll(/[IL]/g, '1')
    .replaceAll('O', '0')

/**
 * Two different places of groups, from 1, in order. The last group is never asked: it checks the others.
 * `random` gives a number from 0 up to, not including, its argument.
 */
export const pickPlaces = (random: (below: number) => number): readonly [number, number] => {
  const first = random(groupCount - 1)
  const second = random(groupCount - 2)
  const other = second >= first ? second + 1 : second
  return first < other ? [first + 1, other + 1] : [other + 1, first + 1]
}

/** An unbiased number from 0 up to, not including, `below` (at most 256). */
export const randomBelow = (below: number): number => {
  const limit = 256 - (256 % below)
  for (;;) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1))
    if (byte < limit) return byte % below
  }
}

/** Whether what was typed is the group at `place` (from 1). */
export const isGroup = (key: string, place: number, typed: string): boolean =>
  spelled(typed) === groupsOf(key)[place - 1]

/** Whether a typed key has the right length, before the worker checks the rest. */
export const isWholeKey = (typed: string): boolean =>
  spelled(typed).length === groupCount * groupCharacters
