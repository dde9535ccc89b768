/** What the reader of repositories throws, with codes of this app: `restic_` before the reader's own. */
import { ResticError } from '@hearthold/member'

/** `code` is stable: text/en/reader.ts has words for each. */
export class ReaderError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'ReaderError'
    this.code = code
  }
}

/** An error as the page is told it; what is none of the reader stays as it is (network, problems, aborts). */
export const readerError = (error: unknown): unknown =>
  error instanceof ResticError ? new ReaderError(`restic_${error.code}`, error.message) : error

/** Runs `work`; what the reader throws comes with its code. */
export const told = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw readerError(error)
  }
}

/** The same for what comes part by part. */
export async function* toldParts<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts
  } catch (error) {
    throw readerError(error)
  }
}

export const cancelled = (): DOMException => new DOMException('It was cancelled.', 'AbortError')
