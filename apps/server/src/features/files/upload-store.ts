import type { On } from './deps.ts'

export type UploadRow = {
  readonly upload: string
  readonly object: string
  readonly account: string
  readonly sizeBytes: number
  readonly expiresAt: number
  readonly done: boolean
}

type Row = {
  id: string
  object: string
  account: string
  size_bytes: number
  expires_at: number
  done: number
}

const uploadOf = ({ id, size_bytes, expires_at, done, object, account }: Row): UploadRow => ({
  upload: id,
  object,
  account,
  sizeBytes: size_bytes,
  expiresAt: expires_at,
  done: done === 1,
})

/** An account's upload; another's is as unknown as one that never was. */
export const findUpload = async (
  on: On,
  upload: string,
  account: string,
): Promise<UploadRow | undefined> => {
  const row = await on
    .selectFrom('uploads')
    .selectAll()
    .where('id', '=', upload)
    .where('account', '=', account)
    .executeTakeFirst()
  return row && uploadOf(row)
}

/** The upload that is bringing an object. */
export const findUploadOf = async (on: On, object: string): Promise<UploadRow | undefined> => {
  const row = await on
    .selectFrom('uploads')
    .selectAll()
    .where('object', '=', object)
    .executeTakeFirst()
  return row && uploadOf(row)
}

export const countOpenUploads = async (on: On, account: string): Promise<number> => {
  const { count } = await on
    .selectFrom('uploads')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('account', '=', account)
    .where('done', '=', 0)
    .executeTakeFirstOrThrow()
  return count
}

export const insertUpload = async (on: On, upload: UploadRow): Promise<void> => {
  await on
    .insertInto('uploads')
    .values({
      id: upload.upload,
      object: upload.object,
      account: upload.account,
      size_bytes: upload.sizeBytes,
      expires_at: upload.expiresAt,
      done: 0,
    })
    .execute()
}

/** @returns false if it was removed meanwhile */
export const completeUpload = async (on: On, upload: string): Promise<boolean> => {
  const { numUpdatedRows } = await on
    .updateTable('uploads')
    .set({ done: 1 })
    .where('id', '=', upload)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export const extendUpload = async (on: On, upload: string, expiresAt: number): Promise<void> => {
  await on.updateTable('uploads').set({ expires_at: expiresAt }).where('id', '=', upload).execute()
}

export const deleteUpload = async (on: On, upload: string): Promise<void> => {
  await on.deleteFrom('uploads').where('id', '=', upload).execute()
}

/** Uploads that nobody has used for their time, oldest first. */
export const listExpiredUploads = async (
  on: On,
  now: number,
  limit: number,
): Promise<UploadRow[]> => {
  const rows = await on
    .selectFrom('uploads')
    .selectAll()
    .where('expires_at', '<', now)
    .orderBy('expires_at')
    .limit(limit)
    .execute()
  return rows.map(uploadOf)
}

/** Ids of the uploads whose bytes are still coming. */
export const listOpenUploads = async (on: On): Promise<string[]> => {
  const rows = await on.selectFrom('uploads').select('id').where('done', '=', 0).execute()
  return rows.map(({ id }) => id)
}
