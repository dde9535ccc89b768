/**
 * Restores of chosen items: as a zip that streams, or into a folder of the disk. Damaged files are left out, and said: on
 * the page, and in a zip also by a text in it.
 */
import { ResticError, type ResticRepository } from '@hearthold/member'
import type { Skipped } from '../account/api.ts'
import { createNames } from '../account/safe-names.ts'
import { zipDate, type ZipInput, zipStream } from '../zip-stream.ts'
import {
  type RestoreEntry,
  type RestorePlan,
  restoredEntries,
  type RestoredFile,
} from './restore-plan.ts'

/** Files up to here are read whole before the zip begins them: a damaged one then leaves no trace in it. */
const wholeBytes = 16 * 1024 * 1024

export type RestoreNews = {
  onBytes(count: number): void
  /** A file is done, or was left out. */
  onFile(): void
  onSkipped(skipped: Skipped): void
}

type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>>

const isFile = (one: RestoreEntry | RestoredFile): one is RestoredFile => 'chunks' in one

const damaged = (path: string): Skipped => ({ path, reason: 'damaged' })

const readWhole = async (chunks: Chunks): Promise<Uint8Array<ArrayBuffer>> => {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for await (const part of chunks) parts.push(part)
  const [only] = parts
  if (only && parts.length === 1) return only
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

async function* counted(chunks: Chunks, news: RestoreNews): Chunks {
  for await (const chunk of chunks) {
    news.onBytes(chunk.length)
    yield chunk
  }
}

/** A large file, which the zip has begun before it is known to be whole. */
const streamed = (chunks: Chunks, news: RestoreNews, leaveOut: () => void) => {
  let isVoid = false
  async function* input(): Chunks {
    try {
      yield* counted(chunks, news)
    } catch (error) {
      if (!(error instanceof ResticError)) throw error
      isVoid = true
      leaveOut()
    }
  }
  return { input: input(), isVoid: () => isVoid }
}

/** The input of a file; undefined where it is damaged and was left out. */
const inputOf = async (
  { entry, file, chunks }: RestoredFile,
  news: RestoreNews,
  leaveOut: () => void,
): Promise<ZipInput | undefined> => {
  const named = { name: entry.name, lastModified: zipDate(entry.modifiedAt) }
  if (file.sizeBytes > wholeBytes) return { ...named, ...streamed(chunks(), news, leaveOut) }
  try {
    const input = await readWhole(chunks())
    news.onBytes(input.length)
    return { ...named, input }
  } catch (error) {
    if (!(error instanceof ResticError)) throw error
    leaveOut()
    return undefined
  }
}

/** A text that names what is damaged, under a name that nothing else has. */
const notRestored = (paths: readonly string[], plan: RestorePlan): ZipInput => {
  const names = createNames()
  for (const { name } of plan.entries) {
    const plain = name.replace(/\/$/, '')
    if (!plain.includes('/')) names(plain)
  }
  const shown = paths.map((path) => path.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd'))
  const lines = ['Damaged in the repository, and so not in this zip:', '', ...shown, '']
  return {
    name: names('NOT RESTORED.txt'),
    lastModified: new Date(),
    input: new TextEncoder().encode(lines.join('\r\n')),
  }
}

/**
 * The bytes of a zip of what was planned. A damaged file is not in its directory, also where its beginning lies in the
 * zip already; all others are whole.
 */
export async function* zipOf(
  repository: ResticRepository,
  plan: RestorePlan,
  news: RestoreNews,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const missing = plan.skipped.flatMap(({ path, reason }) => (reason === 'damaged' ? path : []))
  async function* inputs(): AsyncGenerator<ZipInput> {
    for await (const one of restoredEntries(repository, plan.entries, signal)) {
      if (!isFile(one)) {
        yield { name: one.name, lastModified: zipDate(one.modifiedAt) }
        continue
      }
      const input = await inputOf(one, news, () => {
        news.onSkipped(damaged(one.entry.path))
        missing.push(one.entry.path)
      })
      if (input) yield input
      news.onFile()
    }
    if (missing.length > 0) yield notRestored(missing, plan)
  }
  yield* zipStream(inputs())
}

/** A folder of a name that is free in `parent`, made now. */
const makeFreeFolder = async (
  parent: FileSystemDirectoryHandle,
  wanted: string,
): Promise<FileSystemDirectoryHandle> => {
  const names = createNames()
  for await (const name of parent.keys()) names(name)
  return parent.getDirectoryHandle(names(wanted), { create: true })
}

const writeFile = async (
  folder: FileSystemDirectoryHandle,
  name: string,
  chunks: Chunks,
): Promise<void> => {
  const handle = await folder.getFileHandle(name, { create: true })
  const writable = await handle.createWritable()
  try {
    for await (const chunk of chunks) await writable.write(chunk)
    await writable.close()
  } catch (error) {
    await writable.abort().catch(() => undefined)
    // What is not whole bears no name.
    await folder.removeEntry(name).catch(() => undefined)
    throw error
  }
}

/** Writes what was planned into a new folder within `parent`, called `wanted` or nearly so; returns its name. */
export const writeInto = async (
  repository: ResticRepository,
  plan: RestorePlan,
  to: { readonly parent: FileSystemDirectoryHandle; readonly wanted: string },
  news: RestoreNews,
  signal: AbortSignal,
): Promise<string> => {
  const top = await makeFreeFolder(to.parent, to.wanted)
  const folders = new Map([['', top]])
  const placeOf = (name: string): { folder: FileSystemDirectoryHandle; last: string } => {
    const plain = name.replace(/\/$/, '')
    const slash = plain.lastIndexOf('/')
    return { folder: folders.get(plain.slice(0, slash + 1)) ?? top, last: plain.slice(slash + 1) }
  }
  for await (const one of restoredEntries(repository, plan.entries, signal)) {
    if (!isFile(one)) {
      const { folder, last } = placeOf(one.name)
      folders.set(one.name, await folder.getDirectoryHandle(last, { create: true }))
      continue
    }
    const { folder, last } = placeOf(one.entry.name)
    try {
      await writeFile(folder, last, counted(one.chunks(), news))
    } catch (error) {
      if (!(error instanceof ResticError)) throw error
      news.onSkipped(damaged(one.entry.path))
    }
    news.onFile()
  }
  return top.name
}
