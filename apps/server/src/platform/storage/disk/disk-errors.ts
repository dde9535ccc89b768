import { StorageError } from '../storage.ts'

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined

/** Also where a file stands in the place of a folder. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')
export const isForbidden = (error: unknown): boolean =>
  ['EACCES', 'EPERM'].includes(codeOf(error) ?? '')
export const isTaken = (error: unknown): boolean => codeOf(error) === 'EEXIST'

/** Some file systems (exFAT, some network shares) have no second names. */
export const hasNoLinks = (error: unknown): boolean =>
  ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(codeOf(error) ?? '')

/** What leaves the disk storage: StorageErrors for what a disk may do, everything else as it came. */
export const storageError = (error: unknown): unknown => {
  const code = codeOf(error)
  if (error instanceof StorageError || code === undefined || !/^E[A-Z0-9]+$/.test(code))
    return error
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return diskFull(error)
  return new StorageError('unavailable', 'The disk failed. Nothing was stored.', { cause: error })
}

export const diskFull = (cause?: unknown): StorageError =>
  new StorageError('full', 'The disk is full. Nothing was stored.', { cause })

/** Runs `work` and lets its errors out as `storageError` has them. */
export const asStorageErrors = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await work()
  } catch (error) {
    throw storageError(error)
  }
}

/** The same for what answers at once. */
export const asStorageErrorsSync = <Answer>(work: () => Answer): Answer => {
  try {
    return work()
  } catch (error) {
    throw storageError(error)
  }
}
