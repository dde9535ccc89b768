/** Serves the built web app: pages by their paths, everything else by its file. Nothing outside the build can be named. */
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { addFirstPage } from './first-page.ts'
import { addPlainRoute, type Http } from './http.ts'

/** Every path that shows the app; parts that begin with a colon stand for anything. */
export const appPaths = [
  '/',
  '/set-up',
  '/sign-up',
  '/sign-in',
  '/recover',
  '/files',
  '/files/:share',
  '/files/:share/:folder',
  '/repositories',
  '/repositories/:repository',
  '/repositories/:repository/:page',
  '/account',
  '/account/:page',
  '/administration',
  '/administration/:page',
] as const

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.bcmap': 'application/octet-stream',
  '.pfb': 'application/octet-stream',
  '.ttf': 'font/ttf',
  '.icc': 'application/octet-stream',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}

/** Names with a hash of their content never change; the page and the service worker are asked for each time. */
const cacheOf = (path: string): string =>
  path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'

type Encoding = 'br' | 'gz'
type WebFile = { readonly path: string; readonly file: string; readonly encodings: Set<Encoding> }

const filesOf = (folder: string): Map<string, WebFile> => {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
  const files = new Map<string, WebFile>()
  for (const name of names.filter((one) => types[extname(one)] !== undefined)) {
    const encodings = (['br', 'gz'] as const).filter((ending) =>
      names.includes(`${name}.${ending}`),
    )
    const path = `/${name.split(sep).join('/')}`
    files.set(path, { path, file: join(folder, name), encodings: new Set(encodings) })
  }
  return files
}

const accepts = (request: FastifyRequest, name: string): boolean =>
  (request.headers['accept-encoding'] ?? '')
    .split(',')
    .some((part) => part.trim().split(';')[0] === name)

const encodingFor = (request: FastifyRequest, { encodings }: WebFile): Encoding | undefined => {
  if (encodings.has('br') && accepts(request, 'br')) return 'br'
  return encodings.has('gz') && accepts(request, 'gzip') ? 'gz' : undefined
}

const sendFile =
  (file: WebFile) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const encoding = encodingFor(request, file)
    const bytes = await readFile(encoding === undefined ? file.file : `${file.file}.${encoding}`)
    if (encoding !== undefined) {
      void reply.header('content-encoding', encoding === 'gz' ? 'gzip' : encoding)
    }
    return reply
      .header('vary', 'accept-encoding')
      .header('cache-control', cacheOf(file.path))
      .header('content-type', types[extname(file.file)])
      .send(bytes)
  }

/**
 * Adds the routes of the web app that was built into `folder`. Where nothing was built (the server was started without
 * `npm start`) a plain page says what to do.
 */
export const addWebApp = (http: Http, folder: string): void => {
  const files = findFiles(folder)
  const page = files.get('/index.html')
  if (page === undefined) return addFirstPage(http)
  for (const path of appPaths) addPlainRoute(http, path, { access: 'open' }, sendFile(page))
  files.delete('/index.html')
  for (const file of files.values()) {
    addPlainRoute(http, file.path, { access: 'open' }, sendFile(file))
  }
}

const findFiles = (folder: string): Map<string, WebFile> => {
  try {
    return filesOf(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
}
