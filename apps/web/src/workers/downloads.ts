/**
 * The page's side of downloads: hands what the account worker opened to the service worker, and lets the browser save or
 * play it. Where no service worker runs, a download is written to a file of the browser's own first. Nothing of a file is
 * ever in the page's memory, but its name.
 */
import type { OpenedDownload, OpenedMedia } from './account/api.ts'
import { holdLock } from './account/locks.ts'
import { removeStaged, stagedLock } from './staged-files.ts'

const stayEveryMs = 10_000
/** A hidden link stays this long, so that the browser can begin; a staged file stays as long at least. */
const lingerMs = 60_000
/** The slowest disk that a staged file is copied to, in bytes per ms: removed any sooner, its download would be cut off. */
const copiedPerMs = 4_000

type Part = { readonly start: number; readonly end: number }
type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly port?: MessagePort
}
/** Makes the answer to one request for what was opened; undefined where it can be had no more. */
type Answering = (range: string | null) => Answer | undefined

const opened = new Map<string, Answering>()

const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')

/** No name is in it: where the service worker is gone, such as when a saved download is begun again, the server is asked. */
const addressOf = (id: string): string => `/opened/${id}`

const attachment = (name: string): string => {
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename*=UTF-8''${encoded}`
}

/** The part that a Range header asks for; undefined for none, or for one that is not understood: then all is sent. */
export const partOf = (range: string | null, sizeBytes: number): Part | 'outside' | undefined => {
  const found = /^bytes=(\d*)-(\d*)$/.exec(range ?? '')
  if (!found || (found[1] === '' && found[2] === '')) return undefined
  const [first, last] = [found[1]!, found[2]!]
  if (first === '') {
    const count = Math.min(Number(last), sizeBytes)
    return count === 0 ? 'outside' : { start: sizeBytes - count, end: sizeBytes }
  }
  const start = Number(first)
  if (start >= sizeBytes || (last !== '' && Number(last) < start)) return 'outside'
  return { start, end: last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) }
}

// ---------------------------------------------------------------- the service worker

type Asked = { readonly hearthold?: unknown; readonly id?: unknown; readonly range?: unknown }

/** Keeps the service worker alive until it says that it has ended. */
const stayAlive = (reply: MessagePort): void => {
  const timer = setInterval(() => {
    navigator.serviceWorker.controller?.postMessage({ hearthold: 'stay' })
  }, stayEveryMs)
  reply.addEventListener('message', () => {
    clearInterval(timer)
    reply.close()
  })
  reply.start()
}

const hear = ({ data, ports }: MessageEvent<Asked>): void => {
  const [reply] = ports
  if (data.hearthold !== 'opened' || typeof data.id !== 'string' || !reply) return
  const answer = opened.get(data.id)?.(typeof data.range === 'string' ? data.range : null)
  if (!answer) return
  stayAlive(reply)
  reply.postMessage(answer, answer.port ? [answer.port] : [])
}

const readyMs = 4_000

let registering: Promise<ServiceWorker | undefined> | undefined

const register = async (): Promise<ServiceWorker | undefined> => {
  if (!('serviceWorker' in navigator)) return undefined
  try {
    const { serviceWorker } = navigator
    serviceWorker.addEventListener('message', hear)
    serviceWorker.startMessages()
    await serviceWorker.register('/service-worker.js', { updateViaCache: 'none' })
    // Never ready where its installation fails: that must not hold a download up.
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, readyMs))
    const registration = await Promise.race([serviceWorker.ready, late])
    return registration?.active ?? undefined
  } catch {
    // A certificate that the browser does not trust by itself, or private browsing: there is none, then.
    return undefined
  }
}

/**
 * Starts the service worker, and lets it keep the app's files for opening without the server. For an idle moment after
 * the first page; what needs it starts it by itself. False where the browser runs none here.
 */
export const startServiceWorker = async (): Promise<boolean> => {
  registering ??= register()
  const worker = await registering
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker of this origin
  worker?.postMessage({ hearthold: 'warm' })
  return worker !== undefined
}

/** A service worker that has just started takes this page over at once; after a forced reload it never does. */
const takeOverMs = 2_000

const takenOver = (): Promise<boolean> =>
  new Promise((resolve) => {
    const { serviceWorker } = navigator
    const look = (): void => resolve(serviceWorker.controller !== null)
    if (serviceWorker.controller !== null) return look()
    serviceWorker.addEventListener('controllerchange', look, { once: true })
    setTimeout(look, takeOverMs)
  })

const hasServiceWorker = async (): Promise<boolean> => {
  registering ??= register()
  return (await registering) !== undefined && (await takenOver())
}

// ---------------------------------------------------------------- saving and playing

const click = (address: string, set: (link: HTMLAnchorElement) => void): void => {
  const link = document.createElement('a')
  link.href = address
  set(link)
  link.hidden = true
  document.body.append(link)
  link.click()
  setTimeout(() => link.remove(), lingerMs)
}

/**
 * Chromium asks no service worker for links with `download`. Without it this is a navigation that the answer turns into a
 * download; a target keeps the app's own links from taking it.
 */
const asNavigation = (link: HTMLAnchorElement): void => {
  link.target = '_self'
}

type Staged = { readonly file?: File; readonly error?: string; readonly code?: string }

/** Why a download could not be written on this device. `code` is the transfer's, `device_full`, or `other`. */
export class StagingError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'StagingError'
    this.code = code
  }
}

const unwritten = () => new StagingError('other', 'The download could not be written.')

/** The whole into a file of the browser's own. Rejects where that fails; the transfer itself says why. */
const stage = (port: MessagePort, id: string): Promise<File> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./stage-worker.ts', import.meta.url), { type: 'module' })
    worker.addEventListener('message', ({ data }: MessageEvent<Staged>) => {
      worker.terminate()
      if (data.file) resolve(data.file)
      else reject(data.error ? new StagingError(data.code ?? 'other', data.error) : unwritten())
    })
    worker.addEventListener('error', () => {
      worker.terminate()
      reject(unwritten())
    })
    worker.postMessage({ port, id }, [port])
  })

const saveStaged = async (
  { port, name }: OpenedDownload,
  keptMs: number | undefined,
): Promise<void> => {
  const id = newId()
  const release = holdLock(stagedLock(id))
  let file: File
  try {
    file = await stage(port, id)
  } catch (error) {
    release()
    throw error
  }
  // Bytes by their type too: nothing that was stored is ever a page of this origin.
  const bytes = file.slice(0, file.size, 'application/octet-stream')
  const address = URL.createObjectURL(bytes)
  click(address, (link) => {
    link.download = name
  })
  setTimeout(
    () => {
      URL.revokeObjectURL(address)
      void removeStaged(id).finally(release)
    },
    keptMs ?? lingerMs + file.size / copiedPerMs,
  )
}

/**
 * Lets the browser save what was opened; its progress comes as transfer events. Resolves once the browser has begun.
 * Without a service worker the whole is staged first, and kept `keptMs` for the browser to copy, or as long as a slow disk takes. StagingError where the
 * device has no room, or the transfer failed.
 */
export const startDownload = async (download: OpenedDownload, keptMs?: number): Promise<void> => {
  if (!(await hasServiceWorker())) return saveStaged(download, keptMs)
  const { name, sizeBytes, port } = download
  const id = newId()
  opened.set(id, () => {
    opened.delete(id)
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'content-disposition': attachment(name),
        ...(sizeBytes === undefined ? {} : { 'content-length': String(sizeBytes) }),
      },
      port,
    }
  })
  click(addressOf(id), asNavigation)
}

const mediaAnswer = ({ sizeBytes, type, port }: OpenedMedia, range: string | null): Answer => {
  const part = partOf(range, sizeBytes)
  if (part === 'outside') {
    return { status: 416, headers: { 'content-range': `bytes */${sizeBytes}` } }
  }
  const { start, end } = part ?? { start: 0, end: sizeBytes }
  const { port1, port2 } = new MessageChannel()
  port.postMessage({ start, end, port: port1 }, [port1])
  const headers = {
    'content-type': type,
    'accept-ranges': 'bytes',
    'content-length': String(end - start),
  }
  if (!part) return { status: 200, headers, port: port2 }
  const place = `bytes ${start}-${end - 1}/${sizeBytes}`
  return { status: 206, headers: { ...headers, 'content-range': place }, port: port2 }
}

/**
 * An address for `<video>`, `<audio>` or `<img>` of this page, with ranges; undefined where no service worker runs. Close
 * it when it is no longer shown.
 */
export const openAddress = async (
  media: OpenedMedia,
): Promise<{ address: string; close: () => void } | undefined> => {
  if (!(await hasServiceWorker())) return undefined
  const id = newId()
  opened.set(id, (range) => mediaAnswer(media, range))
  const close = (): void => {
    opened.delete(id)
    media.port.close()
  }
  return { address: addressOf(id), close }
}
