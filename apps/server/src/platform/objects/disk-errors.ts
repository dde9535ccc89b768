import { ProblemError } from '@hearthold/contract'

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/**
 * What leaves the object store: problems for what a disk may do, everything else as it came.
 * EIO and its like are `unavailable`: nothing was acknowledged, and trying again begins from nothing.
 */
export const diskProblem = (error: unknown): unknown => {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(error)
    case 'EMFILE':
    case 'ENFILE':
      return new ProblemError('unavailable', 'Too many files are open. Try again in a moment.', {
        retryAfterSeconds: 5,
        cause: error,
      })
    case 'EIO':
    case 'EROFS':
      return new ProblemError('unavailable', 'The disk failed. Nothing was stored.', {
        retryAfterSeconds: 60,
        cause: error,
      })
    default:
      return error
  }
}

export const diskFull = (cause?: unknown): ProblemError =>
  new ProblemError('disk_full', "The server's disk is full. Nothing was stored.", { cause })

/** Runs `work` and lets its errors out as `diskProblem` has them. */
export const asDiskProblems = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await work()
  } catch (error) {
    throw diskProblem(error)
  }
}

/** The same for what answers at once. */
export const asDiskProblemsSync = <Answer>(work: () => Answer): Answer => {
  try {
    return work()
  } catch (error) {
    throw diskProblem(error)
  }
}
