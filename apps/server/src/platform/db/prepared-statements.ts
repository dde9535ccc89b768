import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { QueryResult } from 'kysely'
import { databaseError } from './sqlite-errors.ts'

type Prepared = { statement: StatementSync; answersRows: boolean }

/** Runs SQL on one connection, keeping the statements it prepared. */
export type PreparedStatements = {
  /**
   * Runs one statement to its end.
   * @throws ProblemError `disk_full` or `unavailable`; TypeError for a parameter SQLite cannot hold unchanged
   */
  run(sql: string, parameters: readonly unknown[]): QueryResult<unknown>
}

/** Multi-row inserts are a text per number of rows, so that the cache must be bounded; least recently used go. */
const keptStatements = 256

export const preparedStatements = (database: DatabaseSync): PreparedStatements => {
  const kept = new Map<string, Prepared>()

  const prepare = (sql: string): Prepared => {
    const found = kept.get(sql)
    if (found) {
      kept.delete(sql)
      kept.set(sql, found)
      return found
    }
    const statement = database.prepare(sql)
    const prepared = { statement, answersRows: statement.columns().length > 0 }
    kept.set(sql, prepared)
    if (kept.size > keptStatements) {
      const [oldest] = kept.keys()
      if (oldest !== undefined) kept.delete(oldest)
    }
    return prepared
  }

  return {
    run: (sql, parameters) => {
      assertStorable(parameters)
      try {
        const { statement, answersRows } = prepare(sql)
        if (answersRows) return { rows: statement.all(...parameters) }
        const { changes, lastInsertRowid } = statement.run(...parameters)
        return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
      } catch (error) {
        throw databaseError(error)
      }
    },
  }
}

/**
 * node:sqlite stores undefined as null, true as 1 and a number above 2^53 rounded; each would be a silent change of
 * what was meant, and the last cannot be read back.
 */
function assertStorable(
  parameters: readonly unknown[],
): asserts parameters is readonly SQLInputValue[] {
  for (let index = 0; index < parameters.length; index++) {
    const value = parameters[index]
    if (value === null || typeof value === 'string' || value instanceof Uint8Array) continue
    if (typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value)))
      if (Number.isFinite(value)) continue
    throw new TypeError(
      `SQL parameter ${index + 1} is a ${typeof value} that SQLite cannot hold unchanged`,
    )
  }
}
