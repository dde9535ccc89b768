import { resticLimits } from './limits.ts'
import type { ResticSnapshot, ResticSummary } from './node.ts'
import { eachOf } from './patient.ts'
import type { ResticRepository } from './repository.ts'
import { problemOf, ResticError, shortId, type ResticProblem } from './restic-error.ts'
import { findTime } from './times.ts'
import { readUnpacked } from './unpacked.ts'
import { countOf, isId, isRecord, parseJson, textOf, textsOf } from './values.ts'

type Options = { readonly signal?: AbortSignal | undefined }

const snapshotsAtOnce = 8

const summaryOf = (value: unknown): ResticSummary | undefined => {
  if (!isRecord(value)) return undefined
  return {
    files: countOf(value['total_files_processed']),
    bytes: countOf(value['total_bytes_processed']),
    filesNew: countOf(value['files_new']),
    filesChanged: countOf(value['files_changed']),
    filesUnmodified: countOf(value['files_unmodified']),
    addedBytes: countOf(value['data_added_packed']),
  }
}

const parseSnapshot = (id: string, plain: Uint8Array): ResticSnapshot => {
  const damaged = () =>
    new ResticError('damaged', `The snapshot ${shortId(id)} is of no form that restic writes.`)
  const value = parseJson(plain, damaged)
  if (!isRecord(value)) throw damaged()
  const { tree } = value
  const time = findTime(value['time'])
  if (!isId(tree) || !time) throw damaged()
  return {
    id,
    time,
    tree,
    parent: textOf(value['parent']),
    original: textOf(value['original']),
    paths: textsOf(value['paths']).toSorted(),
    host: textOf(value['hostname']) ?? '',
    user: textOf(value['username']) ?? '',
    tags: textsOf(value['tags']).toSorted(),
    excludes: textsOf(value['excludes']),
    programVersion: textOf(value['program_version']),
    summary: summaryOf(value['summary']),
  }
}

const compareTimes = (one: ResticSnapshot, other: ResticSnapshot): number =>
  other.time.ms - one.time.ms ||
  other.time.ns - one.time.ns ||
  (one.id < other.id ? -1 : Number(one.id > other.id))

/** All snapshots, newest first; those that cannot be read are among `problems`. Throws what the source throws. */
export const listSnapshots = async (
  repository: ResticRepository,
  { signal }: Options = {},
): Promise<{ snapshots: ResticSnapshot[]; problems: ResticProblem[] }> => {
  const files = await repository.source.list('snapshots', signal)
  if (files.length > resticLimits.listed)
    throw new ResticError('too_large', 'There are more snapshots than this reader takes.')
  const snapshots: ResticSnapshot[] = []
  const problems: ResticProblem[] = []
  await eachOf(files, snapshotsAtOnce, async (file) => {
    try {
      const limit = resticLimits.snapshotBytes
      const plain = await readUnpacked(repository, 'snapshots', file, limit, signal)
      snapshots.push(parseSnapshot(file.id, plain))
    } catch (error) {
      problems.push(problemOf(`snapshots/${file.id}`, error))
    }
  })
  problems.sort((one, other) => (one.object < other.object ? -1 : 1))
  return { snapshots: snapshots.sort(compareTimes), problems }
}

/**
 * A snapshot by its id, the beginning of it, or `latest`. Throws `snapshot_not_found`, `snapshot_ambiguous`, and
 * `damaged` where the one that is meant cannot be read, or for `latest` any: it could be that one.
 */
export const findSnapshot = async (
  repository: ResticRepository,
  name: string,
  { signal }: Options = {},
): Promise<ResticSnapshot> => {
  if (name === 'latest') {
    const { snapshots, problems } = await listSnapshots(repository, { signal })
    const [unread] = problems
    if (unread) {
      const message = `${unread.message} It could be the latest; name the snapshot that you mean.`
      throw new ResticError(unread.code, message)
    }
    if (snapshots[0]) return snapshots[0]
    throw new ResticError('snapshot_not_found', 'The repository has no snapshot.')
  }
  const files = await repository.source.list('snapshots', signal)
  const fitting = /^[0-9a-f]{1,64}$/.test(name) ? files.filter(({ id }) => id.startsWith(name)) : []
  const [file, another] = fitting
  if (!file) throw new ResticError('snapshot_not_found', 'There is no such snapshot.')
  if (another)
    throw new ResticError(
      'snapshot_ambiguous',
      'Several snapshots begin like that; give more of the id.',
    )
  const limit = resticLimits.snapshotBytes
  return parseSnapshot(file.id, await readUnpacked(repository, 'snapshots', file, limit, signal))
}
