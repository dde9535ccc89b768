import { closeSync, constants, fstatSync, ftruncateSync, openSync, statfsSync } from 'node:fs'

/**
 * ext4, where writing past the page cache was measured, and XFS, which is made for it. Others send each such write
 * over a network, go through the cache all the same, or fill what is set ahead with zeros.
 */
const directFileSystems: ReadonlySet<number> = new Set([0xef53, 0x58465342])
/** Smaller files stay in the page cache: who gets them may want to read them soon. */
const directFromBytes = 8 * 1024 * 1024
/** A disk that takes longer for 4 MiB, so many times in a row, is better written to through the page cache. */
const slowMs = 100
const slowInARow = 3

const isSameFile = (one: number, other: number): boolean => {
  const [a, b] = [fstatSync(one), fstatSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}

/**
 * Opens a new file a second time, for writes past the page cache: of a large file the pages cost the system more than
 * all that it takes to receive and open the bytes. Such writes begin and end at multiples of 4 KiB, in memory and in
 * the file. Sets the file's length ahead, without which no two of them are under way at once.
 * @param path where `file`, which is open for writing, is
 * @returns the second descriptor, or undefined where the file is small or its disk is none for this
 */
export const openDirect = (path: string, file: number, sizeBytes: number): number | undefined => {
  const { O_DIRECT, O_WRONLY, O_NOFOLLOW } = constants
  // Only Linux has it.
  if (O_DIRECT === undefined || sizeBytes < directFromBytes) return undefined
  let direct: number | undefined
  try {
    if (!directFileSystems.has(statfsSync(path).type)) return undefined
    direct = openSync(path, O_WRONLY | O_DIRECT | O_NOFOLLOW)
    if (!isSameFile(file, direct)) throw new Error('Another file stands in its place.')
    ftruncateSync(file, sizeBytes)
    return direct
  } catch {
    // Whatever it is, the usual way does without it or tells it better.
    if (direct !== undefined) closeSync(direct)
    return undefined
  }
}

/** Memory that begins where a page does. The system asks that of direct writes; only the memory of such buffers is so. */
export const pageAligned = (sizeBytes: number): Uint8Array =>
  new Uint8Array(new ArrayBuffer(sizeBytes, { maxByteLength: sizeBytes }), 0, sizeBytes)

/** How fast a disk takes direct writes: one of these for all files that go to it. */
export class DiskPace {
  #slow = 0

  /** Once it is true it stays so. */
  get isSlow(): boolean {
    return this.#slow >= slowInARow
  }

  /** A write of 4 MiB took so long. */
  took(ms: number): void {
    if (!this.isSlow) this.#slow = ms > slowMs ? this.#slow + 1 : 0
  }
}
