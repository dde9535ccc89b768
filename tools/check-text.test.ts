import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkLinks, checkWords } from './check-text.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const withFiles = (files: Record<string, string>): string => {
  const root = mkdtempSync(join(tmpdir(), 'text-'))
  folders.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

describe('unfinished words', () => {
  test.each([
    ['a note to oneself', `// ${'TO'}DO later`],
    ['a muted compiler', `// @ts-${'ignore'}`],
    ['a test that does not run', `test.${'skip'}('a', () => {})`],
    ['a test that hides the others', `describe.concurrent.${'only'}('a', () => {})`],
    ['a test that may not run', `test.${'skip'}If(true)('a', () => {})`],
  ])('finds %s', (_, line) => {
    const found = checkWords(withFiles({ 'packages/a/src/a.test.ts': `\n${line}\n` }))
    expect(found).not.toEqual([])
    expect(found[0]).toMatch(/^packages\/a\/src\/a\.test\.ts:2: /)
  })

  test('leaves ordinary code and installed packages alone', () => {
    const root = withFiles({
      'a.ts': 'const todos = stream.skip(1)\n',
      'node_modules/b/b.js': `// ${'TO'}DO\n`,
    })
    expect(checkWords(root)).toEqual([])
  })
})

describe('links', () => {
  test('to files and folders that exist are fine, and so are those to elsewhere', () => {
    const root = withFiles({
      'README.md': '[a](docs/a.md#part) [b](docs/) [c](https://example.org/x) [d](#here)\n',
      'docs/a.md': '[up](../README.md) [root](/README.md) `[code](none.md)`\n\n[r]: a.md\n',
    })
    expect(checkLinks(root)).toEqual([])
  })

  test.each([['[a](b.md)'], ['[a](b.md#part)'], ['![a](b.png "a picture")'], ['[a]: b.md']])(
    'that lead nowhere are found: %s',
    (text) => {
      expect(checkLinks(withFiles({ 'docs/a.md': `${text}\n` }))).toHaveLength(1)
    },
  )
})
