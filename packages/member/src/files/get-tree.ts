/** Getting a tree out of a share: fetched, verified, opened, and only then handed to the sink. */
import { downloadObject, getBundle } from '@hearthold/client'
import { bundledObjectLimitBytes, bundleLimitObjects, ProblemError } from '@hearthold/contract'
import {
  createObjectOpener,
  fromHex,
  IntegrityError,
  openObject,
  openStream,
  sealedSegmentBytes,
  sealedSize,
  segmentRange,
} from '@hearthold/crypto'
import { type Content, newestVersion, type ShareNode, type Version } from '@hearthold/model'
import { createCrew, readAhead } from './flow.ts'
import type { Share } from './share.ts'
import { getPath, type Place, walk } from './tree.ts'

export type ItemAttributes = {
  /** ms since 1970. */
  readonly modifiedAt: number | undefined
  readonly mode: number | undefined
}

/** Takes one file's bytes in order. Nothing that was written counts before `close`; `abort` takes all back. */
export type FileWriter = {
  /** The bytes may be kept: they are the writer's own. */
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

/** Where a tree goes. Paths are relative, with "/" between names, none of them "." or "..", and none twice. */
export type TreeSink = {
  folder(path: string, attributes: ItemAttributes): Promise<void>
  /** After all that the folder holds: the time to set its times. */
  folderDone?(path: string, attributes: ItemAttributes): Promise<void>
  link(path: string, target: string, attributes: ItemAttributes): Promise<void>
  file(path: string, attributes: ItemAttributes & { readonly size: number }): Promise<FileWriter>
  /** A short cut for files of at most 1 MiB, whole and verified; without it they are written like all others. */
  wholeFile?(path: string, bytes: Uint8Array, attributes: ItemAttributes): Promise<void>
}

export type GetProgress = {
  readonly files: number
  readonly bytes: number
  readonly filesTotal: number
  readonly bytesTotal: number
}

export type GetOptions = {
  readonly onProgress?: (progress: GetProgress) => void
  readonly signal?: AbortSignal
}

/** A file that could not be had: withheld, changed, or refused by the sink. */
export type FailedItem = {
  readonly path: string
  readonly reason: string
  /** IntegrityError's or ProblemError's code, where it was one. */
  readonly code: string | undefined
}

export type GetReport = {
  readonly files: number
  readonly bytes: number
  readonly links: number
  readonly folders: number
  readonly failed: readonly FailedItem[]
}

/** What is fetched at once: bundles of small files, and large files. */
const bundlesAtOnce = 3
const largeAtOnce = 2
const bundleBytes = 4 * 1024 * 1024
/** From here on it pays to read whole segments: four at a time then come as one chunk, and none is copied together. */
const blocksFromBytes = 8 * 1024 * 1024
const blockBytes = 4 * sealedSegmentBytes

type Wanted = {
  readonly path: string
  readonly node: ShareNode
  readonly version: Version
  readonly content: Content
}

type Run = {
  readonly share: Share
  readonly sink: TreeSink
  readonly options: GetOptions
  readonly signal: AbortSignal
  readonly failed: FailedItem[]
  readonly done: { files: number; bytes: number; links: number; folders: number }
  readonly totals: { filesTotal: number; bytesTotal: number }
}

const attributesOf = (node: ShareNode): ItemAttributes => ({
  modifiedAt: node.modifiedAt,
  mode: node.mode,
})

const report = (run: Run, files: number, bytes: number): void => {
  run.done.files += files
  run.done.bytes += bytes
  const { done, totals, options } = run
  options.onProgress?.({ files: done.files, bytes: done.bytes, ...totals })
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof IntegrityError || error instanceof ProblemError ? error.code : undefined

/** A failure of the sink, kept apart from those of the network. */
class SinkError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'It could not be written.', { cause })
    this.name = 'SinkError'
  }
}

const toSink = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    throw new SinkError(cause)
  }
}

/** One bad file does not keep the others back; a lost network or session does. */
const failOrThrow = (run: Run, path: string, error: unknown): void => {
  const single =
    error instanceof IntegrityError ||
    error instanceof SinkError ||
    (error instanceof ProblemError && error.code === 'not_found')
  if (!single) throw error
  run.failed.push({ path, reason: error.message, code: codeOf(error) })
}

/** Opens the whole of a small object; its length must be the one that its author sealed. */
const openWhole = async ({ version, content }: Wanted, sealed: Uint8Array): Promise<Uint8Array> => {
  const bytes = await openObject(content.key, fromHex(version.object), content.commitment, sealed)
  if (bytes.length !== content.sizeBytes) {
    throw new IntegrityError(
      'object_segment',
      'The object is longer or shorter than its entry says.',
    )
  }
  return bytes
}

const writeWhole = async (run: Run, wanted: Wanted, bytes: Uint8Array): Promise<void> => {
  const { sink } = run
  const { path, node } = wanted
  const attributes = attributesOf(node)
  await toSink(async () => {
    if (sink.wholeFile) return sink.wholeFile(path, bytes, attributes)
    const writer = await sink.file(path, { ...attributes, size: bytes.length })
    try {
      if (bytes.length > 0) await writer.write(bytes)
      await writer.close()
    } catch (error) {
      await writer.abort()
      throw error
    }
  })
  report(run, 1, bytes.length)
}

/** The bundle, or where one object of it is missing each by itself, so that only that one fails. */
const fetchBundle = async (
  run: Run,
  bundle: readonly Wanted[],
): Promise<(Uint8Array | Error)[]> => {
  const { client } = run.share.member.context
  const { signal } = run
  try {
    return await getBundle(
      client,
      bundle.map(({ version }) => version.object),
      signal,
    )
  } catch (error) {
    const missing = error instanceof ProblemError && error.code === 'not_found'
    if (!missing) throw error
    if (bundle.length === 1) return [error]
    const half = Math.ceil(bundle.length / 2)
    return [
      ...(await fetchBundle(run, bundle.slice(0, half))),
      ...(await fetchBundle(run, bundle.slice(half))),
    ]
  }
}

const getSmall = async (run: Run, bundle: readonly Wanted[]): Promise<void> => {
  const answers = await fetchBundle(run, bundle)
  const crew = createCrew(8)
  for (const [i, answer] of answers.entries()) {
    const wanted = bundle[i]!
    await crew.add(async () => {
      try {
        if (answer instanceof Error) throw answer
        await writeWhole(run, wanted, await openWhole(wanted, answer))
      } catch (error) {
        failOrThrow(run, wanted.path, error)
      }
    })
  }
  await crew.end()
}

/** The opened bytes of an object, segment by segment, each only after its tag was verified. */
export const readContent = (
  share: Share,
  version: Version,
  options: {
    range?: { start: number; end: number }
    signal?: AbortSignal | undefined
  } = {},
): AsyncGenerator<Uint8Array> => {
  const { content, object } = version
  if (!content) throw new IntegrityError('log_body', 'The entry holds no key for this file.')
  const opener = createObjectOpener(content.key, fromHex(object), content.commitment)
  const { client } = share.member.context
  const signal = options.signal ? { signal: options.signal } : {}
  if (!options.range) {
    const blocks = content.sizeBytes >= blocksFromBytes ? { blockBytes } : {}
    const chunks = downloadObject(client, object, { ...signal, ...blocks })
    return readAhead(openStream(opener, readAhead(chunks), content.sizeBytes))
  }
  const { start, end } = options.range
  const span = segmentRange(start, end, content.sizeBytes)
  const place = { start: span.sealedStart, end: span.sealedEnd }
  const chunks = downloadObject(client, object, { ...place, ...signal })
  return openStream(opener, readAhead(chunks), content.sizeBytes, { start, end })
}

const writeStream = async (run: Run, { path, node, version, content }: Wanted): Promise<void> => {
  const attributes = { ...attributesOf(node), size: content.sizeBytes }
  const writer = await toSink(() => run.sink.file(path, attributes))
  let told = 0
  try {
    for await (const bytes of readContent(run.share, version, { signal: run.signal })) {
      // Once it is written its memory is the writer's.
      const { length } = bytes
      await toSink(() => writer.write(bytes))
      told += length
      report(run, 0, length)
    }
    await toSink(() => writer.close())
    report(run, 1, 0)
  } catch (error) {
    report(run, 0, -told)
    await writer.abort().catch(() => undefined)
    throw error
  }
}

const getLarge = async (run: Run, wanted: Wanted): Promise<void> => {
  try {
    await writeStream(run, wanted)
  } catch (error) {
    failOrThrow(run, wanted.path, error)
  }
}

/** Folders and links are made at once, in order; files are gathered. Paths are relative to what was asked for. */
const prepare = async (
  run: Run,
  places: readonly { place: Place; path: string }[],
): Promise<Wanted[]> => {
  const files: Wanted[] = []
  for (const { place, path } of places) {
    const { node } = place
    try {
      if (!node) continue
      if (place.kind === 'folder') {
        await toSink(() => run.sink.folder(path, attributesOf(node)))
        run.done.folders++
      } else if (place.kind === 'link') {
        await toSink(() => run.sink.link(path, node.target ?? '', attributesOf(node)))
        run.done.links++
      } else {
        const version = newestVersion(node)
        if (!version?.content)
          throw new IntegrityError('log_body', 'The entry holds no key for this file.')
        files.push({ path, node, version, content: version.content })
      }
    } catch (error) {
      failOrThrow(run, path, error)
    }
  }
  return files
}

const isSmall = ({ content, version }: Wanted): boolean =>
  version.sizeBytes <= bundledObjectLimitBytes &&
  sealedSize(content.sizeBytes) <= bundledObjectLimitBytes

const bundlesOf = function* (files: readonly Wanted[]): Generator<Wanted[]> {
  let bundle: Wanted[] = []
  let bytes = 0
  for (const file of files) {
    const full =
      bundle.length === bundleLimitObjects || bytes + file.version.sizeBytes > bundleBytes
    if (full && bundle.length > 0) {
      yield bundle
      bundle = []
      bytes = 0
    }
    bundle.push(file)
    bytes += file.version.sizeBytes
  }
  if (bundle.length > 0) yield bundle
}

/** What lies at the paths: an item under its own name, and of the root only what it holds. */
const placesOf = (share: Share, paths: readonly string[]): { place: Place; path: string }[] =>
  paths.flatMap((asked) => {
    const top = getPath(share.view, asked)
    const cut = top.path === '/' ? 1 : top.path.lastIndexOf('/') + 1
    return [...walk(share.view, top)].map((place) => ({ place, path: place.path.slice(cut) }))
  })

/**
 * Gets the items at `paths` into `sink`: the newest versions, small files in bundles, large ones as streams that go on
 * after a dropped connection. Plaintext is released only segment by segment after its tag; a file counts only when
 * its last segment and size were right. What fails by itself is listed in the report; ProblemError('not_found')
 * for an unknown path, and whatever ends the session or the network, are thrown.
 */
export const getTree = async (
  share: Share,
  paths: readonly string[],
  sink: TreeSink,
  options: GetOptions = {},
): Promise<GetReport> => {
  const places = placesOf(share, paths)
  const stop = new AbortController()
  const run: Run = {
    share,
    sink,
    options,
    signal: options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal,
    failed: [],
    done: { files: 0, bytes: 0, links: 0, folders: 0 },
    totals: { filesTotal: 0, bytesTotal: 0 },
  }
  const files = await prepare(run, places)
  run.totals.filesTotal = files.length
  run.totals.bytesTotal = files.reduce((sum, { content }) => sum + content.sizeBytes, 0)
  const small = createCrew(bundlesAtOnce)
  const large = createCrew(largeAtOnce)
  try {
    for (const bundle of bundlesOf(files.filter(isSmall)))
      await small.add(() => getSmall(run, bundle))
    for (const file of files) if (!isSmall(file)) await large.add(() => getLarge(run, file))
    await small.end()
    await large.end()
  } catch (error) {
    stop.abort(error)
    await Promise.allSettled([small.end(), large.end()])
    throw error
  }
  await finishFolders(run, places)
  return { ...run.done, failed: run.failed }
}

const finishFolders = async (
  run: Run,
  places: readonly { place: Place; path: string }[],
): Promise<void> => {
  for (const { place, path } of places.toReversed()) {
    const { node } = place
    if (place.kind !== 'folder' || !node || !run.sink.folderDone) continue
    await run.sink.folderDone(path, attributesOf(node)).catch((error: unknown) => {
      failOrThrow(run, path, new SinkError(error))
    })
  }
}
