/** The table in docs/threat-model.md and these tests name the same refusals: neither promises what the other has not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** Codes in the second column of the tables of one section. */
const publishedCodes = (): Set<string> => {
  const text = readFileSync(join(root, 'docs/threat-model.md'), 'utf8')
  const section = text.slice(
    text.indexOf('## A server that lies'),
    text.indexOf('## Limits we state'),
  )
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return new Set(rows.flatMap((row) => row.split('|')[2]!.match(/`(\w+)`/g) ?? []).values())
}

/** Codes that some test here holds a refusal against. */
const testedCodes = (): Set<string> => {
  const tests = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))
  const found = new Set<string>()
  for (const name of tests) {
    if (name === 'published-table.test.ts') continue
    const text = readFileSync(join(import.meta.dirname, name), 'utf8')
    for (const [, code] of text.matchAll(/(?:code: '(?=\w)|kind: '(?=protocol'))(\w+)'/g))
      found.add(`\`${code}\``)
    for (const [, code] of text.matchAll(/'((?:log|account|object|instance)_\w+|malformed)'/g))
      found.add(`\`${code}\``)
  }
  // The person's own wrong code, where a lie had no effect at all.
  found.delete('`second_factor_wrong`')
  return found
}

it('every published code is tested, and every tested code is published', () => {
  const published = [...publishedCodes()].toSorted()
  expect(published.length).toBeGreaterThan(20)
  expect([...testedCodes()].toSorted()).toEqual(published)
})
