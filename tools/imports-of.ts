/** Finds what a source file imports. */

/** One import, dynamic import, re-export or require, with the line it stands on, from 1. */
export type Import = {
  line: number
  /** What is imported, or undefined when the name is computed at run time. */
  specifier: string | undefined
}

const gap = String.raw`(?:\s|/\*[^]*?\*/|//[^\n]*\n)*`
const literal = String.raw`(?:'([^'\n]+)'|"([^"\n]+)"|` + '`([^`$\n]+)`)'
const named = new RegExp(
  String.raw`(?<![\w$.])(?:from${gap}|import${gap}\(?${gap}|(?:require|import\.meta\.resolve)${gap}\(${gap})` +
    literal,
  'g',
)
const computed = new RegExp(
  String.raw`(?<![\w$.])import${gap}\(${gap}(?:[^\s'"/` + '`]|`[^`\\n]*\\$\\{)',
  'g',
)

/**
 * Every import of a file, in order. It reads text, not syntax, and so may report an import that
 * stands in a string; it never misses one. Comment lines are left out.
 */
export const importsOf = (text: string): Import[] => {
  const code = text
    .split('\n')
    .map((line) => (/^\s*(?:\/\/|\* |\/\*\* )/.test(line) && !/\*\/\s*\S/.test(line) ? '' : line))
    .join('\n')
  const found = [
    ...[...code.matchAll(named)].map((match) => ({
      index: match.index,
      specifier: match[1] ?? match[2] ?? match[3],
    })),
    ...[...code.matchAll(computed)].map((match) => ({ index: match.index, specifier: undefined })),
  ]
  return found
    .sort((a, b) => a.index - b.index)
    .map(({ index, specifier }) => ({ line: code.slice(0, index).split('\n').length, specifier }))
}
