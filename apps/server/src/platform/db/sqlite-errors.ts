import { ProblemError } from '@hearthold/contract'

/** SQLite result codes, https://www.sqlite.org/rescode.html; the low byte of an extended code is its family. */
const codes = {
  busy: 5,
  locked: 6,
  full: 13,
  shmSize: 4874,
  foreignKey: 787,
  primaryKey: 1555,
  unique: 2067,
} as const

/** The SQLite result code of an error of node:sqlite, undefined for any other error. */
const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : undefined

/** True if a row with this key exists already (unique index or primary key). */
export const isUniqueViolation = (error: unknown): boolean => {
  const code = codeOf(error)
  return code === codes.unique || code === codes.primaryKey
}

/** True if a row points to one that does not exist, or one that is pointed to was deleted. */
export const isForeignKeyViolation = (error: unknown): boolean => codeOf(error) === codes.foreignKey

/**
 * What leaves the database layer: `disk_full` and `unavailable` as problems, all else as it came.
 * A full disk shows as SQLITE_FULL, or, while the shared memory file grows, as an I/O error of its own.
 */
export const databaseError = (error: unknown): unknown => {
  const code = codeOf(error)
  if (code === undefined) return error
  if ((code & 0xff) === codes.full || code === codes.shmSize)
    return new ProblemError('disk_full', "The server's disk is full. Nothing was stored.", {
      cause: error,
    })
  if ((code & 0xff) === codes.busy || (code & 0xff) === codes.locked)
    return new ProblemError('unavailable', 'The database is busy. Try again in a moment.', {
      retryAfterSeconds: 5,
      cause: error,
    })
  return error
}
