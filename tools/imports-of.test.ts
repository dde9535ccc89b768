import { expect, test } from 'vitest'
import { importsOf } from './imports-of.ts'

const specifiers = (text: string) => importsOf(text).map(({ specifier }) => specifier)

test.each([
  ["import { a } from './a.ts'", './a.ts'],
  ["import type { A } from './a.ts'", './a.ts'],
  ['import "./a.ts"', './a.ts'],
  ["import {\n  a,\n  b,\n} from './a.ts'", './a.ts'],
  ["import a, { b } from/* why */'./a.ts'", './a.ts'],
  ["export * from './a.ts'", './a.ts'],
  ["export { a as b } from './a.ts'", './a.ts'],
  ["const a = await import('./a.ts')", './a.ts'],
  ["const a = await import(\n  /* @vite-ignore */ './a.ts'\n)", './a.ts'],
  ['const a = await import(`./a.ts`)', './a.ts'],
  ["type A = import('./a.ts').A", './a.ts'],
  ["const a = require('./a.ts')", './a.ts'],
  ["const a = import.meta.resolve('./a.ts')", './a.ts'],
  ["/* why */ import { a } from './a.ts'", './a.ts'],
  ["const b = 1; import('./a.ts')", './a.ts'],
])('%s', (text, specifier) => {
  expect(specifiers(text)).toEqual([specifier])
})

test.each([
  ['const a = await import(name)'],
  ['const a = await import(`./${name}.ts`)'],
  ['const a = await import( `${name}` )'],
])('a computed name is reported as such: %s', (text) => {
  expect(specifiers(text)).toEqual([undefined])
})

test.each([
  ["// import { a } from './a.ts'"],
  ["/**\n * import { a } from './a.ts'\n */"],
  ["const bytes = Buffer.from('abc')"],
  ['const importance = "b"'],
  ['const dir = import.meta.dirname'],
])('is no import: %s', (text) => {
  expect(specifiers(text)).toEqual([])
})

test('tells the line', () => {
  expect(importsOf("\n\nimport { a } from './a.ts'\nimport './b.ts'\n")).toEqual([
    { line: 3, specifier: './a.ts' },
    { line: 4, specifier: './b.ts' },
  ])
})
