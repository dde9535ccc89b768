/** Several items as one zip, made while it is read: nothing of it lies anywhere as a whole. */
import { listFolder, readContent, type Share } from '@hearthold/member'
import { newestVersion, type ShareNode, type Version } from '@hearthold/model'
import { zipDate, type ZipInput, zipLength as bytesOfZip, zipStream } from '../zip-stream.ts'
import type { Skipped } from './api.ts'
import { createNames } from './safe-names.ts'

export type ZipEntry = {
  /** Path in the zip; folders end with a slash. */
  readonly name: string
  readonly modifiedAt: number
  readonly version: Version | undefined
  readonly sizeBytes: number
}

export type ZipPlan = {
  readonly entries: readonly ZipEntry[]
  readonly skipped: readonly Skipped[]
}

/** What the chosen items hold, folders before what is in them; links and unreadable entries are left out, with a reason. */
export const planZip = (share: Share, nodes: readonly ShareNode[]): ZipPlan => {
  const entries: ZipEntry[] = []
  const skipped: Skipped[] = []
  const add = (node: ShareNode, parent: string, names: (wanted: string) => string): void => {
    const path = `${parent}${names(node.name ?? node.id)}`
    const modifiedAt = node.modifiedAt ?? node.at
    if (node.kind === 'link') {
      skipped.push({ path, reason: 'link' })
    } else if (node.kind === 'folder') {
      entries.push({ name: `${path}/`, modifiedAt, version: undefined, sizeBytes: 0 })
      const inside = createNames()
      for (const item of listFolder(share.view, node.id)) add(item.node, `${path}/`, inside)
    } else {
      const version = newestVersion(node)
      if (!version?.content) skipped.push({ path, reason: 'unreadable' })
      else entries.push({ name: path, modifiedAt, version, sizeBytes: version.content.sizeBytes })
    }
  }
  const names = createNames()
  for (const node of nodes) add(node, '', names)
  return { entries, skipped }
}

const metadataOf = (entry: ZipEntry) => ({
  name: entry.name,
  lastModified: zipDate(entry.modifiedAt),
})

/** Exact bytes of the zip, or undefined beyond what a number holds. */
export const zipLength = (entries: readonly ZipEntry[]): number | undefined => {
  const length = bytesOfZip(
    entries.map(({ name, version, sizeBytes }) => ({
      name,
      size: version === undefined ? 0 : sizeBytes,
    })),
  )
  return length <= Number.MAX_SAFE_INTEGER ? length : undefined
}

/** Small files that are fetched ahead of the one being written. */
const aheadFiles = 12
const aheadBytes = 1024 * 1024

const whole = async (bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> => {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for await (const part of bytes) parts.push(part.slice())
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

/** The zip's bytes. Every file is verified while it is read; one that does not open ends the whole. */
export async function* zipBytes(
  share: Share,
  entries: readonly ZipEntry[],
  options: { signal: AbortSignal; onFile: () => void; onBytes: (count: number) => void },
): AsyncGenerator<Uint8Array> {
  const { signal, onBytes, onFile } = options
  const small = ({ version, sizeBytes }: ZipEntry) =>
    version !== undefined && sizeBytes <= aheadBytes
  const ahead = new Map<ZipEntry, Promise<Uint8Array<ArrayBuffer>>>()
  const fetchAhead = (from: number): void => {
    for (let i = from; i < entries.length && i < from + aheadFiles; i++) {
      const entry = entries[i]!
      if (!small(entry) || ahead.has(entry)) continue
      const fetching = whole(readContent(share, entry.version!, { signal }))
      // It may never be reached.
      fetching.catch(() => undefined)
      ahead.set(entry, fetching)
    }
  }
  async function* counted(entry: ZipEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const bytes of readContent(share, entry.version!, { signal })) {
      onBytes(bytes.length)
      yield bytes as Uint8Array<ArrayBuffer>
    }
  }
  async function* inputs(): AsyncGenerator<ZipInput> {
    for (const [i, entry] of entries.entries()) {
      signal.throwIfAborted()
      fetchAhead(i)
      const meta = metadataOf(entry)
      if (entry.version === undefined) yield meta
      else if (small(entry)) {
        const input = await ahead.get(entry)!
        ahead.delete(entry)
        onBytes(input.length)
        yield { ...meta, input }
      } else yield { ...meta, input: counted(entry) }
      onFile()
    }
  }
  yield* zipStream(inputs())
}
