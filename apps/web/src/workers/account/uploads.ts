/** Uploads: dropped files go through packages/member's putTree, which seals, bundles, resumes and names them. */
import { NetworkError } from '@hearthold/client'
import { ProblemError } from '@hearthold/contract'
import { type LocalItem, putTree, type PutProgress } from '@hearthold/member'
import type { SealedRecords } from '../../store/account-store.ts'
import type { Transfer, UploadItem } from './api.ts'
import { randomId } from './bytes.ts'
import { type Current, type Desk, isOffline, tellUsage } from './desk.ts'
import { errorOnWire } from './errors.ts'
import { heldLocks, holdLock } from './locks.ts'
import { blankTransfer, type Track, trackTransfer } from './transfer-track.ts'

/** A file of up to this many bytes is read at once. */
const wholeBytes = 4 * 1024 * 1024
/** A larger one is read in pieces of at most this many bytes: four segments. */
const readBytes = 1024 * 1024
/** After the network has failed for as long as packages/client is patient, the upload waits and begins again. */
const againAfterMs = 3_000
const againAtMost = 200

/** What is kept of an upload that a reload cuts off. */
type Kept = Pick<
  Transfer,
  'share' | 'folder' | 'title' | 'files' | 'filesTotal' | 'bytes' | 'bytesTotal'
>

/** Items as they come, for as many readers as begin: an upload that begins again reads them from the first. */
const createItems = () => {
  const items: UploadItem[] = []
  let ended = false
  let wake = (): void => undefined
  let more = new Promise<void>((resolve) => (wake = resolve))
  const isEnded = (): boolean => ended
  const changed = (): void => {
    const before = wake
    more = new Promise<void>((resolve) => (wake = resolve))
    before()
  }
  return {
    add: (next: readonly UploadItem[]): void => {
      for (const item of next) items.push(item)
      changed()
    },
    end: (): void => {
      ended = true
      changed()
    },
    get totals() {
      let [filesTotal, bytesTotal] = [0, 0]
      for (const item of items) {
        if (item.kind !== 'file') continue
        filesTotal++
        bytesTotal += item.file.size
      }
      return { filesTotal, bytesTotal }
    },
    async *read(signal: AbortSignal): AsyncGenerator<UploadItem> {
      const stopped = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      )
      for (let at = 0; ; at++) {
        while (at >= items.length && !isEnded()) {
          signal.throwIfAborted()
          await Promise.race([more, stopped])
        }
        if (at >= items.length) return
        yield items[at]!
      }
    },
  }
}

type Chunk = Uint8Array<ArrayBuffer>
type Reading = {
  readonly read: (memory: ArrayBuffer) => Promise<ReadableStreamReadResult<Chunk>>
  readonly cancel: () => Promise<void>
}

/** Reads into memory that it is given; a browser whose files are no streams of bytes brings its own. */
const readingOf = (stream: ReadableStream<Chunk>): Reading => {
  try {
    const reader = stream.getReader({ mode: 'byob' })
    return {
      read: (memory) => reader.read(new Uint8Array(memory)),
      cancel: () => reader.cancel(),
    }
  } catch {
    const reader = stream.getReader()
    return { read: () => reader.read(), cancel: () => reader.cancel() }
  }
}

/**
 * Streams cost the browser a third of what slices do, once there is more than one slice, and half as much again where they
 * need no new memory: two pieces of it are used in turn, one read into while the other is sealed.
 */
async function* bytesOf(file: File, offset: number): AsyncGenerator<Uint8Array> {
  const rest = offset === 0 ? file : file.slice(offset)
  if (rest.size <= wholeBytes) {
    yield new Uint8Array(await rest.arrayBuffer())
    return
  }
  const reading = readingOf(rest.stream())
  const memory = [new ArrayBuffer(readBytes), new ArrayBuffer(readBytes)]
  try {
    for (;;) {
      const { done, value } = await reading.read(memory.shift()!)
      if (done) return
      memory.push(value.buffer)
      yield value
    }
  } finally {
    // After the end this does nothing.
    void reading.cancel().catch(() => undefined)
  }
}

const localItem = (item: UploadItem): LocalItem =>
  item.kind === 'file'
    ? {
        kind: 'file',
        path: item.path,
        size: item.file.size,
        modifiedAt: item.file.lastModified,
        open: (offset) => bytesOf(item.file, offset),
      }
    : item

async function* localItems(source: AsyncIterable<UploadItem>): AsyncGenerator<LocalItem> {
  for await (const item of source) yield localItem(item)
}

type Upload = {
  readonly items: ReturnType<typeof createItems>
  readonly track: Track
  readonly stop: AbortController
  readonly keep: () => Promise<void>
}

/** The way to the server is gone or it is starting: what is stored is stored, and the rest goes on later. */
const goesOnLater = (error: unknown): boolean =>
  isOffline(error) ||
  (error instanceof NetworkError && error.kind !== 'protocol') ||
  (error instanceof ProblemError &&
    ['unavailable', 'rate_limited', 'internal'].includes(error.code))

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true })
  })

const progressOf = (upload: Upload, { files, bytes }: PutProgress): Partial<Transfer> => ({
  files,
  bytes: Math.max(0, bytes),
  ...upload.items.totals,
})

const putOnce = async (current: Current, upload: Upload, signal: AbortSignal): Promise<void> => {
  const { share: log, folder } = upload.track.transfer
  const share = await current.shares.get(log)
  const report = await putTree(
    share,
    localItems(upload.items.read(signal)),
    { folder: folder ?? share.view.root },
    {
      signal,
      resume: current.store.resume,
      onProgress: (progress) => upload.track.set(progressOf(upload, progress)),
    },
  )
  const { skipped } = report
  upload.track.set({ skipped, ...upload.items.totals })
}

const run = async (desk: Desk, current: Current, upload: Upload): Promise<void> => {
  const { track, stop } = upload
  const signal = AbortSignal.any([stop.signal, current.ended])
  try {
    for (let attempt = 1; ; attempt++) {
      track.set({ state: 'running' })
      try {
        await putOnce(current, upload, signal)
        break
      } catch (error) {
        if (signal.aborted || !goesOnLater(error) || attempt >= againAtMost) throw error
        track.set({ state: 'waiting' })
        do await pause(againAfterMs, signal)
        while (!(await desk.network.probe()))
      } finally {
        current.shares.changedHere(track.transfer.share)
      }
    }
    track.set({ state: 'done', complete: true })
  } catch (error) {
    if (stop.signal.aborted) return track.set({ state: 'cancelled' })
    const { code, message } = errorOnWire(error)
    track.set({ state: 'failed', error: { code, message } })
  }
}

/** How often the record of an upload under way is written: it is for showing, what counts is in the resume records. */
const keepEveryMs = 5_000

const keptOf = ({ track }: Upload): Kept => {
  const { share, folder, title, files, filesTotal, bytes, bytesTotal } = track.transfer
  return { share, folder, title, files, filesTotal, bytes, bytesTotal }
}

/** The same folder and title again: this upload takes the place of the one that was cut off. */
const replaceKept = async (kept: SealedRecords<Kept>, of: Kept): Promise<void> => {
  const held = await heldLocks()
  for (const [id, one] of await kept.all()) {
    const same = one.share === of.share && one.folder === of.folder && one.title === of.title
    if (same && !held.has(`upload/${id}`)) await kept.remove(id)
  }
}

type Uploads = Map<string, Upload>

/** Runs to the end, with a record that a reload leaves behind. */
const runKept = async (
  desk: Desk,
  current: Current,
  id: string,
  upload: Upload,
  uploads: Uploads,
): Promise<void> => {
  const kept = current.store.transfers<Kept>()
  const release = holdLock(`upload/${id}`)
  const timer = setInterval(() => void upload.keep(), keepEveryMs)
  try {
    await replaceKept(kept, keptOf(upload))
    await upload.keep()
    await run(desk, current, upload)
    const { state } = upload.track.transfer
    // One that the end of the session cut off stays, to be gone on with.
    const over = state === 'done' || state === 'cancelled'
    if (over && !current.ended.aborted) await kept.remove(id)
  } finally {
    clearInterval(timer)
    uploads.delete(id)
    release()
    if (!current.ended.aborted) void tellUsage(desk)
  }
}

const beginUpload = (
  desk: Desk,
  uploads: Uploads,
  of: { share: string; folder: string; title: string },
): string => {
  const current = desk.unlocked()
  const id = randomId()
  const upload: Upload = {
    items: createItems(),
    track: trackTransfer(desk.events, blankTransfer({ ...of, id, direction: 'upload' })),
    stop: new AbortController(),
    keep: () => current.store.transfers<Kept>().put(id, keptOf(upload)),
  }
  uploads.set(id, upload)
  void runKept(desk, current, id, upload, uploads).catch(() => undefined)
  return id
}

/** Uploads of the API. */
export const createUploads = (desk: Desk) => {
  const uploads: Uploads = new Map()
  const records = (): SealedRecords<Kept> => desk.unlocked().store.transfers<Kept>()
  const get = (id: string): Upload => {
    const upload = uploads.get(id)
    if (!upload) throw new ProblemError('not_found', 'There is no such transfer.')
    return upload
  }
  return {
    begin: (share: string, folder: string, title: string): string =>
      beginUpload(desk, uploads, { share, folder, title }),
    add: (id: string, items: readonly UploadItem[]): void => {
      const upload = get(id)
      upload.items.add(items)
      upload.track.set(upload.items.totals)
    },
    end: async (id: string): Promise<void> => {
      const upload = get(id)
      upload.items.end()
      upload.track.set({ complete: true, ...upload.items.totals })
      await upload.keep()
    },
    cancel: (id: string): boolean => {
      const upload = uploads.get(id)
      upload?.stop.abort(new DOMException('The upload was cancelled.', 'AbortError'))
      return upload !== undefined
    },
    interrupted: async (): Promise<Transfer[]> => {
      const held = await heldLocks()
      const all = await records().all()
      return all
        .filter(([id]) => !held.has(`upload/${id}`))
        .map(([id, kept]) => ({
          ...blankTransfer({ ...kept, id, direction: 'upload' }),
          ...kept,
          state: 'interrupted' as const,
          complete: true,
        }))
    },
    forget: (id: string): Promise<void> => records().remove(id),
  }
}
