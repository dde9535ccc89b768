import type { ResticNode } from './node.ts'
import type { ResticRepository } from './repository.ts'
import { joined, walkSnapshot, type WalkOptions } from './walk.ts'

export type FoundNode = { readonly path: string; readonly node: ResticNode }

/** One element of a pattern: one character, a set of them, or any number of any. */
type Token =
  | { readonly many: 'name' | 'path' }
  | { readonly many?: undefined; readonly fits: (character: string) => boolean }

const rangeFits = (body: string): ((character: string) => boolean) => {
  const negated = /^[!^]/.test(body)
  const characters = [...(negated ? body.slice(1) : body)]
  const ranges: [string, string][] = []
  for (let at = 0; at < characters.length; at++) {
    const from = characters[at] ?? ''
    const isRange = characters[at + 1] === '-' && at + 2 < characters.length
    ranges.push([from, isRange ? (characters[at + 2] ?? '') : from])
    if (isRange) at += 2
  }
  return (character) =>
    character !== '/' &&
    ranges.some(([from, to]) => character >= from && character <= to) !== negated
}

const tokensOf = (pattern: string): Token[] => {
  const tokens: Token[] = []
  const characters = [...pattern]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    const close = character === '[' ? characters.indexOf(']', at + 2) : -1
    if (character === '*') {
      const path = characters[at + 1] === '*'
      if (path) at++
      // `**/` also stands for no folder at all.
      if (path && characters[at + 1] === '/') at++
      tokens.push({ many: path ? 'path' : 'name' })
    } else if (character === '?') tokens.push({ fits: (one) => one !== '/' })
    else if (close !== -1) {
      tokens.push({ fits: rangeFits(characters.slice(at + 1, close).join('')) })
      at = close
    } else {
      const literal = character === '\\' ? (characters[++at] ?? '\\') : character
      tokens.push({ fits: (one) => one === literal })
    }
  }
  return tokens
}

/** All states at once, so that no pattern takes longer than its length times that of the text. */
const fitsTokens = (tokens: readonly Token[], text: string): boolean => {
  const open = (states: Set<number>): Set<number> => {
    for (const state of states) if (tokens[state]?.many) states.add(state + 1)
    return states
  }
  let states = open(new Set([0]))
  for (const character of text) {
    const next = new Set<number>()
    for (const state of states) {
      const token = tokens[state]
      if (!token) continue
      if (token.many) {
        if (token.many === 'path' || character !== '/') next.add(state)
      } else if (token.fits(character)) next.add(state + 1)
    }
    if (next.size === 0) return false
    states = open(next)
  }
  return states.has(tokens.length)
}

/**
 * A test for a pattern, whatever its case: without `*`, `?` and `[` a part of the name; with them the whole name; with
 * a slash the whole path, where `**` spans folders.
 */
export const matcherOf = (pattern: string): ((path: string, name: string) => boolean) => {
  const folded = pattern.normalize().toLowerCase()
  const fold = (text: string) => text.normalize().toLowerCase()
  if (folded.includes('/')) {
    const tokens = tokensOf(folded.replace(/^\/+/, ''))
    return (path) => fitsTokens(tokens, fold(path))
  }
  if (!/[*?[]/.test(folded)) return (_, name) => fold(name).includes(folded)
  const tokens = tokensOf(folded)
  return (_, name) => fitsTokens(tokens, fold(name))
}

/** What a snapshot has of a name, in no order; see `matcherOf`. Throws as `walkSnapshot` does. */
export async function* searchSnapshot(
  repository: ResticRepository,
  tree: string,
  pattern: string,
  options: WalkOptions = {},
): AsyncGenerator<FoundNode> {
  const fits = matcherOf(pattern)
  for await (const { place, nodes } of walkSnapshot(repository, tree, options)) {
    for (const node of nodes) {
      const path = joined(place.path, node.name)
      if (fits(path, node.name)) yield { path, node }
    }
  }
}
