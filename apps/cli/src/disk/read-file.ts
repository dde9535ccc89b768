import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { diskReason } from './disk-reasons.ts'

/** Up to here a file is read at once and synchronously: a trip through the thread pool costs more than the reading. */
const wholeLimitBytes = 1024 * 1024
/** A multiple of the sealed segments' 256 KiB, so that nothing is copied. */
const pieceBytes = 1024 * 1024

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
/** Absent on Windows, where there is neither. */
const safeFlags = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)

export class ChangedError extends Error {
  constructor() {
    super('It changed while it was being read.')
    this.name = 'ChangedError'
  }
}

const isSame = (a: Stats, b: Stats): boolean =>
  a.isFile() &&
  a.size === b.size &&
  a.mtimeMs === b.mtimeMs &&
  a.ctimeMs === b.ctimeMs &&
  a.ino === b.ino &&
  a.dev === b.dev

/** Not through a link that has taken the file's place, and never waiting for the other end of a pipe. */
const flagsFor = (follow: boolean): number =>
  O_RDONLY | (follow ? safeFlags & ~(O_NOFOLLOW ?? 0) : safeFlags)

const asReason = (error: unknown): unknown =>
  error instanceof ChangedError ? error : new Error(diskReason(error), { cause: error })

const readWhole = (path: string, listed: Stats, follow: boolean): Uint8Array => {
  const file = openSync(path, flagsFor(follow))
  try {
    if (!isSame(fstatSync(file), listed)) throw new ChangedError()
    // Never of the shared pool: it is kept until its bundle has left.
    const bytes = new Uint8Array(listed.size)
    let at = 0
    while (at < bytes.length) {
      const count = readSync(file, bytes, at, bytes.length - at, at)
      if (count === 0) throw new ChangedError()
      at += count
    }
    if (!isSame(fstatSync(file), listed)) throw new ChangedError()
    return bytes
  } finally {
    closeSync(file)
  }
}

async function* readPieces(
  path: string,
  listed: Stats,
  follow: boolean,
  offset: number,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, flagsFor(follow))
  try {
    if (!isSame(await file.stat(), listed)) throw new ChangedError()
    const buffers = [new Uint8Array(pieceBytes), new Uint8Array(pieceBytes)] as const
    let turn = 0
    for (let position = offset; position < listed.size;) {
      // One piece is read ahead while the other is being sealed.
      const buffer = buffers[turn++ % 2 === 0 ? 0 : 1]
      const wanted = Math.min(pieceBytes, listed.size - position)
      let filled = 0
      while (filled < wanted) {
        const { bytesRead } = await file.read(buffer, filled, wanted - filled, position + filled)
        if (bytesRead === 0) throw new ChangedError()
        filled += bytesRead
      }
      position += filled
      // Before the last piece is given away: who has it may not ask again.
      if (position === listed.size && !isSame(await file.stat(), listed)) throw new ChangedError()
      yield buffer.subarray(0, filled)
    }
  } finally {
    await file.close()
  }
}

/**
 * The bytes of a file from `offset` on. `listed` is how it was when it was listed: another size, time or file by then,
 * or while it is read, is a ChangedError. Two buffers are filled in turn; a chunk is gone when the second next is asked for.
 */
export async function* readLocalFile(
  path: string,
  listed: Stats,
  follow: boolean,
  offset: number,
): AsyncGenerator<Uint8Array> {
  try {
    if (offset > 0 || listed.size > wholeLimitBytes) yield* readPieces(path, listed, follow, offset)
    else if (listed.size > 0) yield readWhole(path, listed, follow)
    else readWhole(path, listed, follow)
  } catch (error) {
    throw asReason(error)
  }
}
