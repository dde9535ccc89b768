import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { checkBoundaries } from './check-boundaries.ts'

const manifest = (name: string, dependencies: Record<string, string>, more: object = {}) =>
  JSON.stringify({
    name: `@hearthold/${name}`,
    exports: { '.': './src/index.ts' },
    dependencies,
    ...more,
  })

/** A workspace that keeps the law; each test adds one file that may not. */
const lawful: Record<string, string> = {
  'package.json': JSON.stringify({ devDependencies: { vitest: '5.1.0' } }),
  'packages/contract/package.json': manifest('contract', { typebox: '1.4.3' }),
  'packages/contract/src/index.ts': "import { Type } from 'typebox'\n",
  'packages/crypto/package.json': manifest(
    'crypto',
    { '@noble/hashes': '2.4.0', hpke: '1.1.7' },
    { imports: { '#native': { node: './src/native-node.ts', default: './src/native-web.ts' } } },
  ),
  'packages/crypto/src/index.ts': "import { native } from '#native'\n",
  'packages/crypto/src/native-node.ts': "import { createHash } from 'node:crypto'\n",
  'packages/crypto/src/hash.test.ts':
    "import { slowHash } from './hash.oracle.ts'\nimport { bytes } from '../test/bytes.ts'\n",
  'packages/member/package.json': manifest('member', { '@hearthold/crypto': '0.1.0' }),
  'packages/member/src/index.ts': "export * from '@hearthold/crypto'\n",
  'apps/server/package.json': manifest(
    'server',
    { '@hearthold/contract': '0.1.0', kysely: '0.29.9' },
    { imports: { '#platform/*': './src/platform/*', '#features/*': './src/features/*' } },
  ),
  'apps/server/src/app.ts': "import { files } from '#features/files/service.ts'\n",
  'apps/server/src/config/load.ts': "import { log } from '#platform/log.ts'\n",
  'apps/server/src/platform/db/open.ts': "import { Kysely } from 'kysely'\nimport '../log.ts'\n",
  'apps/server/src/features/files/service.ts':
    "import { Problem } from '@hearthold/contract'\nimport { log } from '#platform/log.ts'\n" +
    "import { find } from '#features/identity/public.ts'\nimport './store.ts'\n",
  'apps/server/src/features/files/service.test.ts':
    "import { test } from 'vitest'\nimport { Member } from '@hearthold/member'\n" +
    "import { start } from '../../../../../test/support/server.ts'\n",
  'apps/web/package.json': JSON.stringify({
    name: '@hearthold/web',
    dependencies: { comlink: '4.4.2', svelte: '5.57.3' },
  }),
  'apps/web/src/ui/menu.svelte': "<script>\n  import { wrap } from 'comlink'\n</script>\n",
  'apps/web/src/app.svelte': "<script>import Files from './areas/files/page.svelte'</script>",
  'apps/web/src/areas/set-up/page.svelte':
    "<script>import Form from '../sign-up/form.svelte'\nimport Menu from '../../ui/menu.svelte'</script>",
  'packages/crypto/src/hash.oracle.ts':
    "import { expect } from 'vitest'\n" +
    "import v from '../../../docs/formats/vectors/hash.json' with { type: 'json' }\n",
}

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const check = (files: Record<string, string>): string[] => {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'))
  folders.push(root)
  for (const [path, text] of Object.entries({ ...lawful, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return checkBoundaries(root)
}

test('a lawful workspace has no violations', () => {
  expect(check({})).toEqual([])
})

describe('catches an import that', () => {
  test.each<[string, string, string, string]>([
    [
      'gives the server what handles keys',
      'apps/server/src/platform/x.ts',
      "import { Member } from '@hearthold/member'",
      'apps/server must not import @hearthold/member',
    ],
    [
      'does so by dynamic import',
      'apps/server/src/app.ts',
      "const m = await import('@hearthold/client')",
      'apps/server must not import @hearthold/client',
    ],
    [
      'does so by re-export',
      'apps/server/src/app.ts',
      "export type { Member } from '@hearthold/member'",
      'apps/server must not import @hearthold/member',
    ],
    [
      'does so by a path',
      'apps/server/src/app.ts',
      "import '../../../packages/member/src/index.ts'",
      'imports packages/member/src/index.ts, outside apps/server',
    ],
    [
      'hides its name',
      'apps/server/src/app.ts',
      'await import(name)',
      'imports a name computed at run time',
    ],
    [
      'goes past the door of a package',
      'packages/member/src/a.ts',
      "import { sha256 } from '@hearthold/crypto/src/hash.ts'",
      'imports @hearthold/crypto/src/hash.ts, past the one door of @hearthold/crypto',
    ],
    [
      'goes past it in a test',
      'packages/member/src/a.test.ts',
      "import { sha256 } from '@hearthold/crypto/src/hash.ts'",
      'imports @hearthold/crypto/src/hash.ts, past the one door of @hearthold/crypto',
    ],
    [
      'uses Node in a package for browsers',
      'packages/crypto/src/hash.ts',
      "import { createHash } from 'node:crypto'",
      'must not import node:crypto: it runs in browsers too',
    ],
    [
      'uses Node without its prefix',
      'packages/contract/src/a.ts',
      "import { readFileSync } from 'fs'",
      'must not import fs: it runs in browsers too',
    ],
    [
      'reaches from one area into another',
      'apps/web/src/areas/files/page.svelte',
      "<script>import Form from '../sign-up/form.svelte'</script>",
      'area files must not import area sign-up',
    ],
    [
      'brings an area into what areas share',
      'apps/web/src/ui/a.svelte',
      "<script>import Form from '../areas/sign-up/form.svelte'</script>",
      'must not import an area (apps/web/src/areas/sign-up/form.svelte)',
    ],
    [
      'brings Node into a component',
      'apps/web/src/ui/a.svelte',
      "<script>import { join } from 'node:path'</script>",
      'must not import node:path: it runs in browsers too',
    ],
    [
      'is not declared',
      'apps/server/src/app.ts',
      "import fastify from 'fastify'",
      'imports fastify, which apps/server/package.json lacks',
    ],
    [
      'is not declared, in a test',
      'apps/server/src/app.test.ts',
      "import { leftPad } from 'left-pad'",
      'imports left-pad, which no package.json here declares',
    ],
    [
      'is not allowed to this package',
      'packages/contract/src/a.ts',
      "import { sha256 } from '@noble/hashes/sha2.js'",
      'packages/contract must not import @noble/hashes',
    ],
    [
      'reaches behind the public.ts of another feature',
      'apps/server/src/features/files/routes.ts',
      "import { rows } from '#features/identity/store.ts'",
      'feature files may import only the public.ts of identity, not apps/server/src/features/identity/store.ts',
    ],
    [
      'reaches there by a path',
      'apps/server/src/features/files/migrations/0001-a.ts',
      "import { rows } from '../../identity/store.ts'",
      'feature files may import only the public.ts of identity, not apps/server/src/features/identity/store.ts',
    ],
    [
      'tells the platform of a feature',
      'apps/server/src/platform/http/bind.ts',
      "import { find } from '#features/identity/public.ts'",
      'platform must not import apps/server/src/features/identity/public.ts',
    ],
    [
      'gives a feature the settings',
      'apps/server/src/features/files/routes.ts',
      "import { load } from '../../config/load.ts'",
      'features must not import apps/server/src/config/load.ts',
    ],
    [
      'turns a feature towards the composer',
      'apps/server/src/features/files/routes.ts',
      "import { app } from '../../app.ts'",
      'features must not import the composer (apps/server/src/app.ts)',
    ],
    [
      'names an unknown subpath',
      'packages/crypto/src/a.ts',
      "import { a } from '#secret'",
      'imports #secret, which packages/crypto/package.json lacks',
    ],
    [
      'makes a test a source',
      'packages/crypto/src/a.ts',
      "import { a } from './b.test.ts'",
      'imports the test packages/crypto/src/b.test.ts',
    ],
    [
      'makes an oracle a source',
      'packages/crypto/src/a.ts',
      "import { a } from './hash.oracle.ts'",
      'imports the test packages/crypto/src/hash.oracle.ts',
    ],
    [
      'gives a source the vectors',
      'packages/crypto/src/a.ts',
      "import v from '../../../docs/formats/vectors/hash.json' with { type: 'json' }",
      'imports docs/formats/vectors/hash.json, outside packages/crypto',
    ],
  ])('%s', (_, file, text, reason) => {
    expect(check({ [file]: `${text}\n` })).toEqual([`${file}:1: ${reason}`])
  })
})

describe('catches a package.json that', () => {
  const server = 'apps/server/package.json'
  test.each<[string, string, string, string]>([
    [
      'declares what the law forbids',
      server,
      manifest(
        'server',
        { '@hearthold/contract': '0.1.0', kysely: '0.29.9', '@hearthold/member': '0.1.0' },
        { imports: { '#platform/*': './src/platform/*', '#features/*': './src/features/*' } },
      ),
      'must not depend on @hearthold/member',
    ],
    [
      'leaves a version open',
      'packages/contract/package.json',
      manifest('contract', { typebox: '^1.4.3' }),
      'typebox is not pinned exactly',
    ],
    [
      'has a second door',
      'packages/contract/package.json',
      manifest('contract', { typebox: '1.4.3' }, { exports: { '.': './a.ts', './b': './b.ts' } }),
      'must have one door, exports "."',
    ],
    [
      'has another name than its folder',
      'packages/contract/package.json',
      manifest('treaty', { typebox: '1.4.3' }),
      'must be named @hearthold/contract',
    ],
  ])('%s', (_, file, text, reason) => {
    expect(check({ [file]: text })).toEqual([`${file}: ${reason}`])
  })

  test('belongs to a folder the law does not know', () => {
    expect(check({ 'apps/extra/package.json': manifest('extra', {}) })).toEqual([
      'apps/extra: import-law.ts does not know this folder',
    ])
  })
})

test('the web app is imported by nobody and exports nothing', () => {
  const exporting = JSON.stringify({ name: '@hearthold/web', exports: { '.': './src/main.ts' } })
  expect(
    check({
      'apps/web/package.json': exporting,
      'apps/web/src/ui/menu.svelte': '<p>menu</p>',
    }),
  ).toEqual(['apps/web/package.json: must export nothing, and exports "."'])
})
