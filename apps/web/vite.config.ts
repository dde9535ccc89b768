import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { InlineConfig } from 'vite'

const hasEffects = (id: string): boolean =>
  !/\/packages\/\w+\/src\/|\/node_modules\/(?:@noble|@serenity-kit|hpke|otpauth|nostr-tools)\//.test(
    id,
  )

/**
 * One page, its workers, and the service worker that streams downloads. The content security policy allows neither
 * inline code nor styles: nothing here may inject any.
 */
const config: InlineConfig = {
  root: import.meta.dirname,
  configFile: false,
  base: '/',
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
  // The packages do nothing when they are merely imported: a worker takes along what it calls, and no more.
  worker: {
    format: 'es',
    rolldownOptions: { treeshake: { moduleSideEffects: hasEffects } },
  },
  build: {
    target: 'es2023',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: false,
    rolldownOptions: {
      // What each plugin took is no warning, and `npm start` shows it to everyone.
      checks: { bundlerTimings: false },
      input: {
        index: join(import.meta.dirname, 'index.html'),
        'service-worker': join(import.meta.dirname, 'src/workers/service-worker.ts'),
      },
      output: {
        entryFileNames: (chunk) =>
          chunk.name === 'service-worker' ? 'service-worker.js' : 'assets/[name]-[hash].js',
      },
    },
  },
}

export default config
