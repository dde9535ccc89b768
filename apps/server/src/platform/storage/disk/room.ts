import { dirname } from 'node:path'
import type { FileSystem } from '../../disk/file-system.ts'
import { diskFull } from './disk-errors.ts'

/** How long an answer of the system about free bytes is believed, in ms. */
const believedMs = 200

/** Room taken for one object on its way. */
export type Place = {
  /** So many of its bytes are on the disk, and counted there. */
  wrote(bytes: number): void
  /** Ends it. */
  end(): void
}

/** Refuses what the disk has no room for before a byte of it is read; the disk itself has the last word. */
export class Room {
  readonly #fs: FileSystem
  readonly #folder: string
  readonly #reserveBytes: number
  #pendingBytes = 0
  #knownFree = 0
  #knownAt = Number.NEGATIVE_INFINITY

  /** @param reserveBytes left free for others on this disk */
  constructor(fs: FileSystem, folder: string, reserveBytes: number) {
    this.#fs = fs
    this.#folder = folder
    this.#reserveBytes = reserveBytes
  }

  /** What may still be stored beside the objects on their way. */
  freeBytes(): number {
    const now = performance.now()
    if (now - this.#knownAt > believedMs) {
      this.#knownFree = this.#fs.freeBytesSync(this.#existing())
      this.#knownAt = now
    }
    return this.#knownFree - this.#reserveBytes - this.#pendingBytes
  }

  /** The folder is made with its first repository. */
  #existing(): string {
    let folder = this.#folder
    while (this.#fs.statSync(folder) === undefined && dirname(folder) !== folder)
      folder = dirname(folder)
    return folder
  }

  /** @throws StorageError `full` */
  take(sizeBytes: number): Place {
    if (this.freeBytes() < sizeBytes) throw diskFull()
    let left = sizeBytes
    this.#pendingBytes += sizeBytes
    return {
      wrote: (bytes) => {
        const counted = Math.min(bytes, left)
        left -= counted
        this.#pendingBytes -= counted
        this.#knownFree -= counted
      },
      end: () => {
        this.#pendingBytes -= left
        left = 0
      },
    }
  }
}
