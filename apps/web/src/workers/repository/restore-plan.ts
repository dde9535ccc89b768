/** What a restore of chosen items holds, and its bytes, in one order, so that requests span files. */
import {
  readBlobs,
  ResticError,
  type ResticNode,
  type ResticProblem,
  type ResticRepository,
  walkSnapshot,
  type WantedBlob,
} from '@hearthold/member'
import type { Skipped } from '../account/api.ts'
import { createNames } from '../account/safe-names.ts'
import { type Found, kindOf } from './folders.ts'

export type RestoreEntry = {
  /** Where it goes, by names that are safe on every system; folders end with a slash. */
  readonly name: string
  /** Where it stands in the snapshot. */
  readonly path: string
  readonly modifiedAt: number
  /** Undefined for a folder. */
  readonly file: ResticNode | undefined
}
export type RestorePlan = {
  readonly entries: readonly RestoreEntry[]
  readonly files: number
  readonly bytes: number
  readonly skipped: readonly Skipped[]
}

type Names = ReturnType<typeof createNames>

/** Lists everything in the chosen items, each folder before what is in it. Folders that are damaged are skipped, and said. */
export const planRestore = async (
  repository: ResticRepository,
  chosen: readonly Found[],
  signal: AbortSignal,
): Promise<RestorePlan> => {
  const entries: RestoreEntry[] = []
  const skipped: Skipped[] = []
  /** By the path of a folder: where it goes, and which names are taken there. */
  const folders = new Map<string, { readonly name: string; readonly names: Names }>()
  const top = { name: '', names: createNames() }
  const add = (parent: { name: string; names: Names }, path: string, node: ResticNode): void => {
    const kind = kindOf(node)
    if (kind === 'link' || kind === 'other') return void skipped.push({ path, reason: kind })
    const name = `${parent.name}${parent.names(node.name)}`
    const modifiedAt = node.modified?.ms ?? 0
    if (kind === 'file') return void entries.push({ name, path, modifiedAt, file: node })
    entries.push({ name: `${name}/`, path, modifiedAt, file: undefined })
    folders.set(path, { name: `${name}/`, names: createNames() })
  }
  const onProblem = ({ object }: ResticProblem): void =>
    void skipped.push({ path: object, reason: 'damaged' })
  for (const { path, node } of chosen) {
    add(top, path, node)
    if (node.subtree === undefined) continue
    const walk = walkSnapshot(repository, node.subtree, { under: path, signal, onProblem })
    for await (const { place, nodes } of walk) {
      const folder = folders.get(place.path)
      if (folder) for (const one of nodes) add(folder, joined(place.path, one.name), one)
    }
  }
  const files = entries.flatMap(({ file }) => file ?? [])
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { entries, files: files.length, bytes, skipped }
}

const joined = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)

function* wantedOf(entries: readonly RestoreEntry[]): Generator<WantedBlob<RestoreEntry>> {
  for (const entry of entries) {
    for (const id of entry.file?.content ?? []) yield { item: entry, id }
  }
}

/** A file of a plan with its bytes, which must be read to their end before the next file. */
export type RestoredFile = {
  readonly entry: RestoreEntry
  readonly file: ResticNode
  /** Throws ResticError where a piece is damaged or missing. */
  readonly chunks: () => AsyncGenerator<Uint8Array<ArrayBuffer>>
}

/** All entries in their order, files with their bytes; folders have none. */
export async function* restoredEntries(
  repository: ResticRepository,
  entries: readonly RestoreEntry[],
  signal: AbortSignal,
): AsyncGenerator<RestoreEntry | RestoredFile> {
  const answers = readBlobs(repository, wantedOf(entries), { signal })
  async function* chunksOf(file: ResticNode): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let left = file.content?.length ?? 0
    let bytes = 0
    let failure: ResticError | undefined
    try {
      while (left > 0) {
        const { value, done } = await answers.next()
        if (done) throw new ResticError('damaged', 'The file ends before its last piece.')
        left--
        failure = value.error
        if (failure) break
        bytes += value.bytes?.length ?? 0
        if (value.bytes) yield value.bytes
      }
    } finally {
      // What is left of this file must not be taken for the next one's.
      for (; left > 0 && !signal.aborted; left--) await answers.next()
    }
    if (failure) throw failure
    if (bytes !== file.sizeBytes)
      throw new ResticError('damaged', 'The file is of another length than its snapshot says.')
  }
  try {
    for (const entry of entries) {
      signal.throwIfAborted()
      const { file } = entry
      yield file ? { entry, file, chunks: () => chunksOf(file) } : entry
    }
  } finally {
    await answers.return(undefined)
  }
}
