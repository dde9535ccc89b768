/** Snapshots in words, and which of them a filter lets through. */
import { formatMoment, showHidden } from '../../../text/format.ts'
import type { SnapshotRow } from '../../../workers/repository/api.ts'

/** By its time and machine, as in a sentence. */
export const snapshotName = ({ at, host }: SnapshotRow): string =>
  host === '' ? formatMoment(at) : `${formatMoment(at)} (${showHidden(host)})`

/** Those whose machine, folders, tags or id contain all words of the filter, whatever their case. */
export const matching = (
  snapshots: readonly SnapshotRow[],
  filter: string,
): readonly SnapshotRow[] => {
  const wanted = filter
    .toLocaleLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (wanted.length === 0) return snapshots
  return snapshots.filter(({ id, host, paths, tags }) => {
    const all = [id.slice(0, 8), host, ...paths, ...tags].join('\n').toLocaleLowerCase()
    return wanted.every((word) => all.includes(word))
  })
}
