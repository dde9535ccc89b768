/** Bytes [start, end) of an object. */
export type ByteRange = { readonly start: number; readonly end: number }

/**
 * What a Range header asks of an object, as Go's ServeContent reads it:
 * `whole` (200), one range (206), `beyond` (416 that tells the size) or `malformed` (416).
 * Several ranges are answered whole, which a server may always do.
 */
export type RangeAnswer = 'whole' | 'beyond' | 'malformed' | ByteRange

/** Above this Go's ParseInt fails. */
const largest = 2 ** 63

const numberOf = (digits: string): number | undefined => {
  if (!/^\d+$/.test(digits)) return undefined
  const number = Number(digits)
  return number < largest ? number : undefined
}

/** @returns undefined if it is beyond the end */
const oneRange = (part: string, sizeBytes: number): ByteRange | 'beyond' | 'malformed' => {
  const dash = part.indexOf('-')
  if (dash === -1) return 'malformed'
  const [first, last] = [part.slice(0, dash).trim(), part.slice(dash + 1).trim()]
  const lastNumber = numberOf(last)
  if (first === '') {
    if (lastNumber === undefined) return 'malformed'
    if (lastNumber === 0) return 'beyond'
    return { start: Math.max(0, sizeBytes - lastNumber), end: sizeBytes }
  }
  const start = numberOf(first)
  if (start === undefined) return 'malformed'
  if (start >= sizeBytes) return 'beyond'
  if (last === '') return { start, end: sizeBytes }
  if (lastNumber === undefined || lastNumber < start) return 'malformed'
  return { start, end: Math.min(lastNumber + 1, sizeBytes) }
}

/** @param header undefined where there is none */
export const rangeOf = (header: string | undefined, sizeBytes: number): RangeAnswer => {
  if (header === undefined || header === '') return 'whole'
  if (!header.startsWith('bytes=')) return 'malformed'
  const ranges: ByteRange[] = []
  let isBeyond = false
  for (const part of header.slice(6).split(',')) {
    const text = part.trim()
    if (text === '') continue
    const range = oneRange(text, sizeBytes)
    if (range === 'malformed') return range
    if (range === 'beyond') isBeyond = true
    else ranges.push(range)
  }
  const [only, ...more] = ranges
  // An empty object has no range; who asks for one with every request still gets it.
  if (only === undefined) return isBeyond && sizeBytes > 0 ? 'beyond' : 'whole'
  return more.length === 0 ? only : 'whole'
}
