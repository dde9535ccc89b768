import { createHash } from 'node:crypto'
import type { ObjectBytes } from '../../objects/index.ts'
import { shortBody } from './body-feed.ts'

/**
 * SHA-256 of what an object's bytes are, as hex.
 * @param isWanted asked with each piece
 * @throws StorageError `short` once nobody wants it any more
 */
export const hashOfBytes = async (bytes: ObjectBytes, isWanted: () => boolean): Promise<string> => {
  const hash = createHash('sha256')
  if ('bytes' in bytes) return hash.update(bytes.bytes).digest('hex')
  try {
    for await (const piece of bytes.pieces) {
      if (!isWanted()) throw shortBody()
      hash.update(piece)
    }
  } finally {
    bytes.close()
  }
  return hash.digest('hex')
}
