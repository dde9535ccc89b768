import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { chromiumLaunch } from './tools/chromium.ts'

const sources = ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/**/*.test.ts']
/** They replace modules of Node, which the other files of the same process would get as well. */
const alone = ['apps/cli/src/disk/tree-sink.test.ts']
const inBrowser = ['packages/*/src/**/*.browser.test.ts']
/** Components and what needs a page: they need the compiler of Svelte, and no Node. */
const inPage = ['apps/web/src/**/*.browser.test.ts']

/**
 * `unit` and `browser` are the tests beside the sources, `product` starts the real server.
 * test/clients and test/long are asked for by name through TEST_SUITE (tools/test.ts sets it):
 * they need installed clients or hours.
 */
const suite = process.env['TEST_SUITE'] ?? 'default'

const unitLimits = {
  sequence: { groupOrder: 0 },
  // Without it there would be one less than the machine has cores.
  maxWorkers: 2,
  // Some start a process or two, which on a busy machine takes as long as it takes.
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

/** Files of *.browser.test.ts also run in Node: one vector file proves both sides of a format. */
const projects = async () => {
  if (suite !== 'default') return [productProject(suite, [`test/${suite}/**/*.test.ts`], [])]
  return [
    {
      extends: true as const,
      test: {
        name: 'unit',
        include: sources,
        exclude: ['**/node_modules/**', '**/fixtures/**', ...inPage, ...alone],
        // Many files a process, one after the other: most of the time of a file was the loading of its modules.
        isolate: false,
        setupFiles: ['tools/test-process.ts'],
        unstubGlobals: true,
        unstubEnvs: true,
        ...unitLimits,
      },
    },
    {
      extends: true as const,
      test: { name: 'alone', include: alone, ...unitLimits },
    },
    {
      extends: true as const,
      // Vite would bundle each dependency when it first meets it and reload the page under a running
      // test. These two have hundreds of modules and are bundled beforehand; the others load as are.
      optimizeDeps: { noDiscovery: true, include: ['fast-check', 'typebox'] },
      test: {
        name: 'browser',
        include: inBrowser,
        sequence: { groupOrder: 1 },
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({ launchOptions: await chromiumLaunch() }),
          instances: [{ browser: 'chromium' as const, name: 'browser' }],
        },
      },
    },
    {
      extends: true as const,
      plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
      optimizeDeps: { noDiscovery: true },
      test: {
        name: 'web',
        include: inPage,
        // Alone: one of its tests measures frames.
        sequence: { groupOrder: 2 },
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          viewport: { width: 1280, height: 800 },
          provider: playwright({ launchOptions: await chromiumLaunch() }),
          instances: [{ browser: 'chromium' as const, name: 'web' }],
        },
      },
    },
    productProject('product', ['test/**/*.test.ts'], ['test/clients/**', 'test/long/**']),
  ]
}

const productProject = (name: string, include: string[], exclude: string[]) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', ...exclude],
    sequence: { groupOrder: 3 },
    testTimeout: name === 'long' ? 4 * 3600_000 : 120_000,
    hookTimeout: 120_000,
    // Each file starts servers of its own, and waits for them half of its time.
    maxWorkers: 3,
  },
})

export default defineConfig(async () => ({
  // The compiler's project references are no business of the tests: one stale reference fails all.
  tsconfig: join(import.meta.dirname, 'tsconfig.base.json'),
  test: {
    allowOnly: false,
    // A test that asserts nothing proves nothing.
    expect: { requireAssertions: true },
    projects: await projects(),
  },
}))
