/** Raw DEFLATE by the platform's own streams, in Node and in browsers. */
import { type Bytes, concat, IntegrityError } from '@hearthold/crypto'

const through = async (
  bytes: Uint8Array,
  transform: CompressionStream | DecompressionStream,
  limitBytes: number,
): Promise<Bytes> => {
  const writer = transform.writable.getWriter()
  const written = writer.write(bytes as Bytes).then(() => writer.close())
  // A failure comes out of the reading side.
  written.catch(() => undefined)
  const reader = transform.readable.getReader()
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > limitBytes) {
      await reader.cancel().catch(() => undefined)
      throw new IntegrityError('malformed', 'What was compressed is above the limit.')
    }
    parts.push(value)
  }
  await written
  return concat(...parts)
}

export const deflate = (bytes: Uint8Array): Promise<Bytes> =>
  through(bytes, new CompressionStream('deflate-raw'), Infinity)

/** Throws IntegrityError('malformed') for what is not compressed, or is longer than the limit. */
export const inflate = async (bytes: Uint8Array, limitBytes: number): Promise<Bytes> => {
  try {
    return await through(bytes, new DecompressionStream('deflate-raw'), limitBytes)
  } catch (error) {
    if (error instanceof IntegrityError) throw error
    throw new IntegrityError('malformed', 'Not compressed bytes.', { cause: error })
  }
}
