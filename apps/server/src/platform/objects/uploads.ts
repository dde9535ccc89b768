import type { Readable } from 'node:stream'
import { ProblemError } from '@hearthold/contract'
import { asDiskProblems, asDiskProblemsSync, diskFull } from './disk-errors.ts'
import {
  type Disk,
  objectExists,
  type Upload,
  UploadFile,
  type UploadProgress,
} from './upload-file.ts'

export type { Upload, UploadProgress }

/** Uploads kept in memory; a forgotten one is read from the disk again. */
const keptUploads = 1000

/** Uploads of one object over many requests, which may break off, come twice, or come after a restart. */
export class Uploads {
  readonly #disk: Disk
  readonly #freeBytes: () => number
  readonly #files = new Map<string, UploadFile>()
  /** What is being done with an upload, one thing after the other. */
  readonly #turns = new Map<string, Promise<unknown>>()

  /** @param freeBytes what may still be written to the disk, pending uploads not counted */
  constructor(disk: Disk, freeBytes: () => number) {
    this.#disk = disk
    this.#freeBytes = freeBytes
  }

  /**
   * Checks that there is room and that the object is new; nothing is written yet.
   * @throws ProblemError `object_exists`, `disk_full`
   */
  begin(upload: Upload): void {
    const { fs, names } = this.#disk
    if (asDiskProblemsSync(() => fs.statSync(names.object(upload.object)))) throw objectExists()
    if (this.#freeBytes() < this.pendingBytes() + upload.sizeBytes) throw diskFull()
    this.#keep(new UploadFile(this.#disk, upload))
  }

  /**
   * How far an upload has come. After a restart this is an upper bound: the bytes are read again only when it goes on,
   * and then `write` may refuse that offset once. `sizeBytes` without a hash means that only `finish` is missing.
   */
  progress(upload: Upload): UploadProgress {
    const loaded = this.#files.get(upload.upload)
    if (loaded) return { offset: loaded.offset }
    const file = new UploadFile(this.#disk, upload)
    return asDiskProblemsSync(() => ({
      offset: file.isRenamed() ? upload.sizeBytes : file.markedOffset(),
    }))
  }

  /**
   * Writes `body` from `offset` on; a newer call ends an older one still running. If the body ends early, whole
   * segments are kept. At the last byte the object is made durable under its name, and its hash is in the answer; if that
   * had happened already, `body` is not read.
   * @param how `pastCache` where the processor is what there is least of: the next to read a large object waits for the disk
   * @throws ProblemError `offset_mismatch` (with `extra.offset`), `object_invalid`, `object_exists`, `disk_full`,
   * `unavailable` when the disk fails: the upload then begins again at 0
   */
  write(
    upload: Upload,
    offset: number,
    body: Readable,
    how: { readonly pastCache?: boolean } = {},
  ): Promise<UploadProgress> {
    this.#files.get(upload.upload)?.cut()
    return this.#inTurn(upload.upload, async () => {
      const file = this.#files.get(upload.upload) ?? (await this.#load(upload))
      if (file.isRenamed()) return this.#finish(upload)
      if (offset !== file.offset)
        throw new ProblemError('offset_mismatch', 'The upload goes on at another offset.', {
          extra: { offset: file.offset },
        })
      try {
        const progress = await file.receive(body, how.pastCache)
        if (progress.sha256 !== undefined) this.#files.delete(upload.upload)
        return progress
      } catch (error) {
        // Whatever went wrong, the next call begins from what is on the disk.
        this.#files.delete(upload.upload)
        throw error
      }
    })
  }

  /** Makes a completely received object durable, where a crash came just before that. */
  finish(upload: Upload): Promise<UploadProgress> {
    return this.#inTurn(upload.upload, () => this.#finish(upload))
  }

  /** Ends it and removes its bytes; a finished object stays. */
  remove(upload: Upload): Promise<void> {
    this.#files.get(upload.upload)?.cut()
    return this.#inTurn(upload.upload, async () => {
      this.#files.delete(upload.upload)
      new UploadFile(this.#disk, upload).remove()
    })
  }

  /** What the uploads being sent at this moment still have to send; only announced ones keep nobody else out. */
  pendingBytes(): number {
    let bytes = 0
    for (const id of this.#turns.keys()) {
      const file = this.#files.get(id)
      if (file) bytes += file.upload.sizeBytes - file.offset
    }
    return bytes
  }

  /** True while something is being done with it. */
  isBusy(upload: string): boolean {
    return this.#turns.has(upload)
  }

  isActive(upload: string): boolean {
    return this.#files.has(upload) || this.#turns.has(upload)
  }

  /** Ends what is being received and waits for it. */
  async close(): Promise<void> {
    for (const file of this.#files.values()) file.cut()
    await Promise.all(this.#turns.values())
  }

  async #finish(upload: Upload): Promise<UploadProgress> {
    this.#files.delete(upload.upload)
    const file = new UploadFile(this.#disk, upload)
    if (!file.isRenamed()) throw new ProblemError('unavailable', 'The upload is not complete.')
    return file.finish()
  }

  async #load(upload: Upload): Promise<UploadFile> {
    const file = new UploadFile(this.#disk, upload)
    await file.load()
    return this.#keep(file)
  }

  #keep(file: UploadFile): UploadFile {
    this.#files.set(file.upload.upload, file)
    if (this.#files.size > keptUploads) {
      const idle = [...this.#files.keys()].find((id) => !this.#turns.has(id))
      if (idle !== undefined) this.#files.delete(idle)
    }
    return file
  }

  /** Runs `work` when everything begun before with this upload has ended. */
  #inTurn<Answer>(id: string, work: () => Promise<Answer>): Promise<Answer> {
    const before = this.#turns.get(id) ?? Promise.resolve()
    const answer = before.then(() => asDiskProblems(work))
    const turn = answer
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(id) === turn) this.#turns.delete(id)
      })
    this.#turns.set(id, turn)
    return answer
  }
}
