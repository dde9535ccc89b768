import type { BlobCounters } from '#platform/metrics.ts'
import type { RepositoryCaller, Reservation } from '#platform/restic/policy.ts'
import type { ObjectRef, RepositoryStore } from '#platform/storage/storage.ts'
import type { RestServerFlags } from './flags.ts'
import type { TotalQuota } from './total-quota.ts'

export type CallerDeps = {
  readonly flags: Pick<RestServerFlags, 'appendOnly' | 'verifyUploads'>
  readonly quota: TotalQuota | undefined
  readonly counters: BlobCounters | undefined
}

const unlimited: Reservation = { take: () => {}, settle: () => {} }

const reserveIn = (
  quota: TotalQuota,
  store: RepositoryStore,
  repository: string,
  ref: ObjectRef,
  sizeBytes: number | undefined,
): Reservation | 'full' => {
  const present = store.stat(ref)
  return present === undefined || present instanceof Promise
    ? quota.reserve(sizeBytes)
    : quota.reserveAgain(nameIn(repository, ref), present.sizeBytes)
}

const nameIn = (repository: string, { type, id }: ObjectRef): string =>
  `${repository}/${type}/${id}`

/**
 * What a user may do at a repository, which the flags say for all of them.
 * @param repository its folders, joined by slashes
 */
export const repositoryCaller = (
  { flags, quota, counters }: CallerDeps,
  store: RepositoryStore,
  user: string,
  repository: string,
): RepositoryCaller => ({
  store,
  may: (act, type) => act !== 'remove' || !flags.appendOnly || type === 'locks',
  verify: flags.verifyUploads,
  reserve: (ref, sizeBytes) =>
    quota === undefined ? unlimited : reserveIn(quota, store, repository, ref, sizeBytes),
  remove: async (ref) => {
    const removed = await store.remove(ref)
    if (removed !== undefined) quota?.removed(nameIn(repository, ref), removed.sizeBytes)
    return removed
  },
  onEvent: (event) => counters?.count(user, repository, event),
})
