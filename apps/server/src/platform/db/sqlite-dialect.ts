import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  RawNode,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { type PreparedStatements, preparedStatements } from './prepared-statements.ts'
import type { RunNow } from './fixed-text.ts'
import { databaseError } from './sqlite-errors.ts'
import { type Release, type WriteLock, writeLock } from './write-lock.ts'

export type SqliteOptions = {
  /** A path, or `:memory:`. */
  file: string
  /** No write connection at all: every write fails. */
  readOnly: boolean
  /** How long a write may wait for the transactions before it. */
  waitLimitMs: number
}

/** The open connections of one database file. */
type Connections = {
  /** Holds the one transaction that may write; a plain read never waits for it. */
  writer: PreparedStatements
  /** Undefined for `:memory:`, which one connection only can see. */
  reader: PreparedStatements | undefined
  lock: WriteLock
  /** Whoever holds the lock for a transaction. */
  holder: SqliteConnection | undefined
  inTransaction(): boolean
  close(): void
}

const readerSettings = `
  pragma busy_timeout = 5000;
  pragma temp_store = memory;
  pragma cache_size = -8000;
`
/**
 * FULL: a commit is on the disk when it answers. `secure_delete`: what is erased is overwritten, not left in free
 * pages. The log is copied into the file at 16 MB, not at the default 4, so that fewer commits pay for that.
 */
const writerSettings = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = on;
  pragma busy_timeout = 5000;
  pragma temp_store = memory;
  pragma secure_delete = on;
  pragma cache_size = -16000;
  pragma wal_autocheckpoint = 4000;
  pragma journal_size_limit = 67108864;
`

const openConnections = ({ file, readOnly, waitLimitMs }: SqliteOptions): Connections => {
  const lock = writeLock({ waitLimitMs, queueLimit: 10_000 })
  // SQLite gives its journals the mode of the database file: making that first, for us alone, settles all of them.
  if (file !== ':memory:' && !readOnly) closeSync(openSync(file, 'a', 0o600))
  try {
    const database = new DatabaseSync(file, { readOnly })
    database.exec(readOnly ? readerSettings : writerSettings)
    const second =
      file === ':memory:' || readOnly ? undefined : new DatabaseSync(file, { readOnly: true })
    second?.exec(readerSettings)
    const writer = preparedStatements(database)
    return {
      writer,
      reader: readOnly ? writer : second && preparedStatements(second),
      lock,
      holder: undefined,
      inTransaction: () => database.isTransaction,
      close: () => {
        // The writer goes last: it copies the log into the file and removes it.
        if (second?.isOpen) second.close()
        if (database.isOpen) database.close()
      },
    }
  } catch (error) {
    throw databaseError(error)
  }
}

/** Anything written by hand that does not begin with `select` is treated as a write. */
const isReadText = (sql: string): boolean => /^\s*select\s/i.test(sql)
const isRead = ({ query, sql }: CompiledQuery): boolean =>
  SelectQueryNode.is(query) || (RawNode.is(query) && isReadText(sql))

/**
 * [Note: who reads] A statement runs to its end at once, so that the writer sees the last commit while nobody
 * holds it; and it has its pages still, where the reader throws all of them away after each commit. Undefined where
 * there is no second connection: who reads waits in the same row as who writes.
 */
const readerOf = ({ writer, reader, lock }: Connections): PreparedStatements | undefined =>
  reader && !lock.isHeld() ? writer : reader

/**
 * What Kysely gets for one query or one transaction. It is good until Kysely gives it back: a transaction handed out
 * of its callback then fails instead of writing into a stranger's transaction.
 */
class SqliteConnection implements DatabaseConnection {
  readonly #connections: Connections
  #held: Release | undefined
  #ended = false

  constructor(connections: Connections) {
    this.#connections = connections
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return (await this.#run(query)) as QueryResult<R>
  }

  async #run(query: CompiledQuery): Promise<QueryResult<unknown>> {
    if (this.#held) return this.runHeld(query.sql, query.parameters)
    this.#assertOpen()
    const { writer, lock } = this.#connections
    const reader = isRead(query) ? readerOf(this.#connections) : undefined
    if (reader) return reader.run(query.sql, query.parameters)
    const release = await lock.acquire()
    try {
      return writer.run(query.sql, query.parameters)
    } finally {
      release()
    }
  }

  /** Runs a statement of the transaction that this connection is in. */
  runHeld(sql: string, parameters: readonly unknown[]): QueryResult<unknown> {
    this.#assertOpen()
    // Some errors (full disk, I/O) end a transaction; what follows must not be written one by one.
    if (!this.#connections.inTransaction()) throw new Error('SQLite has ended this transaction')
    return this.#connections.writer.run(sql, parameters)
  }

  /** All rows at once: an unfinished statement would hold every later read at its own, old snapshot. */
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query)
  }

  async begin(): Promise<void> {
    this.#assertOpen()
    this.#held = await this.#connections.lock.acquire()
    this.#connections.writer.run('begin immediate', [])
    this.#connections.holder = this
  }

  commit(): void {
    this.#connections.writer.run('commit', [])
  }

  /** SQLite has already rolled back by itself after some errors (full disk, I/O). */
  rollback(): void {
    if (this.#connections.inTransaction()) this.#connections.writer.run('rollback', [])
  }

  end(): void {
    this.#ended = true
    if (this.#connections.holder === this) this.#connections.holder = undefined
    this.#held?.()
  }

  #assertOpen(): void {
    if (this.#ended)
      throw new Error('This transaction has ended: its handle was kept and used afterwards')
  }
}

class SqliteDriver implements Driver {
  readonly #connections: Connections

  constructor(connections: Connections) {
    this.#connections = connections
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<SqliteConnection> {
    return new SqliteConnection(this.#connections)
  }
  async beginTransaction(connection: SqliteConnection): Promise<void> {
    await connection.begin()
  }
  async commitTransaction(connection: SqliteConnection): Promise<void> {
    connection.commit()
  }
  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    connection.rollback()
  }
  async releaseConnection(connection: SqliteConnection): Promise<void> {
    connection.end()
  }
  async destroy(): Promise<void> {
    this.#connections.close()
  }
}

/** Our locking is finer than Kysely's, which would let reads wait for transactions. */
class ConcurrentSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

export type Sqlite = {
  readonly dialect: Dialect
  readonly close: () => void
  /** Runs a plain read at once; undefined for what would have to wait. */
  readonly read: RunNow
  /** How to run statements in the transaction that has just begun, and in no later one. */
  readonly begun: () => RunNow
}

/**
 * Kysely over node:sqlite: one writing connection behind a lock, one reading beside it (WAL: a reader sees the last
 * commit and never waits). Integers are JavaScript numbers, blobs Uint8Array; rows have no prototype.
 * @throws where the file cannot be opened
 */
export const sqliteDialect = (options: SqliteOptions): Sqlite => {
  const connections = openConnections(options)
  return {
    dialect: {
      createDriver: () => new SqliteDriver(connections),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createAdapter: () => new ConcurrentSqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
    close: () => connections.close(),
    read: (sql, parameters) =>
      isReadText(sql) ? readerOf(connections)?.run(sql, parameters) : undefined,
    begun: () => {
      const { holder } = connections
      if (!holder) throw new Error('No transaction has begun')
      return (sql, parameters) => holder.runHeld(sql, parameters)
    },
  }
}
