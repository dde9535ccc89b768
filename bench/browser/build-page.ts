/** Builds the page of the bench into .cache, with the app's own settings: the same worker that the app has. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build, type UserConfig } from 'vite'
import appConfig from '../../apps/web/vite.config.ts'

const root = resolve(import.meta.dirname, '../..')

/** Returns a folder that a server can serve as its web app. */
export const buildBenchPage = async (): Promise<string> => {
  const folder = join(root, '.cache', 'bench-page')
  const source = join(folder, 'source')
  mkdirSync(source, { recursive: true })
  const script = join(import.meta.dirname, 'page.ts')
  const html = `<!doctype html><title>bench</title><script type="module" src="${script}"></script>`
  writeFileSync(join(source, 'index.html'), html)
  const config = appConfig as UserConfig
  const { rolldownOptions, ...settings } = config.build ?? {}
  const worker = join(root, 'apps', 'web', 'src', 'workers', 'service-worker.ts')
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
        input: { index: join(source, 'index.html'), 'service-worker': worker },
      },
    },
  })
  return join(folder, 'dist')
}
