/** Putting a tree of folders, files and links into a share: sealed here, stored, then named in the log. */
import { ProblemError } from '@hearthold/contract'
import { randomId, toHex } from '@hearthold/crypto'
import {
  type Attributes,
  isLive,
  newestVersion,
  type ShareNode,
  type ShareView,
} from '@hearthold/model'
import { nowOf } from '../member-context.ts'
import { createCrew, SourceChangedError } from './flow.ts'
import { type LocalFile, type LocalItem, type Skipped, SourceError } from './local-item.ts'
import { type ChangeQueue, createChangeQueue } from './put-changes.ts'
import { createBundler, isSmall, sealSmall, type StoredFile, uploadLarge } from './put-objects.ts'
import { type Placed, Places } from './put-places.ts'
import { createResumes, type Resumes, type ResumeStore } from './resume.ts'
import type { Share } from './share.ts'
import { splitPath } from './tree.ts'

export type PutProgress = {
  /** Files and plaintext bytes that are done, skipped ones included. */
  readonly files: number
  readonly bytes: number
  /** Those seen so far; the totals once the source has ended. */
  readonly filesSeen: number
  readonly bytesSeen: number
}

export type PutOptions = {
  /** Store files again that have the same size and time as in the share. */
  readonly force?: boolean
  readonly onProgress?: (progress: PutProgress) => void
  readonly signal?: AbortSignal
  /** Records of large uploads, so that a run that was cut off is gone on with. */
  readonly resume?: ResumeStore
}

export type PutReport = {
  /** New or changed files, and their plaintext bytes. */
  readonly files: number
  readonly bytes: number
  readonly links: number
  /** Folders that were made, those on the way to the target included. */
  readonly folders: number
  /** Files left as they are, since size and time are the same. */
  readonly unchanged: number
  /** What could not be read or placed; all the rest is done. */
  readonly skipped: readonly Skipped[]
}

/** Small files being read and sealed at once, and large ones under way at once. */
const smallAtOnce = 16
const largeAtOnce = 2
/** What is stored is named in the log at the latest after this long, so that little is lost to a crash. */
const flushAfterMs = 15_000

type Counts = { files: number; bytes: number; links: number; unchanged: number }

type Run = {
  readonly share: Share
  readonly options: PutOptions
  readonly signal: AbortSignal
  readonly places: Places
  readonly queue: ChangeQueue
  readonly bundler: ReturnType<typeof createBundler>
  readonly resumes: Resumes
  readonly small: ReturnType<typeof createCrew>
  readonly large: ReturnType<typeof createCrew>
  readonly skipped: Map<string, Skipped>
  readonly counts: Counts
  readonly progress: { files: number; bytes: number; filesSeen: number; bytesSeen: number }
}

const newId = (): string => toHex(randomId())

const skip = (run: Run, path: string, reason: string): void => {
  run.skipped.set(path, { path, reason })
}

const report = (run: Run, files: number, bytes: number): void => {
  run.progress.files += files
  run.progress.bytes += bytes
  run.options.onProgress?.({ ...run.progress })
}

/** Where the fault lies with the source the item is left out; everything else ends the run. */
const skipOrThrow = (run: Run, path: string, error: unknown): void => {
  if (!(error instanceof SourceError) && !(error instanceof SourceChangedError)) throw error
  skip(run, path, error.message)
}

const nameIn = (
  run: Run,
  file: LocalFile,
  placed: Extract<Placed, { parent: string }>,
  stored: StoredFile,
) => {
  const { parent, name, existing } = placed
  const { object, sizeBytes, content } = stored
  const attributes: Attributes = {
    name,
    modifiedAt: file.modifiedAt,
    ...(file.mode === undefined ? {} : { mode: file.mode }),
    content,
  }
  const change = existing
    ? ({ op: 'write', node: existing.id, base: existing.base, object, sizeBytes } as const)
    : ({ op: 'add-file', node: newId(), parent, object, sizeBytes } as const)
  run.counts.files++
  run.counts.bytes += content.sizeBytes
  return run.queue.add({ change, attributes, path: file.path, parent })
}

const putSmall = async (run: Run, file: LocalFile, placed: Extract<Placed, { parent: string }>) => {
  try {
    const { stored, bytes } = await sealSmall(file)
    await run.bundler.add({ object: stored.object, bytes }, async () => {
      await nameIn(run, file, placed, stored)
      report(run, 1, file.size)
    })
  } catch (error) {
    skipOrThrow(run, file.path, error)
  }
}

const putLarge = async (run: Run, file: LocalFile, placed: Extract<Placed, { parent: string }>) => {
  let told = 0
  const path = `${placed.parent}/${placed.name}`
  try {
    // The record of the upload bears the folder's id: a later run finds it only where that id is in the log.
    const { view } = run.share
    if (placed.parent !== view.root && !view.nodes.has(placed.parent)) await run.queue.flush()
    const stored = await uploadLarge(run.share, path, file, {
      resumes: run.resumes,
      signal: run.signal,
      onProgress: (done) => {
        report(run, 0, done - told)
        told = done
      },
    })
    await nameIn(run, file, placed, stored)
    await run.queue.flush()
    await run.resumes.remove(path)
    report(run, 1, file.size - told)
  } catch (error) {
    skipOrThrow(run, file.path, error)
    report(run, 0, -told)
  }
}

const isUnchanged = (file: LocalFile, existing: ShareNode): boolean =>
  newestVersion(existing)?.content?.sizeBytes === file.size &&
  existing.modifiedAt === Math.round(file.modifiedAt)

const putFile = async (run: Run, file: LocalFile): Promise<void> => {
  run.progress.filesSeen++
  run.progress.bytesSeen += file.size
  const placed = await run.places.place(file.path, 'file')
  if ('reason' in placed) return skip(run, file.path, placed.reason)
  if (placed.existing && !run.options.force && isUnchanged(file, placed.existing)) {
    run.counts.unchanged++
    return report(run, 1, file.size)
  }
  const small = isSmall(file)
  await (small ? run.small : run.large).add(() =>
    small ? putSmall(run, file, placed) : putLarge(run, file, placed),
  )
}

const putLink = async (run: Run, item: Extract<LocalItem, { kind: 'link' }>): Promise<void> => {
  const placed = await run.places.place(item.path, 'link')
  if ('reason' in placed) return skip(run, item.path, placed.reason)
  const { parent, name, existing } = placed
  if (existing?.target === item.target) {
    run.counts.unchanged++
    return
  }
  const attributes: Attributes = {
    name,
    target: item.target,
    ...(item.modifiedAt === undefined ? {} : { modifiedAt: item.modifiedAt }),
  }
  run.counts.links++
  const change = existing
    ? ({ op: 'describe', node: existing.id, base: existing.base } as const)
    : ({ op: 'add-link', node: newId(), parent } as const)
  await run.queue.add({ change, attributes, path: item.path, parent })
}

const putItem = async (run: Run, item: LocalItem): Promise<void> => {
  switch (item.kind) {
    case 'unreadable':
      return skip(run, item.path, item.reason)
    case 'link':
      return putLink(run, item)
    case 'file':
      return putFile(run, item)
    case 'folder': {
      const reached = await run.places.folder(item.path, item)
      if (typeof reached !== 'string') skip(run, item.path, reached.reason)
    }
  }
}

/** A folder by its path, which is made where it is missing, or by its id, which must be there. */
export type PutTarget = string | { readonly folder: string }

/** Where the target's names begin, and those names. */
const targetOf = (view: ShareView, target: PutTarget): { top: string; names: string[] } => {
  if (typeof target === 'string') return { top: view.root, names: splitPath(target) }
  const { folder } = target
  const isThere = folder === view.root || view.nodes.get(folder)?.kind === 'folder'
  if (isThere && isLive(view, folder)) return { top: folder, names: [] }
  throw new ProblemError('not_found', 'The folder is not there any more.')
}

/**
 * Puts what `source` walks into the folder `target` of a share. Folders are merged;
 * a file with the same size and time is left alone, a changed one becomes a new version, nothing is removed. What
 * cannot be read or placed is listed at the end while the rest is done. Throws ProblemError (over_quota, disk_full
 * ...), NetworkError or the reason of `signal`, after naming in the log what was stored until then.
 */
export const putTree = async (
  share: Share,
  source: AsyncIterable<LocalItem>,
  target: PutTarget,
  options: PutOptions = {},
): Promise<PutReport> => {
  if (typeof target === 'string') splitPath(target)
  await share.replica.sync(options.signal)
  const { top, names } = targetOf(share.view, target)
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const skipped = new Map<string, Skipped>()
  const clock = () => nowOf(share.member.context)
  const queue = createChangeQueue(share, skipped, clock)
  const run: Run = {
    share,
    options,
    signal,
    skipped,
    places: new Places(share.view, names, (change) => queue.add(change), top),
    queue,
    bundler: createBundler(share, signal),
    resumes: createResumes(share, options.resume),
    small: createCrew(smallAtOnce),
    large: createCrew(largeAtOnce),
    counts: { files: 0, bytes: 0, links: 0, unchanged: 0 },
    progress: { files: 0, bytes: 0, filesSeen: 0, bytesSeen: 0 },
  }
  try {
    for await (const item of source) {
      signal.throwIfAborted()
      await putItem(run, item)
      if (run.queue.waitsLonger(flushAfterMs)) await run.queue.flush()
    }
    await run.small.end()
    await run.bundler.end()
    await run.large.end()
    await run.queue.flush()
  } catch (error) {
    stop.abort(error)
    await saveRest(run)
    throw error
  }
  return { ...run.counts, folders: run.places.made, skipped: [...skipped.values()] }
}

/** After a failure: what was stored is named, if that still works; the failure itself is what counts. */
const saveRest = async (run: Run): Promise<void> => {
  await Promise.allSettled([run.small.end(), run.bundler.end(), run.large.end()])
  await run.queue.flush().catch(() => undefined)
}
