import type { Bytes } from '@hearthold/crypto'
import type { Kysely, Selectable } from 'kysely'
import { runText } from '#platform/db/index.ts'
import type { LogTables } from './tables.ts'

type Db = Kysely<LogTables>

export type LogRow = Omit<Selectable<LogTables['logs']>, 'genesis' | 'chain'> & {
  genesis: Bytes
  chain: Bytes
}

/** An entry's row without its body: what a view is rebuilt from. */
export type EntryRow = {
  seq: number
  at: number
  gov: number
  header: Bytes
  signature: Bytes
  facts: Bytes | null
  chain: Bytes
  body_bytes: number
}

/** An entry's row as it travels to readers. */
export type StoredEntry = {
  seq: number
  at: number
  gov: number
  header: Bytes
  signature: Bytes
  facts: Bytes | null
  body: Bytes | null
}

export type NewEntry = {
  readonly log: number
  readonly seq: number
  readonly at: number
  readonly gov: number
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly facts: Uint8Array
  readonly body: Uint8Array
  readonly chain: Bytes
}

export const findLog = async (db: Db, id: string): Promise<LogRow | undefined> =>
  (await runText<LogRow>(db, 'select * from logs where id = ?', [id]))[0]

/** Heads of an account's logs, in the order in which they were founded. */
export const listLogs = (db: Db, owner: string): Promise<LogRow[]> =>
  runText<LogRow>(db, 'select * from logs where owner = ? order by number', [owner])

export const countLogs = async (db: Db, owner: string): Promise<number> =>
  (await runText<{ n: number }>(db, 'select count(*) as n from logs where owner = ?', [owner]))[0]!
    .n

/** Inserts a log without entries; answers its number. */
export const insertLog = async (
  db: Db,
  row: Pick<LogRow, 'id' | 'kind' | 'rules' | 'owner' | 'governing' | 'genesis' | 'chain'>,
): Promise<number> => {
  const { number } = await db
    .insertInto('logs')
    .values({ ...row, seq: 0, at: 0, entry_bytes: 0, read_only: 0 })
    .returning('number')
    .executeTakeFirstOrThrow()
  return number
}

/** Removes a log with all its entries; false where there is none. */
export const deleteLog = async (db: Db, id: string): Promise<boolean> => {
  const row = await findLog(db, id)
  if (!row) return false
  await db.deleteFrom('log_entries').where('log', '=', row.number).execute()
  await db.deleteFrom('logs').where('number', '=', row.number).execute()
  return true
}

/** Moves a log's head. */
export const updateHead = async (
  db: Db,
  number: number,
  head: { seq: number; chain: Uint8Array; at: number },
  entryBytes: number,
): Promise<void> => {
  const values = [head.seq, head.chain, head.at, entryBytes, number]
  await runText(
    db,
    'update logs set seq = ?, chain = ?, at = ?, entry_bytes = ? where number = ?',
    values,
  )
}

const entryValues = '(?, ?, ?, ?, ?, ?, ?, ?, ?)'
const insertText = new Map<number, string>()
/** Powers of two: few texts, so that each stays prepared. */
const rowCounts = [64, 32, 16, 8, 4, 2, 1]

const insertTextFor = (count: number): string => {
  const found = insertText.get(count)
  if (found) return found
  const text = `insert into log_entries (log, seq, at, gov, header, signature, facts, body, chain) values ${Array.from({ length: count }, () => entryValues).join(', ')}`
  insertText.set(count, text)
  return text
}

/** Many rows a statement: half the cost of one each. */
export const insertEntries = async (db: Db, entries: readonly NewEntry[]): Promise<void> => {
  let at = 0
  for (const count of rowCounts) {
    for (; entries.length - at >= count; at += count) {
      const values: unknown[] = []
      for (const row of entries.slice(at, at + count)) {
        values.push(row.log, row.seq, row.at, row.gov, row.header, row.signature)
        values.push(row.facts, row.body, row.chain)
      }
      await runText(db, insertTextFor(count), values)
    }
  }
}

/** Rows for a replay, at most `limit`, after a number. */
export const entriesForReplay = (
  db: Db,
  log: number,
  after: number,
  limit: number,
): Promise<EntryRow[]> =>
  runText<EntryRow>(
    db,
    `select seq, at, gov, header, signature, facts, chain, coalesce(length(body), 0) as body_bytes
     from log_entries where log = ? and seq > ? order by seq limit ?`,
    [log, after, limit],
  )

/** Sizes of the entries of a page, to know where its limit of bytes falls before reading them. */
export const entrySizes = (
  db: Db,
  log: number,
  range: { after: number; upTo: number; limit: number },
): Promise<{ seq: number; facts_bytes: number; body_bytes: number }[]> =>
  runText(
    db,
    `select seq, coalesce(length(facts), 0) as facts_bytes, coalesce(length(body), 0) as body_bytes
     from log_entries where log = ? and seq > ? and seq <= ? order by seq limit ?`,
    [log, range.after, range.upTo, range.limit],
  )

export const readEntries = (
  db: Db,
  log: number,
  after: number,
  upTo: number,
): Promise<StoredEntry[]> =>
  runText<StoredEntry>(
    db,
    `select seq, at, gov, header, signature, facts, body
     from log_entries where log = ? and seq > ? and seq <= ? order by seq`,
    [log, after, upTo],
  )

export const findChain = async (db: Db, log: number, seq: number): Promise<Bytes | undefined> =>
  (
    await runText<{ chain: Bytes }>(db, 'select chain from log_entries where log = ? and seq = ?', [
      log,
      seq,
    ])
  )[0]?.chain

/**
 * The header of a device's entry with this counter, among the `limit` entries after a number. The places of
 * device and counter in the header are in docs/formats/logs.md.
 */
export const findOwnHeader = async (
  db: Db,
  log: number,
  entry: { device: Uint8Array; own: Uint8Array; after: number; limit: number },
): Promise<Bytes | undefined> =>
  (
    await runText<{ header: Bytes }>(
      db,
      `select header from log_entries where log = ? and seq > ? and seq <= ?
       and substr(header, 41, 16) = ? and substr(header, 57, 8) = ?`,
      [log, entry.after, entry.after + entry.limit, entry.device, entry.own],
    )
  )[0]?.header
