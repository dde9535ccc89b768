import { createHash } from 'node:crypto'
import type { ObjectBytes } from '../../objects/index.ts'

/** SHA-256 of what an object's bytes are, as hex. */
export const hashOfBytes = async (bytes: ObjectBytes): Promise<string> => {
  const hash = createHash('sha256')
  if ('bytes' in bytes) return hash.update(bytes.bytes).digest('hex')
  try {
    for await (const piece of bytes.pieces) hash.update(piece)
  } finally {
    bytes.close()
  }
  return hash.digest('hex')
}
