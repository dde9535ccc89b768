/// <reference lib="webworker" />
/**
 * Two jobs and no keys. It streams what a page has opened (`/opened/<id>`) to the browser's own downloads and
 * players; the bytes come opened and verified from the account worker, by a port. And it keeps the built app, so that
 * an installed app opens without the server. It never sees a request to `/api`, and stores nothing but the app's files.
 *
 * Whatever a page says about what it opened, the answer is a download or a picture, sound or film for a tag of a page,
 * sent with nosniff and a sandbox that allows nothing: never HTML or SVG, which could carry scripts, and never a page of
 * its own. (The app shows SVG pictures by blob URLs in `<img>`, where none run.)
 *
 * It is one file without imports: browsers that take no module here run it too.
 */

type PageAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Speaks the pull protocol of pull-port.ts; absent where there are no bytes. */
  readonly port?: MessagePort
}
type Chunk = {
  readonly chunk?: ArrayBuffer
  readonly end?: true
  readonly error?: { readonly code: string; readonly message: string }
}

const worker = globalThis as unknown as ServiceWorkerGlobalScope
const shellName = 'hearthold-shell-1'
const openedPath = '/opened/'

// ---------------------------------------------------------------- what a page has opened

const askMs = 10_000
/** Pulled ahead of the reader: enough to keep the way busy, and 2 MiB at most. */
const pullsAhead = 8

const plain = (status: number): Response =>
  new Response(null, { status, headers: { 'cache-control': 'no-store' } })

/** What no answer for opened bytes may lack: nothing is kept, guessed, run, or embedded elsewhere. */
const careful: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
}
/** All that a page may say of its answer; its type and what is to be done with it only as far as they are harmless. */
const told = ['content-length', 'content-range', 'accept-ranges'] as const
const shownInline = /^(?:image\/(?!svg)[\w.+-]+|audio\/[\w.+-]+|video\/[\w.+-]+)$/

const headersOf = ({ headers }: PageAnswer, request: Request): Headers => {
  const out = new Headers(careful)
  for (const name of told) if (headers[name] !== undefined) out.set(name, headers[name])
  const type = headers['content-type'] ?? ''
  out.set('content-type', shownInline.test(type) ? type : 'application/octet-stream')
  const disposition = headers['content-disposition'] ?? 'attachment'
  const saved = disposition.startsWith('attachment') ? disposition : 'attachment'
  if (headers['content-disposition'] !== undefined || request.mode === 'navigate')
    out.set('content-disposition', saved)
  return out
}

/** Asks the pages of this origin for what they opened under an id; the first that knows it answers. */
const askPages = async (
  id: string,
  range: string | null,
): Promise<{ answer: PageAnswer; page: MessagePort } | undefined> => {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), askMs)
    for (const page of pages) {
      const { port1, port2 } = new MessageChannel()
      port1.addEventListener('message', ({ data }: MessageEvent<PageAnswer>) => {
        clearTimeout(timer)
        resolve({ answer: data, page: port1 })
      })
      port1.start()
      page.postMessage({ hearthold: 'opened', id, range }, [port2])
    }
    if (pages.length === 0) {
      clearTimeout(timer)
      resolve(undefined)
    }
  })
}

/** The port's bytes as a stream: several pulls are under way, never more than what was asked for comes. */
const streamOf = (port: MessagePort, onEnd: () => void): ReadableStream<Uint8Array> => {
  let asked = 0
  let wake = (): void => undefined
  let over = false
  const finish = (): void => {
    over = true
    port.close()
    onEnd()
    wake()
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        port.addEventListener('message', ({ data }: MessageEvent<Chunk>) => {
          if (over) return
          asked--
          if (data.chunk) controller.enqueue(new Uint8Array(data.chunk))
          else {
            if (data.error) controller.error(new Error(data.error.code))
            else controller.close()
            finish()
          }
          wake()
        })
        port.start()
      },
      pull() {
        if (over) return
        while (asked < pullsAhead) {
          asked++
          port.postMessage({ pull: true })
        }
        return new Promise<void>((resolve) => (wake = resolve))
      },
      cancel() {
        if (over) return
        port.postMessage({ cancel: true })
        finish()
      },
    },
    { highWaterMark: 2 },
  )
}

const openedResponse = async (request: Request, path: string): Promise<Response> => {
  const id = path.slice(openedPath.length)
  if (!/^[0-9a-f]{32}$/.test(id)) return plain(404)
  const found = await askPages(id, request.headers.get('range'))
  if (!found) return plain(404)
  const { answer, page } = found
  const end = (): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port
    page.postMessage({ ended: true })
    page.close()
  }
  const body = answer.port ? streamOf(answer.port, end) : null
  if (!body) end()
  const status = [200, 206, 416].includes(answer.status) ? answer.status : 404
  return new Response(body, { status, headers: headersOf(answer, request) })
}

// ---------------------------------------------------------------- the app without the server

const isAsset = (path: string): boolean =>
  path.startsWith('/assets/') || /^\/[\w-]+\.(?:svg|webmanifest|png)$/.test(path)

/** Pages of the app, all of which are one file. Whatever else the server shows is never kept, and never stands for it. */
const appPage =
  /^\/(?:(?:set-up|sign-up|sign-in|recover|files|account|administration)(?:\/.*)?|repositories(?:\/[^/]+){0,2})?$/

const isPage = (request: Request, path: string): boolean =>
  request.mode === 'navigate' && appPage.test(path)

/** Only as the server sends the app: with its policy, without which it would be less safe when it comes from here. */
const isApp = ({ status, headers, redirected }: Response): boolean =>
  status === 200 &&
  !redirected &&
  (headers.get('content-type') ?? '').startsWith('text/html') &&
  headers.has('content-security-policy')

/** What stands before a server says so where the server itself is away. */
const isAway = ({ status }: Response): boolean => status >= 502 && status <= 504

const ignore = (): void => undefined

/** The page as the server sends it; as it was kept where there is no server. */
const pageResponse = async (event: FetchEvent): Promise<Response> => {
  const shell = await worker.caches.open(shellName)
  try {
    const response = await fetch(event.request)
    // A full store only means that the app does not open without the server.
    if (isApp(response)) event.waitUntil(shell.put('/', response.clone()).catch(ignore))
    return isAway(response) ? ((await shell.match('/')) ?? response) : response
  } catch (error) {
    const kept = await shell.match('/')
    if (kept) return kept
    throw error
  }
}

/** Files of a build never change under their names. */
const assetResponse = async (event: FetchEvent): Promise<Response> => {
  const shell = await worker.caches.open(shellName)
  const kept = await shell.match(event.request)
  if (kept) return kept
  const response = await fetch(event.request)
  if (response.status === 200)
    event.waitUntil(shell.put(event.request, response.clone()).catch(ignore))
  return response
}

/** Paths that a file of the build names: in tags, imports, lists of what to load, and addresses of workers. */
const namedIn = (text: string): string[] => [
  ...Array.from(
    text.matchAll(/["'`(=]\/?(assets\/[\w.-]+\.(?:m?js|css|woff2))/g),
    ([, path]) => `/${path}`,
  ),
  ...Array.from(
    text.matchAll(/["'`]\.\/([\w.-]+\.(?:m?js|css|woff2))["'`]/g),
    ([, name]) => `/assets/${name}`,
  ),
  ...Array.from(
    text.matchAll(/href="(\/[\w-]+\.(?:svg|webmanifest|png))"/g),
    ([, path = '']) => path,
  ),
]

const fetchWhole = async (shell: Cache, path: string): Promise<Response | undefined> => {
  const kept = path === '/' ? undefined : await shell.match(path)
  if (kept) return kept
  const response = await fetch(path, { cache: 'no-cache' })
  if (path === '/' ? !isApp(response) : response.status !== 200) return undefined
  await shell.put(path, response.clone())
  return response
}

/** Fetched at once while the app's files are gathered: few, so that the page's own requests go first. */
const warmAtOnce = 4

/** Keeps every file of the build that is served now, and then drops those of builds before. */
const warm = async (): Promise<void> => {
  const shell = await worker.caches.open(shellName)
  const known = ['/']
  let whole = true
  const take = async (path: string): Promise<void> => {
    const response = await fetchWhole(shell, path)
    if (!response) whole = false
    if (!response || !/\/$|\.(?:m?js|css)$/.test(path)) return
    for (const named of namedIn(await response.text()))
      if (!known.includes(named)) known.push(named)
  }
  for (let at = 0; at < known.length;) {
    const wave = known.slice(at, at + warmAtOnce)
    at += wave.length
    await Promise.all(wave.map(take))
  }
  if (!whole) return
  for (const request of await shell.keys()) {
    if (!known.includes(new URL(request.url).pathname)) await shell.delete(request)
  }
}

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()))

worker.addEventListener('activate', (event) => {
  const dropOld = async (): Promise<void> => {
    for (const name of await worker.caches.keys()) {
      if (name.startsWith('hearthold-shell-') && name !== shellName)
        await worker.caches.delete(name)
    }
    await worker.clients.claim()
  }
  event.waitUntil(dropOld())
})

worker.addEventListener('message', (event) => {
  // `stay` alone keeps this worker from being ended in the middle of a long download.
  const { hearthold } = (event.data ?? {}) as { hearthold?: unknown }
  if (hearthold === 'warm') event.waitUntil(warm().catch(ignore))
})

worker.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (url.origin !== worker.location.origin) return
  const path = url.pathname
  const isGet = request.method === 'GET'
  // Nothing about what a page opened is the server's business, whatever the method.
  if (path.startsWith(openedPath))
    return event.respondWith(isGet ? openedResponse(request, path) : plain(405))
  if (!isGet) return
  if (isPage(request, path)) return event.respondWith(pageResponse(event))
  if (isAsset(path) && url.search === '') event.respondWith(assetResponse(event))
})
