import { ProblemError } from '@hearthold/contract'
import { runText } from '#platform/db/index.ts'
import type { FilesDeps, On } from './deps.ts'

/** What an account keeps, in bytes: objects and, while they are uploaded, what they will be; log entries; registers. */
export type Usage = { readonly objectBytes: number; readonly entryBytes: number }

/** What the quota is asked of: one for a member's files and repositories together (REPO-4). */
export type QuotaDeps = Pick<FilesDeps, 'quotaBytes' | 'otherBytes'>

/** Bytes of an account that are none of this feature's. */
export const otherBytesOf = ({ otherBytes }: QuotaDeps, account: string): number =>
  otherBytes?.(account) ?? 0

/**
 * How far entries may pass the quota. An erasure is an entry too: who has filled their quota must still be able to
 * write what empties it.
 */
export const entryGraceBytes = 4 * 1024 * 1024

/** Asked with every upload, to a repository too. */
const usageText = `select object_bytes as objectBytes, entry_bytes as entryBytes from account_usage
  where account = ?`

export const findUsage = async (on: On, account: string): Promise<Usage> => {
  const [row] = await runText<Usage>(on, usageText, [account])
  return { objectBytes: row?.objectBytes ?? 0, entryBytes: row?.entryBytes ?? 0 }
}

/** Bytes that each of these accounts keeps; 0 for who keeps nothing. */
export const usedBytesOf = async (
  on: On,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const rows = await on
    .selectFrom('account_usage')
    .select(['account', 'object_bytes', 'entry_bytes'])
    .where('account', 'in', [...accounts])
    .execute()
  const used = new Map(accounts.map((account) => [account, 0]))
  for (const row of rows) used.set(row.account, row.object_bytes + row.entry_bytes)
  return used
}

/** Run with every append: composing it anew took four times as long as running it. */
const addUsageText = `insert into account_usage (account, object_bytes, entry_bytes) values (?, ?, ?)
  on conflict (account) do update set
    object_bytes = max(0, object_bytes + ?), entry_bytes = max(0, entry_bytes + ?)
  returning object_bytes + entry_bytes as used`

/**
 * Adds to what an account keeps; negative numbers take away. Never below 0, whatever was counted wrong.
 * @returns the new sum of both
 */
export const addUsage = async (on: On, account: string, added: Usage): Promise<number> => {
  const { objectBytes, entryBytes } = added
  const first = [account, Math.max(0, objectBytes), Math.max(0, entryBytes)]
  const values = [...first, objectBytes, entryBytes]
  const [row] = await runText<{ used: number }>(on, addUsageText, values)
  return row!.used
}

/**
 * Counts new objects against the quota of their account, in the transaction that makes their rows.
 * @throws ProblemError `over_quota`
 */
export const chargeObjects = async (
  deps: QuotaDeps,
  on: On,
  account: string,
  sizeBytes: number,
): Promise<void> => {
  const used = await addUsage(on, account, { objectBytes: sizeBytes, entryBytes: 0 })
  const quota = await deps.quotaBytes(on, account)
  if (quota !== undefined && used + otherBytesOf(deps, account) > quota) throw overQuota()
}

/**
 * Tells early whether `sizeBytes` more would be too much, before a body is read.
 * @throws ProblemError `over_quota`
 */
export const checkRoom = async (
  deps: QuotaDeps & Pick<FilesDeps, 'db'>,
  account: string,
  sizeBytes: number,
): Promise<void> => {
  const quota = await deps.quotaBytes(deps.db, account)
  if (quota === undefined) return
  const { objectBytes, entryBytes } = await findUsage(deps.db, account)
  const used = objectBytes + entryBytes + otherBytesOf(deps, account)
  if (used + sizeBytes > quota) throw overQuota()
}

/** Takes removed objects off their owners. */
export const refundObjects = async (
  on: On,
  bytesByOwner: ReadonlyMap<string, number>,
): Promise<void> => {
  for (const [owner, bytes] of bytesByOwner)
    await addUsage(on, owner, { objectBytes: -bytes, entryBytes: 0 })
}

/** The highest of 0, 75, 90 and 100 per cent that is reached (FILE-7). */
export const bandOf = (usedBytes: number, quotaBytes: number | undefined): number => {
  if (quotaBytes === undefined) return 0
  return [100, 90, 75].find((band) => usedBytes >= (quotaBytes * band) / 100) ?? 0
}

export const overQuota = (): ProblemError =>
  new ProblemError('over_quota', 'There is no room left in your quota for this.')
