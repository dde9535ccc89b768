/** Downloads: verified bytes, pulled through a port segment by segment; nothing whole in memory. */
import { ProblemError } from '@hearthold/contract'
import { readContent, type Share } from '@hearthold/member'
import { isLive, newestVersion, type ShareNode, type Version } from '@hearthold/model'
import type { OpenedDownload, OpenedMedia } from './api.ts'
import { randomId } from './bytes.ts'
import type { Current, Desk } from './desk.ts'
import { errorOnWire } from './errors.ts'
import { mediaType } from './media-type.ts'
import { servePulls } from './pull-port.ts'
import { safeName } from './safe-names.ts'
import { blankTransfer, type Track, trackTransfer } from './transfer-track.ts'
import { planZip, zipBytes, zipLength } from './zip.ts'

const rangeLimitBytes = 64 * 1024 * 1024

const gone = () => new ProblemError('not_found', 'What was chosen is not there any more.')

const nodeOf = ({ view }: Share, id: string): ShareNode => {
  const node = view.nodes.get(id)
  if (!node || !isLive(view, id)) throw gone()
  return node
}

type ReadableVersion = Version & { readonly content: NonNullable<Version['content']> }

/** The version with that number, or the newest. ProblemError('not_found') for what is no readable file. */
const versionOf = (node: ShareNode, seq: number | undefined): ReadableVersion => {
  const version =
    seq === undefined ? newestVersion(node) : node.versions.find((one) => one.seq === seq)
  if (node.kind !== 'file' || !version?.content) throw gone()
  return version as ReadableVersion
}

type Opened = {
  readonly name: string
  readonly sizeBytes: number | undefined
  readonly type: string
  readonly source: AsyncIterable<Uint8Array>
  readonly totals: { readonly filesTotal: number; readonly bytesTotal: number }
}

/** Progress of one download; its numbers follow what was read, not what the disk has. */
type Progress = { readonly track: Track; files: number; bytes: number }

const told = (progress: Progress): void => {
  const { files, bytes } = progress
  progress.track.set({ state: 'running', files, bytes })
}

async function* countedFile(
  source: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    progress.bytes += bytes.length
    told(progress)
    yield bytes
  }
  progress.files++
  told(progress)
}

/** The whole share's content where the root was chosen. */
const chosenNodes = (share: Share, ids: readonly string[]): ShareNode[] =>
  ids.flatMap((id) =>
    id === share.view.root
      ? [...(share.view.children.get(id) ?? [])]
          .map((child) => share.view.nodes.get(child)!)
          .filter(({ trashedSeq }) => trashedSeq === undefined)
      : [nodeOf(share, id)],
  )

const zipName = (share: Share, ids: readonly string[], nodes: readonly ShareNode[]): string => {
  const single = ids.length === 1 && ids[0] !== share.view.root ? nodes[0] : undefined
  return `${safeName(single?.name ?? share.view.name ?? 'files')}.zip`
}

const openZip = (
  share: Share,
  ids: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Opened => {
  const nodes = chosenNodes(share, ids)
  const { entries, skipped } = planZip(share, nodes)
  const files = entries.filter(({ version }) => version !== undefined)
  progress.track.set({ skipped })
  return {
    name: zipName(share, ids, nodes),
    sizeBytes: zipLength(entries),
    type: 'application/zip',
    source: zipBytes(share, entries, {
      signal,
      onFile: () => {
        progress.files = Math.min(progress.files + 1, files.length)
        told(progress)
      },
      onBytes: (count) => {
        progress.bytes += count
        told(progress)
      },
    }),
    totals: {
      filesTotal: files.length,
      bytesTotal: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
  }
}

const openFile = (
  share: Share,
  node: ShareNode,
  seq: number | undefined,
  progress: Progress,
  signal: AbortSignal,
): Opened => {
  const version = versionOf(node, seq)
  const name = safeName(node.name ?? node.id)
  const { sizeBytes } = version.content
  return {
    name,
    sizeBytes,
    type: mediaType(name),
    source: countedFile(readContent(share, version, { signal }), progress),
    totals: { filesTotal: 1, bytesTotal: sizeBytes },
  }
}

/** One file of `ids` as it is; anything else as a zip. */
const isOneFile = (share: Share, ids: readonly string[]): boolean =>
  ids.length === 1 && share.view.nodes.get(ids[0]!)?.kind === 'file'

const mediaRange = (
  asked: unknown,
  sizeBytes: number,
): { start: number; end: number; port: MessagePort } | undefined => {
  const { start, end, port } = (asked ?? {}) as { start?: unknown; end?: unknown; port?: unknown }
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return undefined
  const [from, to] = [start as number, end as number]
  if (!(port instanceof MessagePort) || from < 0 || from > to || to > sizeBytes) return undefined
  return { start: from, end: to, port }
}

type Begun = {
  readonly id: string
  readonly opened: Opened
  readonly stop: AbortController
  readonly end: (error?: unknown) => void
}

const beginDownload = (
  desk: Desk,
  stops: Map<string, AbortController>,
  of: { current: Current; share: Share; ids: readonly string[]; seq: number | undefined },
): Begun => {
  const { current, share, ids, seq } = of
  const id = randomId()
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, current.ended])
  const blank = { id, direction: 'download', share: share.log, folder: undefined } as const
  const track = trackTransfer(desk.events, blankTransfer({ ...blank, title: '' }))
  const progress: Progress = { track, files: 0, bytes: 0 }
  const opened = isOneFile(share, ids)
    ? openFile(share, nodeOf(share, ids[0]!), seq, progress, signal)
    : openZip(share, ids, progress, signal)
  stops.set(id, stop)
  track.set({ title: opened.name, complete: true, ...opened.totals })
  const end = (error?: unknown): void => {
    stops.delete(id)
    if (error === undefined) return track.set({ state: 'done' })
    const { kind, code, message } = errorOnWire(error)
    if (stop.signal.aborted || kind === 'aborted') return track.set({ state: 'cancelled' })
    track.set({ state: 'failed', error: { code, message } })
    if (kind === 'integrity') desk.events.tell({ type: 'integrity', code, share: share.log })
  }
  return { id, opened, stop, end }
}

const cancelled = () => new DOMException('The download was cancelled.', 'AbortError')

/** Answers questions for parts of one version of a file, for as long as the account is unlocked. */
const serveParts = (
  port: MessagePort,
  share: Share,
  version: ReadableVersion,
  ended: AbortSignal,
): void => {
  port.addEventListener('message', ({ data }: MessageEvent) => {
    const range = mediaRange(data, version.content.sizeBytes)
    if (!range || ended.aborted) return
    const { start, end } = range
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, ended])
    const source = readContent(share, version, { range: { start, end }, signal })
    const served = servePulls(range.port, source, () => stop.abort(cancelled()))
    // The player is told by the port, and asks again where it wants to.
    served.catch(() => undefined)
  })
  port.start()
}

const readPart = async (
  share: Share,
  version: ReadableVersion,
  { start, end }: { start: number; end: number },
  signal: AbortSignal,
): Promise<ArrayBuffer> => {
  const until = Math.min(end, version.content.sizeBytes)
  if (!(start >= 0 && start <= until && until - start <= rangeLimitBytes)) {
    throw new ProblemError('range_not_satisfiable', 'The file has no such part.')
  }
  const out = new Uint8Array(until - start)
  let at = 0
  for await (const part of readContent(share, version, { range: { start, end: until }, signal })) {
    out.set(part, at)
    at += part.length
  }
  return out.buffer
}

/** Downloads of the API. */
export const createDownloads = (desk: Desk) => {
  const stops = new Map<string, AbortController>()
  return {
    download: async (
      log: string,
      ids: readonly string[],
      seq?: number,
    ): Promise<OpenedDownload> => {
      const current = desk.unlocked()
      const share = await current.shares.get(log)
      const { id, opened, stop, end } = beginDownload(desk, stops, { current, share, ids, seq })
      const { port1, port2 } = new MessageChannel()
      void servePulls(port1, opened.source, () => stop.abort(cancelled())).then(() => end(), end)
      const { name, sizeBytes, type } = opened
      return { transfer: id, name, sizeBytes, type, port: port2 }
    },
    openMedia: async (log: string, id: string, seq?: number): Promise<OpenedMedia> => {
      const current = desk.unlocked()
      const share = await current.shares.get(log)
      const node = nodeOf(share, id)
      const version = versionOf(node, seq)
      const name = safeName(node.name ?? node.id)
      const { port1, port2 } = new MessageChannel()
      serveParts(port1, share, version, current.ended)
      return { name, sizeBytes: version.content.sizeBytes, type: mediaType(name), port: port2 }
    },
    readRange: async (
      log: string,
      id: string,
      start: number,
      end: number,
      seq?: number,
    ): Promise<ArrayBuffer> => {
      const current = desk.unlocked()
      const share = await current.shares.get(log)
      const version = versionOf(nodeOf(share, id), seq)
      return readPart(share, version, { start, end }, current.ended)
    },
    cancel: (id: string): boolean => {
      const stop = stops.get(id)
      stop?.abort(cancelled())
      return stop !== undefined
    },
  }
}
