/**
 * Builds the web app into apps/web/dist: `node tools/build-web.ts`. Does nothing where no source has changed.
 * `--design` builds the page that shows every component into .cache/web-design instead; no server serves it.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { webStamp } from './web-stamp.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'apps', 'web', 'dist')
const stampFile = join(root, '.cache', 'web-build')

/** Character maps and fonts that PDFs name without carrying them, and decoders: pdf.js asks for them by these names. */
const copyPdfAssets = (): void => {
  const from = join(root, 'node_modules', 'pdfjs-dist')
  const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
    version: string
  }
  for (const folder of ['cmaps', 'standard_fonts', 'wasm', 'iccs']) {
    cpSync(join(from, folder), join(dist, 'assets', `pdf-${version}`, folder), { recursive: true })
  }
}

/** Compressed once here instead of at every request; what does not become smaller is left as it is. */
const compressAll = (): void => {
  for (const name of globSync('**/*.{js,mjs,css,html,svg,wasm,webmanifest}', { cwd: dist })) {
    const file = join(dist, name)
    const bytes = readFileSync(file)
    for (const [ending, compress] of [
      ['br', brotliCompressSync],
      ['gz', gzipSync],
    ] as const) {
      const small = compress(bytes)
      if (small.length < bytes.length) writeFileSync(`${file}.${ending}`, small)
    }
  }
}

/** Builds the design page anew into `outDir`. */
const buildDesign = async (outDir: string): Promise<void> => {
  const { build, mergeConfig } = await import('vite')
  const { default: config } = await import('../apps/web/vite.config.ts')
  const { rolldownOptions: _, ...common } = config.build ?? {}
  const input = join(root, 'apps', 'web', 'design.html')
  await build({
    ...mergeConfig({ ...config, build: common }, { build: { outDir, rolldownOptions: { input } } }),
    logLevel: 'warn',
  })
}

const buildApp = async (): Promise<void> => {
  const stamp = webStamp()
  const built = existsSync(join(dist, 'index.html')) && existsSync(stampFile)
  if (!built || readFileSync(stampFile, 'utf8') !== stamp) {
    process.stderr.write('prepare: building the web app\n')
    const started = Date.now()
    const { build } = await import('vite')
    const { default: config } = await import('../apps/web/vite.config.ts')
    await build({ ...config, logLevel: 'warn' })
    copyPdfAssets()
    compressAll()
    mkdirSync(dirname(stampFile), { recursive: true })
    writeFileSync(stampFile, stamp)
    process.stderr.write(
      `prepare: web app built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
    )
  }
}

if (process.argv.includes('--design')) await buildDesign(join(root, '.cache', 'web-design'))
else await buildApp()
