import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type AnswerOf, type createUpload, ProblemError } from '@hearthold/contract'
import { inTransaction } from '#platform/db/index.ts'
import type { UploadProgress } from '#platform/objects/index.ts'
import { isObjectSize } from './bundle-format.ts'
import { type Asker, dayMs, type FilesDeps } from './deps.ts'
import { completeObject, deleteObjects, findObjects, insertObjects } from './store.ts'
import {
  completeUpload,
  countOpenUploads,
  deleteUpload,
  extendUpload,
  findUpload,
  findUploadOf,
  insertUpload,
  type UploadRow,
} from './upload-store.ts'
import { chargeObjects, type FilesParts, refundObjects, withRoom } from './usage.ts'

export type UploadState = AnswerOf<typeof createUpload>

/** Uploads that one account may have open at a time. */
const openUploadsLimit = 256
/** A sliding expiry need not be written at each request. */
const expiryStepMs = 3600_000

export type Writing = {
  readonly upload: string
  readonly offset: number
  readonly body: Readable
  /** The body's declared length. */
  readonly sizeBytes: number
  /** To be written past the page cache, where much is to come. */
  readonly pastCache?: boolean
}

export type UploadService = {
  /** Opens an upload and reserves its bytes. Asked again for the same object and size, answers the one that is open. */
  create(asker: Asker, request: { object: string; sizeBytes: number }): Promise<UploadState>
  get(asker: Asker, upload: string): Promise<UploadState>
  /** What `write` would say before it reads anything. @throws ProblemError `object_invalid` where more would come than fits */
  check(
    asker: Asker,
    request: { upload: string; offset: number; sizeBytes: number },
  ): Promise<UploadState>
  write(asker: Asker, request: Writing): Promise<UploadState>
  /** @returns false if there was nothing to cancel */
  remove(asker: Asker, upload: string): Promise<boolean>
}

/** Uploads of one object over many requests: who may, how long, and what counts when. */
export const uploadService = (deps: FilesParts): UploadService => {
  const { db, clock, objects } = deps

  const get = async (asker: Asker, id: string): Promise<UploadState> => {
    const upload = await renewed(deps, await getUpload(deps, asker, id))
    if (upload.done) return stateOf(upload, { offset: upload.sizeBytes })
    const progress = objects.uploads.progress(upload)
    const complete = progress.offset === upload.sizeBytes
    return stateOf(upload, complete ? await finish(upload) : progress)
  }

  /** The store has it; until the row says so, nobody may be told. */
  const finish = async (upload: UploadRow): Promise<UploadProgress> => {
    if (objects.uploads.isBusy(upload.upload)) return { offset: upload.sizeBytes }
    const progress = await objects.uploads.finish(upload)
    await record(deps, upload, progress)
    return progress
  }

  return {
    create: (asker, request) => create(deps, asker, request),
    get,
    check: async (asker, { upload, offset, sizeBytes }) => {
      const state = await get(asker, upload)
      if (!state.done) checkFits(state, offset, sizeBytes)
      return state
    },
    write: async (asker, { upload: id, offset, body, sizeBytes, pastCache = false }) => {
      const upload = await renewed(deps, await getUpload(deps, asker, id))
      if (upload.done) return stateOf(upload, { offset: upload.sizeBytes })
      checkFits(upload, offset, sizeBytes)
      const progress = await objects.uploads.write(upload, offset, body, { pastCache })
      if (progress.sha256 !== undefined) await record(deps, upload, progress)
      return stateOf(await renewed(deps, upload), progress)
    },
    remove: async (asker, id) => {
      const upload = await findUpload(db, id, asker.account)
      return upload !== undefined && !upload.done && cancelUpload(deps, upload)
    },
  }

  function stateOf(upload: UploadRow, { offset, sha256 }: UploadProgress): UploadState {
    return {
      upload: upload.upload,
      object: upload.object,
      sizeBytes: upload.sizeBytes,
      offset,
      done: upload.done || sha256 !== undefined,
      expiresAt: Math.max(upload.expiresAt, clock.now()),
    }
  }
}

const create = async (
  deps: FilesParts,
  asker: Asker,
  { object, sizeBytes }: { object: string; sizeBytes: number },
): Promise<UploadState> => {
  const { db, clock, objects } = deps
  if (!isObjectSize(sizeBytes))
    throw new ProblemError('object_invalid', 'No sealed object has this size.')
  const open = await findUploadOf(db, object)
  if (open?.account === asker.account && open.sizeBytes === sizeBytes && !open.done)
    return {
      ...openState(await renewed(deps, open)),
      offset: objects.uploads.progress(open).offset,
    }
  const upload: UploadRow = {
    upload: randomBytes(16).toString('hex'),
    object,
    account: asker.account,
    sizeBytes,
    expiresAt: clock.now() + dayMs,
    done: false,
  }
  const room = [{ id: object, sizeBytes }]
  await withRoom(deps, asker.account, room, () => begin(deps, upload, open))
  return openState(upload)
}

/** @param before the upload that brought this object, if any */
const begin = async (
  { db, clock, objects }: FilesDeps,
  upload: UploadRow,
  before: UploadRow | undefined,
): Promise<void> => {
  const { object, account, sizeBytes } = upload
  objects.uploads.begin(upload)
  try {
    await inTransaction(db, async (trx) => {
      if ((await findObjects(trx, [object])).size > 0)
        throw new ProblemError('object_exists', 'There is an object of this id already.')
      if ((await countOpenUploads(trx, account)) >= openUploadsLimit)
        throw new ProblemError('rate_limited', 'Finish or cancel other uploads first.')
      await chargeObjects(trx, account, sizeBytes)
      const row = { id: object, owner: account, sizeBytes, sha256: undefined }
      await insertObjects(trx, [row], clock.now())
      // An upload that was done remains for a day, even if its object was erased since.
      if (before) await deleteUpload(trx, before.upload)
      await insertUpload(trx, upload)
    })
  } catch (error) {
    await objects.uploads.remove(upload)
    throw error
  }
}

const checkFits = (upload: { sizeBytes: number }, offset: number, sizeBytes: number): void => {
  if (sizeBytes > upload.sizeBytes - offset)
    throw new ProblemError('object_invalid', 'The upload is smaller than that.')
}

const openState = ({ upload, object, sizeBytes, expiresAt }: UploadRow): UploadState => ({
  upload,
  object,
  sizeBytes,
  offset: 0,
  done: false,
  expiresAt,
})

/** @throws ProblemError `not_found`, `upload_expired` */
const getUpload = async (deps: FilesDeps, asker: Asker, id: string): Promise<UploadRow> => {
  const upload = await findUpload(deps.db, id, asker.account)
  if (!upload) throw new ProblemError('not_found', 'There is no such upload.')
  if (upload.expiresAt < deps.clock.now()) throw expired()
  return upload
}

const expired = (): ProblemError =>
  new ProblemError('upload_expired', 'This upload was not used for a day, or was cancelled.')

/** The same upload, good for another day. */
const renewed = async ({ db, clock }: FilesDeps, upload: UploadRow): Promise<UploadRow> => {
  const expiresAt = clock.now() + dayMs
  if (expiresAt - upload.expiresAt < expiryStepMs) return upload
  await extendUpload(db, upload.upload, expiresAt)
  return { ...upload, expiresAt }
}

/**
 * Writes down that an object is stored; only then may its sender be told.
 * @throws ProblemError `upload_expired` if it was cancelled while its last bytes came
 */
const record = async (
  { db, clock, objects }: FilesDeps,
  { upload, object }: UploadRow,
  { sha256 }: UploadProgress,
): Promise<void> => {
  if (sha256 === undefined) return
  const known = await inTransaction(db, async (trx) => {
    if (!(await completeUpload(trx, upload))) return false
    await completeObject(trx, object, sha256, clock.now())
    return true
  })
  if (known) return
  await objects.remove([object])
  throw expired()
}

/**
 * Ends an upload that is not done and gives back what it reserved.
 * @returns false if it ended otherwise meanwhile
 */
export const cancelUpload = async (
  { db, objects }: Pick<FilesDeps, 'db' | 'objects'>,
  upload: UploadRow,
): Promise<boolean> => {
  const cancelled = await inTransaction(db, async (trx) => {
    const current = await findUpload(trx, upload.upload, upload.account)
    if (!current || current.done) return false
    await deleteUpload(trx, upload.upload)
    await refundObjects(trx, await deleteObjects(trx, [upload.object]))
    return true
  })
  if (!cancelled) return false
  await objects.uploads.remove(upload)
  // It may have got its name just before a crash, without anybody being told.
  await objects.remove([upload.object])
  return true
}
