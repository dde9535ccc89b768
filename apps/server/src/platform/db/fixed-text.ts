import { CompiledQuery, type Kysely } from 'kysely'

/**
 * Runs one statement now, on the connection that is right for it; undefined where it would have to wait.
 * @throws as PreparedStatements does, and for a transaction that has ended
 */
export type RunNow = (
  sql: string,
  parameters: readonly unknown[],
) => { rows: unknown[] } | undefined

const runners = new WeakMap<object, RunNow>()
const beginners = new WeakMap<object, () => RunNow>()

/**
 * For whoever opens a database: how to run its plain reads, and the statements of a transaction of it that has just
 * begun, without Kysely.
 */
export const letRunTexts = (db: object, read: RunNow, begun: () => RunNow): void => {
  runners.set(db, read)
  beginners.set(db, begun)
}

/** To be called first thing in a transaction of `db`. */
export const letRunTextsIn = (db: object, trx: object): void => {
  const begun = beginners.get(db)
  if (begun) runners.set(trx, begun())
}

/**
 * Runs SQL that is a constant of the program, and answers its rows. For what every request or append asks: the same
 * connection and errors as by Kysely, without its chain of promises, which costs about as much as the statement.
 * @throws ProblemError `disk_full` or `unavailable`; TypeError for a parameter SQLite cannot hold unchanged
 */
export const runText = async <Row>(
  on: Pick<Kysely<unknown>, 'executeQuery'>,
  sql: string,
  parameters: readonly unknown[],
): Promise<Row[]> => {
  const done =
    runners.get(on)?.(sql, parameters) ??
    (await on.executeQuery(CompiledQuery.raw(sql, [...parameters])))
  return done.rows as Row[]
}

/** The `?, ?` of a list: a text of its own for every length, so only where lists have few. */
export const placesFor = (values: readonly unknown[]): string => values.map(() => '?').join(', ')

/**
 * The same for a plain read that must be answered before anything else happens: what was committed last, also while
 * another transaction is under way.
 * @throws as runText, and Error where it would have to wait (a database in memory, or a transaction's own handle that ended)
 */
export const readTextNow = <Row>(
  on: Pick<Kysely<unknown>, 'executeQuery'>,
  sql: string,
  parameters: readonly unknown[],
): Row[] => {
  const done = runners.get(on)?.(sql, parameters)
  if (done === undefined) throw new Error('This database cannot be read without waiting')
  return done.rows as Row[]
}
