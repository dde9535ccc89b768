import type { Reservation } from '#platform/restic/policy.ts'
import { type ObjectRef, StorageError } from '#platform/storage/storage.ts'
import type { Catalogue } from './catalogue.ts'
import type { Counts } from './counts.ts'
import type { RepositoriesDeps } from './deps.ts'
import type { Live } from './live.ts'

/** A lock is a few hundred bytes; who may set nothing else must not fill the disk with them. */
export const lockBytesLimit = 1024 * 1024
export const locksLimit = 1000
/** Whose quota is used up must still restore and forget, for which restic sets a lock of some hundred bytes. */
const smallLockBytes = 16 * 1024
/** The bin may hold this many times the quota, where there is one. */
const binTimes = 2

/** What the owner of a repository may keep, as asked at the beginning of a request. */
export type MemberRoom = {
  /** Undefined without a limit. */
  readonly quotaBytes: number | undefined
  /** Kept elsewhere on this server, at the moment of asking: the files take from the same room. */
  readonly otherBytes: () => number
  /** So many bytes lie under the name of what is sent: they need no room once more. */
  readonly thereBytes?: number
}

export const unlimited: MemberRoom = { quotaBytes: undefined, otherBytes: () => 0 }

/** Asks how much an account may keep, and makes sure that its repositories are counted where that matters. */
export const memberRoom = async (
  { db, members, otherBytes }: Pick<RepositoriesDeps, 'db' | 'members' | 'otherBytes'>,
  catalogue: Catalogue,
  account: string,
): Promise<MemberRoom> => {
  const quotaBytes = await members.quotaBytes(db, account)
  if (quotaBytes === undefined) return unlimited
  // One that cannot be reached counts with what was known of it last, and must not stop the others: who failed is asked
  // again by the hourly work, and not by each upload, which would wait for it.
  for (const live of catalogue.of(account))
    if (live.storageFailedSince === undefined) await live.count().catch(() => undefined)
  return { quotaBytes, otherBytes: () => otherBytes(account) }
}

/** Bytes of all repositories of an account, uploads under way too, their bins not. */
export const repositoryBytes = (catalogue: Catalogue, account: string): number =>
  catalogue
    .of(account)
    .reduce((sum, { counts }) => sum + counts.usedBytes + counts.reservedBytes, 0)

/** Free bytes of a repository; Infinity without a quota. */
export const roomIn = (
  catalogue: Catalogue,
  { facts, counts }: Live,
  member: MemberRoom,
): number => {
  const own =
    facts.quotaBytes === null
      ? Infinity
      : facts.quotaBytes - counts.usedBytes - counts.reservedBytes
  const ofMember =
    member.quotaBytes === undefined
      ? Infinity
      : member.quotaBytes - member.otherBytes() - repositoryBytes(catalogue, facts.account)
  return Math.min(own, ofMember)
}

/** Whether the bin has room for more; what is in it is never destroyed early to make some. */
export const binHasRoom = (
  catalogue: Catalogue,
  { facts, counts }: Live,
  member: MemberRoom,
  sizeBytes: number,
): boolean => {
  const binOf = (one: Counts): number => one.binBytes + one.reservedBinBytes
  const ofMember = catalogue.of(facts.account).reduce((sum, one) => sum + binOf(one.counts), 0)
  const fits = (bytes: number, quota: number | null | undefined): boolean =>
    quota === null || quota === undefined || bytes + sizeBytes <= quota * binTimes
  return fits(binOf(counts), facts.quotaBytes) && fits(ofMember, member.quotaBytes)
}

/** The same for what may lie there already; also where more is kept than may be. */
const roomFor = (catalogue: Catalogue, live: Live, member: MemberRoom): number => {
  const room = roomIn(catalogue, live, member)
  return member.thereBytes === undefined ? room : Math.max(0, room) + member.thereBytes
}

const full = (): StorageError => new StorageError('full', 'There is no room left in the quota.')

/**
 * Takes room for one upload; see [Note: counting].
 * @param settled told once, at the end
 */
export const reserve = (
  catalogue: Catalogue,
  live: Live,
  member: MemberRoom,
  { type }: ObjectRef,
  sizeBytes: number | undefined,
  settled: () => void,
): Reservation | 'full' | 'length-required' => {
  const { counts, facts } = live
  const isLock = type === 'locks'
  if (
    isLock &&
    ((sizeBytes ?? 0) > lockBytesLimit || counts.locks + counts.reservedLocks >= locksLimit)
  )
    return 'full'
  const limited = facts.quotaBytes !== null || member.quotaBytes !== undefined
  if (sizeBytes === undefined && limited) return 'length-required'
  const needsRoom = !(isLock && (sizeBytes ?? Infinity) <= smallLockBytes)
  // Without a limit only what comes is counted: a length is soon said.
  let held = limited && needsRoom ? (sizeBytes ?? 0) : 0
  if (held > 0 && held > roomFor(catalogue, live, member)) return 'full'
  // What is there already holds room all the same: were it deleted meanwhile, what comes would be one more.
  counts.reservedBytes += held
  if (isLock) counts.reservedLocks += 1
  let came = 0
  let open = true
  return {
    take: (bytes) => {
      came += bytes
      if (isLock && came > lockBytesLimit) throw full()
      const more = came - held
      if (more <= 0 || !needsRoom) return
      if (limited && more > roomIn(catalogue, live, member)) throw full()
      counts.reservedBytes += more
      held = came
    },
    settle: () => {
      if (!open) return
      open = false
      counts.reservedBytes -= held
      if (isLock) counts.reservedLocks -= 1
      settled()
    },
  }
}
