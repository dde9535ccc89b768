/** Bytes on their way out of the worker: downloads, restores into folders, previews and players. */
import { readFile, ResticError, type ResticNode } from '@hearthold/member'
import { ProblemError } from '@hearthold/contract'
import { transfer as transferred } from 'comlink'
import type { OpenedDownload, OpenedMedia, Skipped, Transfer } from '../account/api.ts'
import { randomId } from '../account/bytes.ts'
import { errorOnWire } from '../account/errors.ts'
import { mediaType } from '../account/media-type.ts'
import { servePulls } from '../account/pull-port.ts'
import { safeName } from '../account/safe-names.ts'
import { blankTransfer, type Track, trackTransfer } from '../account/transfer-track.ts'
import type { RepositoryWorker } from './api.ts'
import type { Found } from './folders.ts'
import type { Jobs } from './jobs.ts'
import { cancelled, readerError, told, toldParts } from './reader-error.ts'
import type { Opened } from './opened.ts'
import { planRestore, type RestorePlan } from './restore-plan.ts'
import { type RestoreNews, writeInto, zipOf } from './restore.ts'

const rangeLimitBytes = 64 * 1024 * 1024

type Desk = {
  /** The opened repository, its index loaded. */
  ready(): Promise<Opened>
  /** Throws where there is no such snapshot. */
  treeOf(snapshot: string): string
  readonly jobs: Jobs
  tell(transfer: Transfer): void
}

type Part = { readonly start: number; readonly end: number }

const fileAt = async (desk: Desk, snapshot: string, path: string) => {
  const { repository, folders } = await desk.ready()
  const node = await folders.nodeAt(desk.treeOf(snapshot), path)
  if (node.kind !== 'file') throw new ResticError('not_a_file', 'This is no file.')
  return { repository, node }
}

/** The items at some paths; all that the snapshot holds for the path of its root. */
const foundAt = async (
  desk: Desk,
  snapshot: string,
  paths: readonly string[],
): Promise<Found[]> => {
  const { folders } = await desk.ready()
  const root = desk.treeOf(snapshot)
  if (paths.includes('')) return folders.nodesIn(root, '')
  return Promise.all(paths.map(async (path) => ({ path, node: await folders.nodeAt(root, path) })))
}

/** A restore that is followed: its card on the page, and its end. */
type Followed = {
  readonly track: Track
  readonly signal: AbortSignal
  readonly news: RestoreNews
  readonly skipped: Skipped[]
  end(error?: unknown): void
}

const follow = (desk: Desk, id: string, title: string, repository: string): Followed => {
  const { signal, end: forget } = desk.jobs.begin(id)
  const events = {
    tell: (event: { type: string; transfer?: Transfer }) => {
      if (event.transfer) desk.tell(event.transfer)
    },
    subscribe: () => undefined,
  }
  const blank = { id, direction: 'download', share: repository, folder: undefined, title } as const
  const track = trackTransfer(events, blankTransfer(blank))
  let [files, bytes] = [0, 0]
  const skipped: Skipped[] = []
  const set = (): void => track.set({ state: 'running', files, bytes })
  return {
    ...{ track, signal, skipped },
    news: {
      onBytes: (count) => {
        bytes += count
        set()
      },
      onFile: () => {
        files++
        set()
      },
      onSkipped: (one) => {
        skipped.push(one)
        track.set({ skipped: [...skipped] })
      },
    },
    end: (error) => {
      forget()
      if (error === undefined) return track.set({ state: 'done' })
      const { kind, code, message } = errorOnWire(readerError(error))
      if (signal.aborted || kind === 'aborted') return track.set({ state: 'cancelled' })
      track.set({ state: 'failed', error: { code, message } })
    },
  }
}

async function* countedFile(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { sizeBytes }: ResticNode,
  news: RestoreNews,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    news.onBytes(chunk.length)
    yield chunk
  }
  if (bytes !== sizeBytes)
    throw new ResticError('damaged', 'The file is of another length than its snapshot says.')
  news.onFile()
}

const begin = (followed: Followed, { files, bytes, skipped }: RestorePlan): void => {
  followed.skipped.push(...skipped)
  followed.track.set({ filesTotal: files, bytesTotal: bytes, complete: true, skipped })
}

/** The last part of a path, or what stands for the whole snapshot. */
const nameOf = (opened: Opened, snapshot: string, paths: readonly string[]): string => {
  const [path] = paths
  if (paths.length === 1 && path !== undefined && path !== '') {
    return safeName(path.slice(path.lastIndexOf('/') + 1))
  }
  const found = opened.snapshots.get(snapshot)
  const day = found ? new Date(found.time.ms).toISOString().slice(0, 10) : ''
  return safeName(`${found?.host || 'snapshot'} ${day}`.trim())
}

const partOf = (asked: unknown, sizeBytes: number): (Part & { port: MessagePort }) | undefined => {
  const { start, end, port } = (asked ?? {}) as { start?: unknown; end?: unknown; port?: unknown }
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return undefined
  const [from, to] = [start as number, end as number]
  if (!(port instanceof MessagePort) || from < 0 || from > to || to > sizeBytes) return undefined
  return { start: from, end: to, port }
}

const readPart = async (
  { repository, node }: Awaited<ReturnType<typeof fileAt>>,
  { start, end }: Part,
): Promise<ArrayBuffer> => {
  const until = Math.min(end, node.sizeBytes)
  if (!(start >= 0 && start <= until && until - start <= rangeLimitBytes))
    throw new ProblemError('range_not_satisfiable', 'The file has no such part.')
  const out = new Uint8Array(until - start)
  let at = 0
  const range = { offset: start, length: until - start }
  for await (const chunk of readFile(repository, node, range)) {
    out.set(chunk, at)
    at += chunk.length
  }
  if (at !== out.length) throw new ResticError('damaged', 'The file ends before its length.')
  return out.buffer
}

type TransfersPart = Pick<RepositoryWorker, 'download' | 'restoreInto' | 'openMedia' | 'readRange'>

/** One file as it is. */
const openFile = async (desk: Desk, snapshot: string, path: string): Promise<OpenedDownload> => {
  const { repository, node } = await fileAt(desk, snapshot, path)
  const name = safeName(node.name)
  const id = randomId()
  const followed = follow(desk, id, name, repository.id)
  const plan = { entries: [], files: 1, bytes: node.sizeBytes, skipped: [] }
  begin(followed, plan)
  const { signal } = followed
  const bytes = countedFile(readFile(repository, node, { signal }), node, followed.news)
  const port = serve(desk, id, followed, bytes)
  return { transfer: id, name, sizeBytes: node.sizeBytes, type: mediaType(name), port }
}

/** Serves the bytes of a restore; the other end of the port is the page's. */
const serve = (
  desk: Desk,
  id: string,
  followed: Followed,
  bytes: AsyncIterable<Uint8Array>,
): MessagePort => {
  const { port1, port2 } = new MessageChannel()
  const stop = (): void => void desk.jobs.stop(id, cancelled())
  servePulls(port1, toldParts(bytes), stop).then(() => followed.end(), followed.end)
  return port2
}

/** Several items, or a folder. What it holds is listed first, so that its progress can be told. */
const openZip = async (
  desk: Desk,
  snapshot: string,
  paths: readonly string[],
): Promise<OpenedDownload> => {
  const opened = await desk.ready()
  const name = `${nameOf(opened, snapshot, paths)}.zip`
  const id = randomId()
  const followed = follow(desk, id, name, opened.id)
  try {
    const found = await foundAt(desk, snapshot, paths)
    followed.track.set({ state: 'running' })
    const plan = await planRestore(opened.repository, found, followed.signal)
    begin(followed, plan)
    const bytes = zipOf(opened.repository, plan, followed.news, followed.signal)
    const port = serve(desk, id, followed, bytes)
    return { transfer: id, name, sizeBytes: undefined, type: 'application/zip', port }
  } catch (error) {
    followed.end(error)
    throw error
  }
}

const writeAll: (desk: Desk) => RepositoryWorker['restoreInto'] =
  (desk) => async (snapshot, paths, parent) => {
    const opened = await desk.ready()
    const wanted = nameOf(opened, snapshot, paths)
    const id = randomId()
    const followed = follow(desk, id, wanted, opened.id)
    try {
      const found = await foundAt(desk, snapshot, paths)
      followed.track.set({ state: 'running' })
      const plan = await planRestore(opened.repository, found, followed.signal)
      begin(followed, plan)
      const to = { parent, wanted }
      const { repository } = opened
      const name = await writeInto(repository, plan, to, followed.news, followed.signal)
      followed.end()
      const damaged = followed.skipped.length - plan.skipped.length
      return { transfer: id, name, files: plan.files - damaged, skipped: followed.skipped }
    } catch (error) {
      followed.end(error)
      throw error
    }
  }

/** Transfers of the API. */
export const createTransfers = (desk: Desk): TransfersPart => ({
  download: (snapshot, paths) =>
    told(async () => {
      const [path] = paths
      const single = paths.length === 1 && path !== undefined && path !== ''
      const [found] = single ? await foundAt(desk, snapshot, paths) : []
      const opened =
        found?.node.kind === 'file'
          ? await openFile(desk, snapshot, found.path)
          : await openZip(desk, snapshot, paths)
      return transferred(opened, [opened.port])
    }),
  restoreInto: (...asked) => told(() => writeAll(desk)(...asked)),
  openMedia: (snapshot, path) =>
    told(async () => {
      const { repository, node } = await fileAt(desk, snapshot, path)
      const { port1, port2 } = new MessageChannel()
      port1.addEventListener('message', ({ data }: MessageEvent) => {
        const part = partOf(data, node.sizeBytes)
        if (!part) return
        const stop = new AbortController()
        const range = { offset: part.start, length: part.end - part.start, signal: stop.signal }
        const bytes = toldParts(readFile(repository, node, range))
        // The player is told by the port, and asks again where it wants to.
        servePulls(part.port, bytes, () => stop.abort(cancelled())).catch(() => undefined)
      })
      port1.start()
      const name = safeName(node.name)
      const media: OpenedMedia = {
        ...{ name, sizeBytes: node.sizeBytes, type: mediaType(name), port: port2 },
      }
      return transferred(media, [port2])
    }),
  readRange: (snapshot, path, start, end) =>
    told(async () => {
      const part = await readPart(await fileAt(desk, snapshot, path), { start, end })
      return transferred(part, [part])
    }),
})
