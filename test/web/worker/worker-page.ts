/** Builds the page of the worker's tests beside the app's own build: the same sources, the same settings. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, type UserConfig } from 'vite'
import appConfig from '../../../apps/web/vite.config.ts'

const root = resolve(import.meta.dirname, '../../..')

/**
 * A folder that a server can serve as its web app: the worker's harness as `/`, the real account worker, and the real
 * service worker. Everybody who asks in one run gets the same.
 */
export const buildWorkerPage = async (): Promise<string> => {
  const cache = join(root, '.cache', 'worker-pages')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'page-'))
  const source = join(folder, 'source')
  mkdirSync(source)
  writeFileSync(
    join(source, 'index.html'),
    `<!doctype html><title>worker</title><script type="module" src="${join(import.meta.dirname, 'harness-page.ts')}"></script>`,
  )
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
  return join(folder, 'dist')
}
