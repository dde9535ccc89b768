import { pageLimitBytes, pageLimitEntries } from '@hearthold/contract'
import {
  type Bytes,
  encodePageParts,
  encodeStampedEntry,
  fromHex,
  type Receipt,
  type StampedEntry,
} from '@hearthold/crypto'
import type { Kysely } from 'kysely'
import { stampedBytes } from './live-log.ts'
import { entrySizes, findLog, type LogRow, readEntries, type StoredEntry } from './store.ts'
import type { LogTables } from './tables.ts'

type Db = Kysely<LogTables>

/** What encodeStampedEntry writes, without the decoded header that it does not need. */
const encodeStored = (row: StoredEntry): Bytes =>
  encodeStampedEntry({
    seq: row.seq,
    at: row.at,
    gov: row.gov,
    headerBytes: row.header,
    signature: row.signature,
    facts: row.facts ?? undefined,
    body: row.body ?? undefined,
  } as StampedEntry)

/** The last number that still fits a page; one entry always does. */
const lastFitting = (
  sizes: readonly { seq: number; facts_bytes: number; body_bytes: number }[],
  after: number,
  limitBytes: number,
): number => {
  let last = after
  let total = 0
  for (const { seq, facts_bytes, body_bytes } of sizes) {
    total += stampedBytes(facts_bytes, body_bytes) + 4
    if (total > limitBytes && last > after) break
    last = seq
  }
  return last
}

export type PagePlace = {
  readonly log: string
  readonly after: number
  /** At most pageLimitEntries, which is also what it is if left out. */
  readonly limit?: number
  /** At most pageLimitBytes, which is also what it is if left out. A page always holds one entry. */
  readonly limitBytes?: number
}

export type Page = { readonly bytes: Bytes; readonly lastSeq: number; readonly headSeq: number }

/**
 * Entries of a log after a number, as many as a page holds, with a receipt of the head as it was committed.
 * Undefined if there is no such log.
 */
export const readPage = async (
  db: Db,
  place: PagePlace,
  receiptOf: (row: LogRow) => Promise<Receipt>,
): Promise<Page | undefined> => {
  const row = await findLog(db, place.log)
  if (!row) return undefined
  const { after } = place
  const limit = Math.min(place.limit ?? pageLimitEntries, pageLimitEntries)
  const limitBytes = Math.min(place.limitBytes ?? pageLimitBytes, pageLimitBytes)
  const sizes = await entrySizes(db, row.number, { after, upTo: row.seq, limit })
  const lastSeq = lastFitting(sizes, after, limitBytes)
  const entries = lastSeq > after ? await readEntries(db, row.number, after, lastSeq) : []
  const receipt = await receiptOf(row)
  const stamped = entries.map(encodeStored)
  const bytes = encodePageParts(fromHex(row.id), row.genesis, after, stamped, receipt)
  return { bytes, lastSeq, headSeq: row.seq }
}
