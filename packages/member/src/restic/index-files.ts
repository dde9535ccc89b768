import { BlobIndex } from './blob-index.ts'
import { resticLimits } from './limits.ts'
import { eachOf } from './patient.ts'
import type { ResticRepository } from './repository.ts'
import { problemOf, ResticError, shortId, type ResticProblem } from './restic-error.ts'
import { readUnpacked } from './unpacked.ts'
import { countOf, isId, isRecord, parseJson } from './values.ts'

/** What the index files say, and which of them could not be read. */
export type IndexReport = {
  readonly files: number
  readonly blobs: number
  readonly packs: number
  readonly problems: readonly ResticProblem[]
}

type Options = {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (doneFiles: number, files: number) => void
}

const filesAtOnce = 3

type IndexFile = { readonly packs: readonly unknown[]; readonly supersedes: readonly string[] }

/** The list of packs; before 2016 it stood alone. */
const readForm = (value: unknown, damaged: () => Error): IndexFile => {
  if (Array.isArray(value)) return { packs: value, supersedes: [] }
  if (!isRecord(value)) throw damaged()
  const { packs, supersedes } = value
  if (packs !== null && packs !== undefined && !Array.isArray(packs)) throw damaged()
  return {
    packs: packs ?? [],
    supersedes: Array.isArray(supersedes) ? supersedes.filter(isId) : [],
  }
}

const addPack = (index: BlobIndex, pack: unknown, file: number, damaged: () => Error): void => {
  if (!isRecord(pack) || !isId(pack['id'])) throw damaged()
  const { blobs } = pack
  if (blobs === null || blobs === undefined) return
  if (!Array.isArray(blobs)) throw damaged()
  for (const blob of blobs) {
    if (!isRecord(blob) || !isId(blob['id'])) throw damaged()
    const [offset, length] = [countOf(blob['offset']), countOf(blob['length'])]
    if (offset === undefined || length === undefined) throw damaged()
    const given = blob['uncompressed_length']
    const unpacked = given === undefined || given === 0 ? undefined : countOf(given)
    if (given !== undefined && given !== 0 && (unpacked === undefined || unpacked > 2 ** 31))
      throw damaged()
    index.add({ id: blob['id'], pack: pack['id'], offset, length }, unpacked, file)
  }
}

const load = async (repository: ResticRepository, { signal, onProgress }: Options) => {
  const files = await repository.source.list('index', signal)
  if (files.length > resticLimits.listed)
    throw new ResticError('too_large', 'There are more index files than this reader takes.')
  const index = new BlobIndex()
  const problems: ResticProblem[] = []
  const replaced = new Set<string>()
  let done = 0
  await eachOf([...files.entries()], filesAtOnce, async ([number, file]) => {
    const damaged = () =>
      new ResticError(
        'damaged',
        `The index file ${shortId(file.id)} is of no form that restic writes.`,
      )
    try {
      const plain = await readUnpacked(repository, 'index', file, resticLimits.indexBytes, signal)
      const { packs, supersedes } = readForm(parseJson(plain, damaged), damaged)
      for (const pack of packs) addPack(index, pack, number, damaged)
      for (const id of supersedes) replaced.add(id)
    } catch (error) {
      problems.push(problemOf(`index/${file.id}`, error))
    }
    onProgress?.(++done, files.length)
  })
  index.supersede(
    new Set([...files.entries()].flatMap(([number, { id }]) => (replaced.has(id) ? [number] : []))),
  )
  if (files.length === 0) {
    const message = 'The repository has no index, so the contents of its snapshots cannot be found.'
    problems.push({ object: 'index', code: 'index_missing', message })
  }
  problems.sort((one, other) => (one.object < other.object ? -1 : 1))
  const { count: blobs, packCount: packs } = index
  return { index, report: { files: files.length, blobs, packs, problems } }
}

const loadOnce = (repository: ResticRepository, options: Options) => {
  if (repository.loaded) return repository.loaded
  const loading = load(repository, options)
  repository.loaded = loading
  // After a network that failed, or an abort, the next who needs it tries again.
  loading.catch(() => (repository.loaded = undefined))
  return loading
}

/**
 * Loads all index files, once; whoever needs the index calls it. Index files that are damaged are among `problems`, and
 * what the others name can still be read. Throws what the source throws, and `too_large`.
 */
export const loadIndex = async (
  repository: ResticRepository,
  options: Options = {},
): Promise<IndexReport> => (await loadOnce(repository, options)).report

/** The loaded index. */
export const indexOf = async (
  repository: ResticRepository,
  signal: AbortSignal | undefined,
): Promise<BlobIndex> => (await loadOnce(repository, { signal })).index

/** Why a blob is nowhere. */
export const missingBlob = async (
  repository: ResticRepository,
  id: string,
): Promise<ResticError> => {
  const { files, problems } = await loadIndex(repository)
  if (files === 0)
    return new ResticError(
      'index_missing',
      'The repository has no index. `restic repair index` (`rebuild-index` before 0.16) makes one.',
    )
  const why =
    problems.length > 0
      ? ` ${problems.length} of ${files} index files cannot be read; \`restic repair index\` mends that.`
      : ''
  return new ResticError('blob_missing', `No index names the blob ${shortId(id)}.${why}`)
}
