import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { contrast, parseOklch, type Rgb, toRgb } from './oklch.oracle.ts'

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8')

/** The declarations of each block, in order: the base, high contrast by the system, high contrast by this app. */
const blockAfter = (start: string): string => {
  const from = css.indexOf(start)
  if (from < 0) throw new Error(`tokens.css has no ${start}`)
  const open = css.lastIndexOf('{', css.indexOf('--page:', from))
  return css.slice(open + 1, css.indexOf('}', open))
}
const base = blockAfter(':root {')
const bySystem = blockAfter('@media (prefers-contrast: more)')
const byApp = blockAfter(":root[data-theme='contrast']")

type Colours = Record<string, { light: Rgb; dark: Rgb }>
const coloursOf = (block: string): Colours => {
  const pair = /--([\w-]+):\s*light-dark\(oklch\(([^)]*)\),\s*oklch\(([^)]*)\)\)/g
  return Object.fromEntries(
    [...block.matchAll(pair)].map(([, name = '', light = '', dark = '']) => [
      name,
      { light: toRgb(parseOklch(light)), dark: toRgb(parseOklch(dark)) },
    ]),
  )
}
const usual = coloursOf(base)
const strong = { ...usual, ...coloursOf(byApp) }

const surfaces = ['page', 'panel', 'sunk', 'hover']
/** Words on what they stand on: 4.5 to 1. */
const words: [ink: string, on: string[]][] = [
  ['ink', [...surfaces, 'accent-soft', 'ok-soft', 'warn-soft', 'bad-soft']],
  ['ink-2', [...surfaces, 'accent-soft']],
  ['ink-3', ['page', 'panel', 'sunk']],
  ['accent', [...surfaces, 'accent-soft']],
  ['accent-strong', surfaces],
  ['on-accent', ['accent', 'accent-strong']],
  ['on-bad', ['bad', 'bad-strong']],
  ['ok', ['page', 'panel', 'ok-soft']],
  ['warn', ['page', 'panel', 'hover', 'warn-soft']],
  ['bad', ['page', 'panel', 'hover', 'bad-soft']],
  // Tooltips.
  ['page', ['ink']],
]
/** Edges of fields, focus rings and bars against what is beside them: 3 to 1. */
const shapes: [edge: string, on: string[]][] = [
  ['edge', ['page', 'panel']],
  ['focus', [...surfaces, 'accent-soft']],
  ['accent', ['hover']],
  ['ok', ['hover']],
  ['warn', ['hover']],
  ['bad', ['hover']],
]

const themes: [string, Colours, 'light' | 'dark', number, number][] = [
  ['light', usual, 'light', 4.5, 3],
  ['dark', usual, 'dark', 4.5, 3],
  ['high contrast, light', strong, 'light', 7, 4.5],
  ['high contrast, dark', strong, 'dark', 7, 4.5],
]

describe.each(themes)('%s', (_name, colours, scheme, forWords, forShapes) => {
  const cases = [
    ...words.flatMap(([ink, on]) => on.map((under) => [ink, under, forWords] as const)),
    ...shapes.flatMap(([edge, on]) => on.map((under) => [edge, under, forShapes] as const)),
  ]
  test.each(cases)('%s on %s has at least %d to 1', (ink, under, least) => {
    const [front, back] = [colours[ink], colours[under]]
    if (!front || !back) throw new Error(`tokens.css lacks ${ink} or ${under}`)
    expect(contrast(front[scheme], back[scheme])).toBeGreaterThanOrEqual(least)
  })
})

test('high contrast is the same whether the system or the person asks for it', () => {
  const plain = (block: string): string => block.replace(/\s+/g, ' ').trim()
  expect(plain(bySystem)).toBe(plain(byApp))
  expect(Object.keys(coloursOf(byApp)).length).toBeGreaterThan(20)
})

test('every colour token of the base is one that high contrast knows, but for the scrim', () => {
  const without = Object.keys(usual).filter((name) => !(name in coloursOf(byApp)))
  expect(without).toEqual(['scrim'])
})

describe('the contrast computed here', () => {
  test('is that of WCAG for colours that are known', () => {
    expect(contrast(toRgb({ l: 1, c: 0, h: 0 }), toRgb({ l: 0, c: 0, h: 0 }))).toBeCloseTo(21, 1)
    // sRGB red is oklch(62.796% 0.25768 29.234), 3.998 to 1 on white.
    const red = toRgb({ l: 0.62796, c: 0.25768, h: 29.234 })
    expect(contrast(red, toRgb({ l: 1, c: 0, h: 0 }))).toBeCloseTo(3.998, 1)
  })
})
