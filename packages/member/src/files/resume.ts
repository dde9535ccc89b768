/** What is kept of an upload under way, so that a later run goes on where this one was cut off. */
import {
  ByteReader,
  ByteWriter,
  type Bytes,
  fromHex,
  hkdf,
  hmacSha256,
  IntegrityError,
  lp,
  open,
  seal,
  toHex,
  utf8,
} from '@hearthold/crypto'
import { newestKey } from '../account/unlock.ts'
import type { LocalFile } from './local-item.ts'
import type { Share } from './share.ts'

/** Where records lie: names and contents tell nothing of the files. */
export type ResumeStore = {
  find(key: string): Promise<Uint8Array | undefined>
  put(key: string, sealed: Uint8Array): Promise<void>
  remove(key: string): Promise<void>
}

export type ResumeRecord = {
  readonly object: string
  readonly objectKey: Bytes
  readonly upload: string
}

const label = 'hearthold/v1/upload-resume'
const timeShift = 2 ** 52

/** Records of one share. A record opens only for the same path, size and time: a changed source starts again. */
export const createResumes = (share: Share, store: ResumeStore | undefined) => {
  const key = hkdf(newestKey(share.member, 'files').key, fromHex(share.log), utf8(label))
  const nameOf = (path: string): string => toHex(hmacSha256(key, utf8(path)).subarray(0, 16))
  const aadOf = (path: string, file: LocalFile): Bytes =>
    lp(label, share.log, utf8(path), file.size, Math.round(file.modifiedAt) + timeShift)
  return {
    async find(path: string, file: LocalFile): Promise<ResumeRecord | undefined> {
      const sealed = await store?.find(nameOf(path))
      if (!sealed) return undefined
      try {
        const reader = new ByteReader(await open(key, sealed, aadOf(path, file)))
        const object = toHex(reader.bytes(16))
        const objectKey = reader.bytes(32).slice()
        return { object, objectKey, upload: toHex(reader.bytes(16)) }
      } catch (error) {
        if (error instanceof IntegrityError) return undefined
        throw error
      }
    },
    async put(path: string, file: LocalFile, record: ResumeRecord): Promise<void> {
      const bytes = new ByteWriter(64)
        .bytes(fromHex(record.object))
        .bytes(record.objectKey)
        .bytes(fromHex(record.upload))
        .finish()
      await store?.put(nameOf(path), await seal(key, bytes, aadOf(path, file)))
    },
    remove: (path: string): Promise<void> => store?.remove(nameOf(path)) ?? Promise.resolve(),
  }
}

export type Resumes = ReturnType<typeof createResumes>
