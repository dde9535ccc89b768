import { Kysely } from 'kysely'
import { letRunTexts } from './fixed-text.ts'
import { sqliteDialect } from './sqlite-dialect.ts'

/** The tables of all features together are `Tables`; a store's functions name only their own. */
export interface Database<Tables> extends Kysely<Tables> {
  /** Closes the connections; safe to call twice. */
  close(): Promise<void>
}

/** For parameters: with Kysely alone the compiler does not find out `Tables` of a `Database`. */
export type AnyDatabase<Tables> = Kysely<Tables> | Database<Tables>

/**
 * Opens (and creates, mode 0600) the database; its folder must exist.
 * @throws ProblemError `disk_full`, or SQLite's error when the file is not a database
 */
export const openDatabase = <Tables>(options: {
  /** A path, or `:memory:` in tests. */
  file: string
  readOnly?: boolean
  /** How long a write may wait for those before it, 30 s if left out. */
  waitLimitMs?: number
}): Database<Tables> => {
  const { file, readOnly = false, waitLimitMs = 30_000 } = options
  const { dialect, close, read, begun } = sqliteDialect({ file, readOnly, waitLimitMs })
  const db = new Kysely<Tables>({ dialect })
  letRunTexts(db, read, begun)
  return Object.assign(db, {
    close: async () => {
      await db.destroy()
      close()
    },
  })
}
