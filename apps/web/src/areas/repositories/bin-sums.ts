/** What an act on the bin brings back. */
import type { AnswerOf, getBin } from '@hearthold/contract'

type Group = AnswerOf<typeof getBin>['groups'][number]

/** Objects and bytes of everything deleted at `since` (ms since 1970) or later; of all groups without it. */
export const comesBack = (
  groups: readonly Pick<Group, 'deletedAt' | 'objects' | 'bytes'>[],
  since: number | undefined,
): { objects: number; bytes: number } => {
  const later = groups.filter(({ deletedAt }) => since === undefined || deletedAt >= since)
  return {
    objects: later.reduce((sum, { objects }) => sum + objects, 0),
    bytes: later.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
