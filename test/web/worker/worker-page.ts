/** Builds the page of the worker's tests beside the app's own build: the same sources, the same settings. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import type { UserConfig } from 'vite'
import { webStamp } from '../../../tools/web-stamp.ts'

const root = resolve(import.meta.dirname, '../../..')

const buildInto = async (folder: string): Promise<void> => {
  const source = join(folder, 'source')
  mkdirSync(source)
  writeFileSync(
    join(source, 'index.html'),
    `<!doctype html><title>worker</title><script type="module" src="${join(import.meta.dirname, 'harness-page.ts')}"></script>`,
  )
  const { build } = await import('vite')
  const { default: appConfig } = await import('../../../apps/web/vite.config.ts')
  const config = appConfig as UserConfig
  const { rolldownOptions, ...settings } = config.build ?? {}
  await build({
    ...config,
    root: source,
    publicDir: false,
    logLevel: 'error',
    server: { fs: { strict: false } },
    build: {
      ...settings,
      outDir: join(folder, 'dist'),
      rolldownOptions: {
        ...rolldownOptions,
        input: {
          index: join(source, 'index.html'),
          'service-worker': join(root, 'apps/web/src/workers/service-worker.ts'),
        },
      },
    },
  })
  const icon = join(root, 'apps/web/public')
  if (existsSync(icon)) cpSync(icon, join(folder, 'dist'), { recursive: true })
}

/**
 * A folder that a server can serve as its web app: the worker's harness as `/`, the real account worker, and the real
 * service worker. Who asks again, also in another process, gets the same as long as no source has changed.
 */
export const buildWorkerPage = async (): Promise<string> => {
  const cache = join(root, '.cache', 'worker-pages')
  const ready = join(cache, webStamp(['test/web/worker/*.ts']).slice(0, 32))
  if (!existsSync(ready)) {
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, 'page-'))
    await buildInto(folder)
    try {
      renameSync(folder, ready)
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      // Somebody else was done sooner.
      if (!existsSync(ready)) throw error
    }
  }
  return join(ready, 'dist')
}
