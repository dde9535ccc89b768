import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { ProblemError } from '@hearthold/contract'
import type { DirectWriters } from '../disk/direct-writer.ts'
import type { DiskPace } from '../disk/disk-pace.ts'
import { tryEach } from '../disk/try-each.ts'
import type { FileSystem } from '../disk/file-system.ts'
import type { FolderSync } from '../disk/folder-sync.ts'
import type { ObjectNames } from './object-names.ts'
import { receiveBody } from '../disk/receive-body.ts'
import { SegmentHash } from './segment-hash.ts'
import {
  hashRange,
  markIntervalBytes,
  readMarks,
  trustedPrefix,
  writeMark,
} from './upload-marks.ts'

/** Ids are 32 hex digits. The caller keeps uploads: the store knows of one what lies on the disk. */
export type Upload = {
  readonly upload: string
  readonly object: string
  readonly sizeBytes: number
}

export type UploadProgress = {
  /** Where the next bytes go: whole segments, or `sizeBytes`. */
  readonly offset: number
  /** Hash of the stored object, 64 hex digits, once it is durable under its name. */
  readonly sha256?: string
}

export type Disk = {
  readonly fs: FileSystem
  readonly names: ObjectNames
  readonly folders: FolderSync
  /** How quickly it takes what is written to it. */
  readonly pace: DiskPace
  /** How those with much to come are written past the page cache. */
  readonly direct: DirectWriters
}

/** What is written at a time: so much is still in the processor's cache when it is hashed and copied. */
const batchBytes = 64 * 1024
/** After so many bytes the disk is told to begin with them while more come: the last fsync then has little to wait for. */
const syncAheadBytes = 8 * 1024 * 1024

/** One upload's temporary file: temp file, hash while writing, fsync, rename, fsync of the folder. */
export class UploadFile {
  readonly upload: Upload
  readonly #disk: Disk
  readonly #part: string
  readonly #marks: string
  readonly #final: string
  #hash = new SegmentHash()
  #markCount = 0
  #markedOffset = 0
  #body: Readable | undefined
  #syncing: Promise<void> | undefined
  #syncedOffset = 0

  constructor(disk: Disk, upload: Upload) {
    this.upload = upload
    this.#disk = disk
    this.#part = disk.names.part(upload.object, upload.upload)
    this.#marks = disk.names.marks(upload.object, upload.upload)
    this.#final = disk.names.object(upload.object)
  }

  /** Whole segments received. */
  get offset(): number {
    return this.#hash.wholeBytes
  }

  /** Received to the end and renamed; the crash came before anybody was told. */
  isRenamed(): boolean {
    const { fs } = this.#disk
    return !fs.statSync(this.#part) && fs.statSync(this.#final)?.sizeBytes === this.upload.sizeBytes
  }

  /** What the marks say without reading the bytes again. */
  markedOffset(): number {
    return this.#readMarks().at(-1)?.offset ?? 0
  }

  /** Takes up what an earlier process left, as far as it can be trusted. */
  async load(): Promise<void> {
    const { fs } = this.#disk
    const marks = this.#readMarks()
    if (marks.length === 0) return
    const file = fs.openSync(this.#part, 'r')
    try {
      const trusted = await trustedPrefix(fs, file, marks)
      this.#hash = new SegmentHash(trusted.offset, trusted.hash)
      this.#markCount = trusted.marks
      this.#markedOffset = trusted.offset
    } finally {
      fs.closeSync(file)
    }
  }

  /** Ends the body being received; what came of it counts. */
  cut(): void {
    this.#body?.destroy()
  }

  /**
   * Writes `body` at `offset`, keeps whole segments, and at the last byte publishes the object.
   * @param pastCache past the page cache where much is to come, and the disk can
   * @throws ProblemError `object_invalid`, `object_exists`; the disk's errors
   */
  async receive(body: Readable, pastCache = false): Promise<UploadProgress> {
    const { fs } = this.#disk
    const { sizeBytes } = this.upload
    const offset = this.#hash.wholeBytes
    // What came after the last whole segment is sent again, so it must be hashed again.
    const hash = new SegmentHash(offset, this.#hash.wholeHash())
    this.#hash = hash
    const file = fs.openSync(this.#part, offset === 0 ? 'w' : 'r+')
    this.#syncedOffset = offset
    try {
      if (offset > 0) fs.truncateSync(file, offset)
      const complete = offset + (await this.#receiveInto(file, body, pastCache)) === sizeBytes
      if (!complete) fs.truncateSync(file, hash.wholeBytes)
      await this.#sync(file)
      if (!complete) {
        this.#mark()
        return { offset: hash.wholeBytes }
      }
    } finally {
      await this.#syncing?.catch(() => tryEach(() => this.remove()))
      this.#syncing = undefined
      fs.closeSync(file)
    }
    return { offset: sizeBytes, sha256: await this.#publish() }
  }

  /** Makes durable what `isRenamed`: its bytes were synced before, whether the name is on the disk is not known. */
  async finish(): Promise<UploadProgress> {
    const { fs, names, folders } = this.#disk
    const { object, sizeBytes } = this.upload
    const file = fs.openSync(this.#final, 'r')
    const hash = createHash('sha256')
    try {
      await hashRange(fs, file, hash, 0, sizeBytes)
      await fs.fsync(file)
    } finally {
      fs.closeSync(file)
    }
    await folders.changing(names.folder(object))()
    return { offset: sizeBytes, sha256: hash.digest('hex') }
  }

  remove(): void {
    const { fs } = this.#disk
    fs.removeSync(this.#part)
    fs.removeSync(this.#marks)
  }

  async #receiveInto(file: number, body: Readable, pastCache: boolean): Promise<number> {
    const hash = this.#hash
    const { fs } = this.#disk
    let receivedBytes = 0
    this.#body = body
    const { sizeBytes } = this.upload
    const { wholeBytes } = hash
    const direct = pastCache
      ? this.#disk.direct.open(this.#part, file, wholeBytes, sizeBytes)
      : undefined
    try {
      await receiveBody({
        fs,
        direct,
        file,
        body,
        position: wholeBytes,
        limitBytes: sizeBytes - wholeBytes,
        batchBytes: () => batchBytes,
        pace: this.#disk.pace,
        tooLong: () => new ProblemError('object_invalid', 'More bytes came than the upload has.'),
        onBatch: (parts) => {
          hash.update(parts)
          for (const part of parts) receivedBytes += part.length
        },
        onWritten: () => {
          if (hash.wholeBytes - this.#markedOffset >= markIntervalBytes) this.#mark()
          if (!direct) this.#syncAhead(file)
        },
      })
    } finally {
      this.#body = undefined
      await direct?.close()
    }
    return receivedBytes
  }

  #syncAhead(file: number): void {
    if (this.#syncing || this.#hash.wholeBytes - this.#syncedOffset < syncAheadBytes) return
    this.#syncedOffset = this.#hash.wholeBytes
    const syncing = this.#disk.fs.fsync(file)
    this.#syncing = syncing
    // A failure is kept: #sync throws it, for the system tells of it only once.
    syncing.then(
      () => (this.#syncing = undefined),
      () => undefined,
    )
  }

  /** Once an fsync failed, the kernel forgets what it could not write: those bytes can never be trusted again. */
  async #sync(file: number): Promise<void> {
    try {
      await this.#syncing
      await this.#disk.fs.fsync(file)
    } catch (error) {
      tryEach(() => this.remove())
      throw error
    }
  }

  async #publish(): Promise<string> {
    const { fs, names, folders } = this.#disk
    if (fs.statSync(this.#final)) throw objectExists()
    const synced = folders.changing(names.folder(this.upload.object))
    fs.renameSync(this.#part, this.#final)
    try {
      await synced()
    } catch (error) {
      tryEach(() => fs.removeSync(this.#final))
      throw error
    }
    fs.removeSync(this.#marks)
    return this.#hash.digest()
  }

  #mark(): void {
    const offset = this.#hash.wholeBytes
    // One at the end would say that it is complete, which only its name does.
    if (offset === this.#markedOffset || offset === this.upload.sizeBytes) return
    writeMark(this.#disk.fs, this.#marks, this.#markCount, offset, this.#hash.wholeHash())
    this.#markCount += 1
    this.#markedOffset = offset
  }

  #readMarks(): ReturnType<typeof readMarks> {
    const { fs } = this.#disk
    const stat = fs.statSync(this.#part)
    return stat ? readMarks(fs, this.#marks, Math.min(stat.sizeBytes, this.upload.sizeBytes)) : []
  }
}

export const objectExists = (): ProblemError =>
  new ProblemError('object_exists', 'There is an object of this id already.')
