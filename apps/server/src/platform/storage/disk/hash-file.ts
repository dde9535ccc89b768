import { createHash, hash as hashOf } from 'node:crypto'
import { type FileSystem, readFullySync } from '../../disk/file-system.ts'
import { StorageError } from '../storage.ts'
import { isMissing } from './disk-errors.ts'

const pieceBytes = 1024 * 1024
const smallBytes = 64 * 1024

/**
 * SHA-256 of a file's bytes as they are on the disk, 64 hex digits; undefined if it is not there.
 * @param isWanted asked with each piece
 * @throws StorageError `short` once nobody wants it any more
 */
export const hashFile = async (
  fs: FileSystem,
  path: string,
  isWanted: () => boolean = () => true,
): Promise<string | undefined> => {
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    const { sizeBytes } = fs.fstatSync(file)
    if (sizeBytes > smallBytes) return await hashPieces(fs, file, isWanted)
    const bytes = Buffer.allocUnsafe(sizeBytes)
    return hashOf('sha256', bytes.subarray(0, readFullySync(fs, file, bytes, 0)), 'hex')
  } finally {
    fs.closeSync(file)
  }
}

const hashPieces = async (
  fs: FileSystem,
  file: number,
  isWanted: () => boolean,
): Promise<string> => {
  const hash = createHash('sha256')
  const bytes = Buffer.allocUnsafeSlow(pieceBytes)
  for (let at = 0; ;) {
    const count = await fs.read(file, bytes, at)
    if (count === 0) return hash.digest('hex')
    if (!isWanted()) throw new StorageError('short', 'The body ended early. Nothing was stored.')
    hash.update(bytes.subarray(0, count))
    at += count
  }
}
