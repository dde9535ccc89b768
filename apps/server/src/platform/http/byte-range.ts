import { ProblemError } from '@hearthold/contract'

/** First byte, and the one after the last. */
export type ByteRange = { readonly start: number; readonly end: number }

/**
 * Reads a Range header of one range (RFC 9110, 14.1.2).
 * @returns undefined where the whole is to be answered: without a header, and for what is not one range of bytes
 * @throws ProblemError `range_not_satisfiable` where no byte of it exists
 */
export const byteRange = (header: string | undefined, sizeBytes: number): ByteRange | undefined => {
  const [, first, last] = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (first === '') return within(Math.max(0, sizeBytes - Number(last)), sizeBytes, sizeBytes)
  if (last === '') return within(Number(first), sizeBytes, sizeBytes)
  if (Number(last) < Number(first)) return undefined
  return within(Number(first), Math.min(Number(last) + 1, sizeBytes), sizeBytes)
}

const within = (start: number, end: number, sizeBytes: number): ByteRange => {
  if (start >= end)
    throw new ProblemError('range_not_satisfiable', 'The object is shorter than that.', {
      extra: { sizeBytes },
    })
  return { start, end }
}
