import { closeSync, constants, ftruncateSync, openSync, rmSync, write, writeSync } from 'node:fs'
import type { ResticNode } from '@hearthold/member'
import {
  checkFree,
  dress,
  nameIt,
  unfinishedBeside,
  type DiskPath,
  type Placing,
} from './disk-place.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
const newFile = O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0)

/** Small writes are done at once: handing them to another thread costs more. */
const smallBytes = 64 * 1024
const zeros = Buffer.alloc(64 * 1024)
/** Below this a hole saves nothing. */
const leastHole = 4096

const isHole = (bytes: Uint8Array): boolean => {
  if (bytes.length < leastHole || bytes[0] !== 0 || bytes.at(-1) !== 0) return false
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length)
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) return false
  }
  return true
}

const writeAt = (file: number, bytes: Uint8Array, position: number): Promise<number> =>
  new Promise((done, fail) => {
    write(file, bytes, 0, bytes.length, position, (error, count) =>
      error ? fail(error) : done(count),
    )
  })

/** One file being restored: it gets its name when it is whole, and pieces of nothing but zeros become holes. */
export class RestoredFile {
  /** Bytes so far, holes included. */
  sizeBytes = 0
  readonly #path: DiskPath
  readonly #node: ResticNode
  readonly #placing: Placing
  readonly #unfinished: DiskPath
  readonly #file: number
  readonly #isOurs: boolean
  /** Where the last byte that was really written ends. */
  #writtenTo = 0
  #open = true

  /** `isOurs`: this run has made its folder. */
  constructor(path: DiskPath, node: ResticNode, placing: Placing, isOurs: boolean) {
    this.#isOurs = isOurs
    // In a folder of this run nothing is expected in the way; its name is looked at once, at the end.
    if (!isOurs) checkFree(path, placing)
    this.#path = path
    this.#node = node
    this.#placing = placing
    this.#unfinished = unfinishedBeside(path)
    // Private until it is whole: its mode comes last.
    this.#file = openSync(this.#unfinished, newFile, 0o600)
  }

  async write(bytes: Uint8Array): Promise<void> {
    const at = this.sizeBytes
    this.sizeBytes += bytes.length
    if (isHole(bytes)) return
    this.#writtenTo = this.sizeBytes
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.subarray(done)
      done +=
        rest.length <= smallBytes
          ? writeSync(this.#file, rest, 0, rest.length, at + done)
          : await writeAt(this.#file, rest, at + done)
    }
  }

  /** Gives it its length, owner, mode, times and then its name. */
  close(): void {
    try {
      if (this.#writtenTo !== this.sizeBytes) ftruncateSync(this.#file, this.sizeBytes)
      dress(this.#file, this.#node)
      this.#end()
      nameIt(this.#unfinished, this.#path, this.#placing, this.#isOurs)
    } catch (error) {
      this.abort()
      throw error
    }
  }

  /** Leaves nothing of it behind. */
  abort(): void {
    this.#end()
    rmSync(this.#unfinished, { force: true })
  }

  #end(): void {
    if (this.#open) closeSync(this.#file)
    this.#open = false
  }
}
