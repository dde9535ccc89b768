import { dirname } from 'node:path'
import type { FileSystem } from '../../disk/file-system.ts'
import { diskFull } from './disk-errors.ts'

/** How long an answer of the system about free bytes is believed, in ms. */
const believedMs = 200

/**
 * Refuses what the disk has no room for before a byte of it is read, and keeps a reserve free while bodies come. What was
 * only announced takes no room: whoever announces much and sends little would keep everybody else out.
 */
export class Room {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #reserveBytes: number
  #knownFree = 0
  #knownAt = Number.NEGATIVE_INFINITY

  /** @param reserveBytes left free for others on this disk */
  constructor(fs: FileSystem, folder: string, reserveBytes: number) {
    this.#fs = fs
    this.#folder = folder
    this.#reserveBytes = reserveBytes
  }

  /** What may still be stored. */
  freeBytes(): number {
    const now = performance.now()
    if (now - this.#knownAt > believedMs) {
      this.#knownFree = this.#fs.freeBytesSync(this.#existing())
      this.#knownAt = now
    }
    return this.#knownFree - this.#reserveBytes
  }

  /** @throws StorageError `full` if so many bytes have no room */
  check(sizeBytes: number): void {
    if (this.freeBytes() < sizeBytes) throw diskFull()
  }

  /** So many bytes are on the disk. @throws StorageError `full` if the reserve was touched */
  wrote(bytes: number): void {
    this.#knownFree -= bytes
    this.check(0)
  }

  /** The folder is made with its first repository. */
  #existing(): string {
    let folder = this.#folder
    while (this.#fs.statSync(folder) === undefined && dirname(folder) !== folder)
      folder = dirname(folder)
    return folder
  }
}
