import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkWeb } from './check-web.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const check = (files: Record<string, string>): string[] => {
  const root = mkdtempSync(join(tmpdir(), 'web-'))
  folders.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'apps/web/src', path)), { recursive: true })
    writeFileSync(join(root, 'apps/web/src', path), text)
  }
  return checkWeb(root)
}

describe('a component', () => {
  test.each([
    ['markup out of text', '<p>{@html name}</p>'],
    ['a style attribute', '<p style="color: red">a</p>'],
    ['a style attribute in single quotes', `<p class="a" style='color: red'>a</p>`],
    ['a style attribute without quotes', '<p style=color:red>a</p>'],
    ['a handler in an attribute', '<p onclick="go()">a</p>'],
  ])('must not have %s', (_, line) => {
    expect(check({ 'ui/a.svelte': `<script>\n</script>\n${line}\n` })).toEqual([
      expect.stringMatching(/^apps\/web\/src\/ui\/a\.svelte:3: /),
    ])
  })
  test('may set single properties, and have styles and handlers of its own', () => {
    const text = [
      '<p style:width={`${part}%`} style:--columns={columns} onclick={go}>a</p>',
      '<style>p { color: var(--ink); }</style>',
      '<style lang="css"></style>',
    ]
    expect(check({ 'ui/a.svelte': text.join('\n') })).toEqual([])
  })
  test('has at most 400 lines', () => {
    expect(check({ 'a.svelte': 'a\n'.repeat(400) })).toEqual([])
    expect(check({ 'a.svelte': 'a\n'.repeat(401) })).toEqual([
      'apps/web/src/a.svelte:401: has more than 400 lines',
    ])
  })
})

describe('the main thread', () => {
  const app = { 'main.ts': "import App from './app.svelte'\n" }
  test('must not reach the keys, however long the way', () => {
    const files = {
      ...app,
      'app.svelte':
        '<script lang="ts">\n  const area = () => import(\'./areas/files.svelte\')\n</script>\n',
      'areas/files.svelte':
        '<script lang="ts">\n  import {\n    a,\n  } from \'../workers/keys.ts\'\n</script>\n',
      'workers/keys.ts': "\nexport { unlock } from '@hearthold/member'\n",
    }
    expect(check(files)).toEqual([
      'apps/web/src/workers/keys.ts:2: brings @hearthold/member to the main thread: main.ts > app.svelte > areas/files.svelte > workers/keys.ts',
    ])
  })
  test('may know types, and start a worker', () => {
    const files = {
      ...app,
      'app.svelte':
        '<script lang="ts">\n  import type { Api } from \'./workers/keys.ts\'\n' +
        "  import type {\n    Key,\n  } from '@hearthold/member'\n" +
        "  new Worker(new URL('./workers/keys.ts', import.meta.url))\n</script>\n",
      'workers/keys.ts': "import { unlock } from '@hearthold/member'\n",
    }
    expect(check(files)).toEqual([])
  })
  test('reaches the keys by an import that has a value beside its types', () => {
    const files = { 'main.ts': "import { type Key, unlock } from '@hearthold/member'\n" }
    expect(check(files).length).toBe(1)
  })
})
