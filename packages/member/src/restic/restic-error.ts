/**
 * `not_a_repository` no config is there · `unsupported_version` neither 1 nor 2 · `no_keys` no key file is there
 * `wrong_password` no key file opens with it · `key_damaged` no key file is whole · `key_refused` its scrypt parameters
 * ask for more than any restic does · `damaged` bytes that do not fit their name, MAC or form · `object_missing` an
 * object that is not there · `blob_missing` no index names it · `index_missing` there is no index · `too_large` beyond
 * a limit of this reader · `name_refused` a name that no file can have · `snapshot_not_found` ·
 * `snapshot_ambiguous` · `path_not_found` · `not_a_folder` · `not_a_file` · `source` an answer of another length
 * than asked for
 */
export type ResticCode =
  | 'not_a_repository'
  | 'unsupported_version'
  | 'no_keys'
  | 'wrong_password'
  | 'key_damaged'
  | 'key_refused'
  | 'damaged'
  | 'object_missing'
  | 'blob_missing'
  | 'index_missing'
  | 'too_large'
  | 'name_refused'
  | 'snapshot_not_found'
  | 'snapshot_ambiguous'
  | 'path_not_found'
  | 'not_a_folder'
  | 'not_a_file'
  | 'source'

/** A repository that cannot be read as asked. The message is one sentence for people and holds neither key nor password. */
export class ResticError extends Error {
  readonly code: ResticCode

  constructor(code: ResticCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'ResticError'
    this.code = code
  }
}

/** What could not be read while all else was: `object` is `type/id`, or a path in a snapshot. */
export type ResticProblem = {
  readonly object: string
  readonly code: ResticCode
  readonly message: string
}

/** The problem that an error is; what is no `ResticError` (a network that fails, an abort) is thrown on. */
export const problemOf = (object: string, error: unknown): ResticProblem => {
  if (!(error instanceof ResticError)) throw error
  return { object, code: error.code, message: error.message }
}

/** An id as people read it. */
export const shortId = (id: string): string => id.slice(0, 8)
