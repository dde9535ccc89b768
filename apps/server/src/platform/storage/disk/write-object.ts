import { createHash, hash as hashOf, randomBytes } from 'node:crypto'
import { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { writeFullySync } from '../../disk/file-system.ts'
import { receiveBody } from '../../disk/receive-body.ts'
import { releaseBuffer } from '../../disk/release-buffer.ts'
import { tryEach } from '../../disk/try-each.ts'
import { GatheredBytes } from '../gathered-bytes.ts'
import { type ObjectRef, StorageError, type WriteOptions, type WriteOutcome } from '../storage.ts'
import type { Disk } from './disk.ts'
import { hasNoLinks, isMissing, isTaken, storageError } from './disk-errors.ts'
import { hashFile } from './hash-file.ts'
import { nameOf, temporaryName } from './layout.ts'
import { readBytes } from './read-body.ts'

/** Up to here a body is held in memory, and the disk hears of it only when it is whole and right. */
const smallBytes = 64 * 1024
/** restic's config has some 200 bytes. */
const largestConfig = 1024 * 1024

export type Target = {
  readonly ref: ObjectRef
  /** Absolute. */
  readonly folder: string
  readonly path: string
}

/** What came of a body: its hash, and where its bytes are. */
type Received = { readonly sizeBytes: number; readonly sha256: string; readonly temporary: string }

/** Of this process alone, so that a number makes it unique: asking for chance each time costs as much as a system call. */
const chance = randomBytes(6).toString('hex')
let made = 0
const nextChance = (): string => `${chance}${(made++).toString(16).padStart(4, '0')}`

const limitOf = (ref: ObjectRef, { sizeBytes }: WriteOptions): number =>
  ref.type === 'config'
    ? Math.min(largestConfig, sizeBytes ?? largestConfig)
    : (sizeBytes ?? Number.MAX_SAFE_INTEGER)

const tooLong = (): StorageError =>
  new StorageError('too-long', 'More bytes came than were declared. Nothing was stored.')

/** See RepositoryStore.write. */
export const writeObject = async (
  disk: Disk,
  target: Target,
  body: Readable,
  options: WriteOptions,
): Promise<WriteOutcome> => {
  const { ref, path } = target
  try {
    if ((options.sizeBytes ?? 0) > limitOf(ref, options)) throw tooLong()
    const there = disk.fs.statSync(path)
    // Looked at before the body, because what is right need not be written again.
    // It may be large: who left does not wait for it.
    const right = there && (await hashFile(disk.fs, path, () => !body.destroyed))
    if (
      there &&
      right !== undefined &&
      (ref.type === 'config' || !options.verify || right === ref.id)
    )
      return await compare(disk, target, { sha256: right, inode: there.inode }, body, options)
    disk.room.check(options.sizeBytes ?? 0)
    const received = await receive(disk, target, body, options)
    return await publish(disk, target, received, options)
  } catch (error) {
    throw storageError(error)
  }
}

const checkLength = (count: number, complete: boolean, { sizeBytes }: WriteOptions): void => {
  if (count === sizeBytes || (complete && sizeBytes === undefined)) return
  throw new StorageError('short', 'The body ended early. Nothing was stored.')
}

const checkHash = (sha256: string, { id }: ObjectRef, { verify }: WriteOptions): void => {
  if (id !== '' && verify && sha256 !== id)
    throw new StorageError('mismatch', 'The bytes are not those of this name. Nothing was stored.')
}

const otherBytes = (): StorageError =>
  new StorageError('exists', 'There are other bytes under this name. Nothing was changed.')

/** An object that is there: the body is only hashed. */
const compare = async (
  disk: Disk,
  target: Target,
  stored: { readonly sha256: string; readonly inode: number },
  body: Readable,
  options: WriteOptions,
): Promise<WriteOutcome> => {
  const hash = createHash('sha256')
  const { count, complete } = await readBytes(body, {
    limitBytes: limitOf(target.ref, options),
    tooLong,
    onChunk: (chunk) => {
      const { length } = chunk
      hash.update(chunk)
      if (body instanceof IncomingMessage) releaseBuffer(chunk)
      options.onBytes?.(length)
    },
  })
  checkLength(count, complete, options)
  if (hash.digest('hex') !== stored.sha256) throw otherBytes()
  await disk.turns.run(target.path, () => confirm(disk, target, stored.inode))
  return { outcome: 'present', sizeBytes: count }
}

/** It was stored before; that answer may never have been given, so its bytes and its name are synced again. */
const confirm = async (
  disk: Disk,
  { path, folder }: Target,
  inode: number | undefined,
): Promise<void> => {
  const { fs } = disk
  await disk.durable.ensure(folder)
  const synced = disk.folders.changing(folder)
  const removed = () =>
    new StorageError('unavailable', 'The object was removed meanwhile. Send it again.')
  const file = openIfThere(disk, path)
  if (file === undefined) throw removed()
  try {
    // Another config, or what nobody verifies, may have come in its place.
    if (inode !== undefined && fs.fstatSync(file).inode !== inode) throw removed()
    await fs.fsync(file)
  } finally {
    fs.closeSync(file)
  }
  await synced()
}

const openIfThere = ({ fs }: Disk, path: string): number | undefined => {
  try {
    return fs.openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** A new file in the folder of the object, which is made where it is missing. */
const openTemporary = (
  disk: Disk,
  { ref, folder }: Target,
): Promise<{ file: number; temporary: string }> => {
  const temporary = join(folder, temporaryName(nameOf(ref), nextChance()))
  return disk.durable.within(folder, () => ({
    temporary,
    file: disk.indexes.change(temporary, true, () => disk.fs.openSync(temporary, 'wx')),
  }))
}

/** Writes the body to a temporary file; it is right and on the disk when this answers. */
const receive = async (
  disk: Disk,
  target: Target,
  body: Readable,
  options: WriteOptions,
): Promise<Received> => {
  const leave = disk.batches.enter()
  try {
    const isSmall =
      target.ref.type === 'config' ||
      (options.sizeBytes ?? Infinity) <= Math.min(smallBytes, disk.batches.bytes())
    const fill = isSmall
      ? await receiveSmall(target, body, options)
      : receiveLarge(disk, target, body, options)
    return await fillTemporary(disk, target, fill)
  } finally {
    leave()
  }
}

const fillTemporary = async (disk: Disk, target: Target, fill: Fill): Promise<Received> => {
  const { fs, temporaries } = disk
  const { file, temporary } = await openTemporary(disk, target)
  temporaries.add(temporary)
  try {
    const filled = await fill(disk, file)
    await fs.fsync(file)
    return { ...filled, temporary }
  } catch (error) {
    tryEach(() => disk.indexes.change(temporary, true, () => fs.removeSync(temporary)))
    temporaries.delete(temporary)
    throw error
  } finally {
    fs.closeSync(file)
  }
}

type Fill = (disk: Disk, file: number) => Promise<Omit<Received, 'temporary'>>

/** Bytes that are held in memory, and right, before a file is made. */
const receiveSmall = async (
  { ref }: Target,
  body: Readable,
  options: WriteOptions,
): Promise<Fill> => {
  const parts = new GatheredBytes()
  const { count, complete } = await readBytes(body, {
    limitBytes: limitOf(ref, options),
    tooLong,
    onChunk: (chunk) => {
      parts.add(chunk)
      options.onBytes?.(chunk.length)
    },
  })
  checkLength(count, complete, options)
  const bytes = parts.take()
  const sha256 = hashOf('sha256', bytes, 'hex')
  checkHash(sha256, ref, options)
  return async ({ fs }, file) => {
    writeFullySync(fs, file, bytes, 0)
    return { sizeBytes: count, sha256 }
  }
}

const receiveLarge =
  (disk: Disk, { ref }: Target, body: Readable, options: WriteOptions): Fill =>
  async ({ fs }, file) => {
    const hash = createHash('sha256')
    let count = 0
    let told = 0
    const complete = await receiveBody({
      fs,
      file,
      body,
      position: 0,
      limitBytes: limitOf(ref, options),
      tooLong,
      batchBytes: disk.batches.bytes,
      pace: disk.writePace,
      onChunk: (length) => options.onBytes?.(length),
      onBatch: (parts) => {
        for (const part of parts) {
          hash.update(part)
          count += part.length
        }
      },
      onWritten: () => {
        disk.room.wrote(count - told)
        told = count
      },
    })
    checkLength(count, complete, options)
    const sha256 = hash.digest('hex')
    checkHash(sha256, ref, options)
    return { sizeBytes: count, sha256 }
  }

/** Gives the temporary file its name, unless another upload did so meanwhile. */
const publish = (
  disk: Disk,
  target: Target,
  received: Received,
  options: WriteOptions,
): Promise<WriteOutcome> =>
  disk.turns.run(target.path, async () => {
    const { fs } = disk
    const { sha256, sizeBytes, temporary } = received
    let isMoved = false
    try {
      const mayReplace = target.ref.type !== 'config' && options.verify
      const isNew = fs.statSync(target.path) === undefined
      if (!isNew) {
        const stored = await hashFile(fs, target.path)
        if (stored === sha256) {
          await confirm(disk, target, undefined)
          return { outcome: 'present', sizeBytes }
        }
        if (stored !== undefined && !mayReplace) throw otherBytes()
      }
      const synced = disk.folders.changing(target.folder)
      const move = (): boolean => rename(disk, temporary, target.path, mayReplace)
      if (disk.indexes.change(target.path, isNew, move)) isMoved = true
      try {
        await synced()
      } catch (error) {
        tryEach(() => disk.indexes.change(target.path, false, () => fs.removeSync(target.path)))
        throw error
      }
      return { outcome: 'stored', sizeBytes }
    } finally {
      if (!isMoved)
        tryEach(() => disk.indexes.change(temporary, true, () => fs.removeSync(temporary)))
      disk.temporaries.delete(temporary)
    }
  })

/**
 * Another process may store under this name at the same moment: it must not be overwritten with other bytes.
 * @returns false if the old name is still there
 */
const rename = ({ fs }: Disk, from: string, to: string, mayReplace: boolean): boolean => {
  if (!mayReplace)
    try {
      fs.linkSync(from, to)
      return false
    } catch (error) {
      if (isTaken(error)) throw otherBytes()
      if (!hasNoLinks(error)) throw error
      if (fs.statSync(to)) throw otherBytes()
    }
  fs.renameSync(from, to)
  return true
}
