import { ProblemError } from '@hearthold/contract'
import { readTextNow, runText } from '#platform/db/index.ts'
import type { FilesDeps, On } from './deps.ts'

/** What an account keeps, in bytes: objects and, while they are uploaded, what they will be; log entries; registers. */
export type Usage = { readonly objectBytes: number; readonly entryBytes: number }

/** What the quota is asked of: one for a member's files and repositories together (REPO-4). */
export type QuotaDeps = Pick<FilesDeps, 'quotaBytes' | 'otherBytes'>

/**
 * Bytes by account that were let in and are not committed yet.
 *
 * [Note: one room] Files and repositories take from one room, and each before its first byte is written. Who takes adds
 * up what both sides keep and have let in, and lets its own in, in one step, waiting for nothing between: of two in the
 * same instant the second sees the first.
 */
export class GrantedBytes {
  readonly #bytes = new Map<string, number>()
  /** How many hold room for an object: a call that repeats one under way needs none of its own. */
  readonly #holders = new Map<string, number>()

  of(account: string): number {
    return this.#bytes.get(account) ?? 0
  }

  /** Bytes of those for which nobody holds room yet. */
  missing(account: string, objects: readonly NewObject[]): number {
    return objects
      .filter((object) => !this.#holders.has(keyOf(account, object)))
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** @returns what is to be called once, when they are committed or will not be */
  grant(account: string, objects: readonly NewObject[]): () => void {
    const bytes = this.missing(account, objects)
    for (const object of objects) this.#hold(keyOf(account, object), 1)
    this.#bytes.set(account, this.of(account) + bytes)
    return () => {
      for (const object of objects) this.#hold(keyOf(account, object), -1)
      const left = this.of(account) - this.missing(account, objects)
      if (left > 0) this.#bytes.set(account, left)
      else this.#bytes.delete(account)
    }
  }

  #hold(key: string, more: number): void {
    const holders = (this.#holders.get(key) ?? 0) + more
    if (holders > 0) this.#holders.set(key, holders)
    else this.#holders.delete(key)
  }
}

type NewObject = { readonly id: string; readonly sizeBytes: number }
const keyOf = (account: string, { id, sizeBytes }: NewObject): string =>
  `${account} ${id} ${sizeBytes}`

/** What the verbs of this feature share. */
export type FilesParts = FilesDeps & { readonly granted: GrantedBytes }

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

/** Bytes that an account keeps at this moment, those too that are about to be committed. */
export const keptBytesNow = (on: On, granted: GrantedBytes, account: string): number => {
  const [row] = readTextNow<Usage>(on, usageText, [account])
  return (row?.objectBytes ?? 0) + (row?.entryBytes ?? 0) + granted.of(account)
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

/** Whether an account may keep so much more, with what both sides keep and are letting in. */
const fits = (
  deps: FilesParts,
  account: string,
  sizeBytes: number,
  quota: number | undefined,
): boolean =>
  quota === undefined ||
  keptBytesNow(deps.db, deps.granted, account) + otherBytesOf(deps, account) + sizeBytes <= quota

/**
 * Tells early whether `sizeBytes` more would be too much, before a body is read.
 * @throws ProblemError `over_quota`
 */
export const checkRoom = async (
  deps: FilesParts,
  account: string,
  sizeBytes: number,
): Promise<void> => {
  const quota = await deps.quotaBytes(deps.db, account)
  if (!fits(deps, account, sizeBytes, quota)) throw overQuota()
}

/**
 * Takes room for new objects while `work` stores and counts them: see [Note: one room].
 * @throws what `work` throws, and ProblemError `over_quota` before it begins
 */
export const withRoom = async <Answer>(
  deps: FilesParts,
  account: string,
  objects: readonly NewObject[],
  work: () => Promise<Answer>,
): Promise<Answer> => {
  const quota = await deps.quotaBytes(deps.db, account)
  const { granted } = deps
  if (!fits(deps, account, granted.missing(account, objects), quota)) throw overQuota()
  const end = granted.grant(account, objects)
  try {
    return await work()
  } finally {
    end()
  }
}

/** Counts new objects for which room was taken, in the transaction that makes their rows. */
export const chargeObjects = async (on: On, account: string, sizeBytes: number): Promise<void> => {
  await addUsage(on, account, { objectBytes: sizeBytes, entryBytes: 0 })
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
