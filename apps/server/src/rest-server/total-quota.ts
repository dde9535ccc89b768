import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Reservation } from '#platform/restic/policy.ts'
import { listFile } from '#platform/storage/disk/layout.ts'
import { StorageError } from '#platform/storage/storage.ts'

/** One limit for all repositories below a folder. */
export type TotalQuota = {
  /** What is stored, in bytes; uploads that are under way not included. */
  usedBytes(): number
  /** @param sizeBytes undefined where the sender does not tell: it is then cut off once there is no more room */
  reserve(sizeBytes: number | undefined): Reservation | 'full'
  /**
   * For an object that is there: bytes that are the same are not counted again, and wrong ones that are mended make room
   * for the right ones.
   * @param name of the object, as `removed` is told it
   */
  reserveAgain(name: string, presentBytes: number): Reservation
  /** Told of what was deleted. */
  removed(name: string, sizeBytes: number): void
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

const sizeOf = (path: string): number => {
  try {
    return lstatSync(path).size
  } catch (error) {
    if (isGone(error)) return 0
    throw error
  }
}

const leftBehind = /\.rest-server-temp[^/]*$/
const isNoObject = (name: string): boolean =>
  leftBehind.test(name) || name === listFile || name === `${listFile}.new`

/**
 * The bytes of all files below a folder, as `ls` shows them. Folders count nothing, nor do what a cut upload left behind,
 * since that is swept away, and the lists that we write down ourselves; links are not followed.
 * @throws the file system's error
 */
export const bytesBelow = (folder: string): number => {
  let total = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) total += bytesBelow(path)
    else if (!isNoObject(entry.name)) total += sizeOf(path)
  }
  return total
}

/** Starts from what is there. Room is taken before a byte arrives, so that uploads at once cannot share it. */
export const totalQuota = (startBytes: number, limitBytes: number): TotalQuota => {
  let used = startBytes
  let reserved = 0
  const again = new Set<{ readonly name: string; presentBytes: number }>()
  return {
    usedBytes: () => used,
    reserve: (sizeBytes) => {
      const declared = sizeBytes ?? 0
      if (used + reserved + declared > limitBytes) return 'full'
      let mine = declared
      let arrived = 0
      let open = true
      reserved += mine
      return {
        take: (bytes) => {
          arrived += bytes
          const more = Math.max(0, arrived - mine)
          if (used + reserved + more > limitBytes)
            throw new StorageError('full', 'the folder holds as much as --max-size allows')
          mine += more
          reserved += more
        },
        settle: (storedBytes) => {
          if (!open) return
          open = false
          reserved -= mine
          used += storedBytes
        },
      }
    },
    reserveAgain: (name, presentBytes) => {
      const upload = { name, presentBytes }
      again.add(upload)
      return {
        take: () => {},
        settle: (storedBytes) => {
          if (again.delete(upload) && storedBytes > 0) used += storedBytes - upload.presentBytes
        },
      }
    },
    removed: (name, sizeBytes) => {
      used -= sizeBytes
      for (const upload of again) if (upload.name === name) upload.presentBytes = 0
    },
  }
}
